// Package bench compares Baton with the same things done in plain Go, and in Python.
//
// It is a module of its own, so that what it needs is no dependency of Baton's
// users. It has commands, and ordinary benchmarks:
//
//	go run ./ratios                # each pair side by side, the ratio and its budget
//	go run ./million               # a million sleeping greenlets
//	go run ./million -goroutines   # a million sleeping goroutines
//	go run ./timers                # a million timers, next to package time's
//	go run ./events                # an event among idle descriptors, by select, poll, epoll and the loop
//	go run ./echoes                # the echo servers' CPU time for a request
//	go run ./asyncio               # asyncio next to Python's asyncio and uvloop
//	go test -bench . -benchmem     # the pairs as benchmarks
//
// The pairs stand in one table, cases.All in internal/cases; a new row there is
// all that a new comparison needs.
package bench
