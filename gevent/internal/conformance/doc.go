// Package conformance compares package gevent and the packages below it with
// Python's gevent: see its test, and gevent/testdata/conformance for the traces.
package conformance
