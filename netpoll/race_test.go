//go:build race

package netpoll_test

// raceEnabled says that the race detector makes everything slow.
const raceEnabled = true
