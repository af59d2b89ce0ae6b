package echoload

import (
	"fmt"
	"time"

	"github.com/baton-go/baton/examples/internal/cputime"
)

// A Tally counts what a server has done. All connections share it, in turns.
type Tally struct {
	Conns, Failed, Requests int
	Bytes                   int64

	first, last           time.Time     // when the first connection came, and the last one went
	cpuAtFirst, cpuAtLast time.Duration // what the process had used by then
}

// Opened counts a connection.
func (t *Tally) Opened() {
	if t.Conns++; t.Conns == 1 {
		t.first, t.cpuAtFirst = time.Now(), cputime.Used()
	}
}

// Served counts a request of n bytes.
func (t *Tally) Served(n int) {
	t.Requests++
	t.Bytes += int64(n)
}

// Closed notes the end of a connection, and the error if it was broken off.
func (t *Tally) Closed(err error) {
	if err != nil {
		t.Failed++
	}
	t.last, t.cpuAtLast = time.Now(), cputime.Used()
}

// String says what was served, and how fast.
func (t *Tally) String() string {
	text := fmt.Sprintf("echo: served %d connections (%d broken off), %d requests, %d bytes", t.Conns, t.Failed, t.Requests, t.Bytes)
	took := t.last.Sub(t.first)
	if t.Requests == 0 || took <= 0 {
		return text
	}
	n := time.Duration(t.Requests)
	return fmt.Sprintf("%s\nechoed in %v: %.0f requests/s, %v of the server's CPU time for each",
		text, took.Round(time.Millisecond), float64(t.Requests)/took.Seconds(), (t.cpuAtLast-t.cpuAtFirst)/n)
}
