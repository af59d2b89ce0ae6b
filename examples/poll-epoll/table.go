package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/baton-go/baton/examples/internal/rawnet"
	"github.com/baton-go/baton/netpoll"
)

// A table is what was measured: for each number of idle connections, the cost of
// an event with each poller.
type table struct {
	pollers []string
	rows    []row
}

// A row is for one number of idle connections.
type row struct {
	idle int
	cost map[string]time.Duration // by poller; none if it can't watch so many
}

func (t table) print(w io.Writer) error {
	tab := tabwriter.NewWriter(w, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprint(tab, "idle connections\t")
	for _, p := range t.pollers {
		fmt.Fprint(tab, p, "\t")
	}
	fmt.Fprintln(tab)
	for _, r := range t.rows {
		fmt.Fprint(tab, r.idle, "\t")
		for _, p := range t.pollers {
			if c, ok := r.cost[p]; ok {
				fmt.Fprintf(tab, "%.2f µs\t", float64(c)/float64(time.Microsecond))
			} else {
				fmt.Fprint(tab, "-\t")
			}
		}
		fmt.Fprintln(tab)
	}
	return tab.Flush()
}

// spare is how many descriptors are left for everything but idle connections.
const spare = 50

// measure measures select, poll and the best of the platform with each number of
// idle connections that the limit on open files allows, and says on w which it
// does not.
func measure(w io.Writer, sizes []int) (table, error) {
	best, err := open("best")
	if err != nil {
		return table{}, err
	}
	t := table{pollers: []string{"select", "poll", best.Name()}}
	if err := best.Close(); err != nil {
		return table{}, err
	}
	limit := raiseLimit()
	for _, n := range sizes {
		if n+spare > limit {
			fmt.Fprintf(w, "%d idle connections are left out: this process may open %d files\n", n, limit)
			continue
		}
		r, err := measureRow(t.pollers, n)
		if err != nil {
			return table{}, err
		}
		t.rows = append(t.rows, r)
	}
	return t, nil
}

// The measurement: so many rounds of so many events with each poller, in turns,
// so that all have the same good and bad luck.
const (
	rounds = 20
	events = 50
)

// measureRow measures with n idle connections.
func measureRow(pollers []string, n int) (_ row, err error) {
	l, address, err := rawnet.Listen("127.0.0.1:0")
	if err != nil {
		return row{}, err
	}
	defer rawnet.Close(l)
	// The selectors and the connection that is not idle come first: select takes
	// low numbers only.
	a := arena{listener: l}
	defer a.close()
	if a.arrivals, err = open("best"); err != nil {
		return row{}, err
	}
	defer a.arrivals.Close()
	if _, err := a.arrivals.Register(l, netpoll.Read, nil); err != nil {
		return row{}, err
	}
	selectors := map[string]*netpoll.Selector{}
	for _, p := range pollers {
		sel, err := open(p)
		if err != nil {
			return row{}, err
		}
		defer sel.Close()
		selectors[p] = sel
	}
	if a.far, err = rawnet.Dial(address); err != nil {
		return row{}, err
	}
	a.open = append(a.open, a.far)
	if a.near, err = a.accept(); err != nil {
		return row{}, err
	}
	release, err := a.fill(address, n)
	if err != nil {
		return row{}, err
	}
	defer func() { err = errors.Join(err, release()) }()

	r := row{idle: n, cost: map[string]time.Duration{}}
	for _, p := range pollers {
		if err := a.register(selectors[p]); errors.Is(err, netpoll.ErrFdTooLarge) {
			delete(selectors, p)
		} else if err != nil {
			return row{}, err
		}
	}
	for range rounds {
		for p, sel := range selectors {
			cost, err := a.round(sel)
			if err != nil {
				return row{}, err
			}
			if least, ok := r.cost[p]; !ok || cost < least {
				r.cost[p] = cost
			}
		}
	}
	return r, nil
}

// An arena is the connections of a measurement.
type arena struct {
	listener  int
	arrivals  *netpoll.Selector // watches the listener
	open      []int             // what the arena closes
	idle      []int
	near, far int // the two ends of the connection that is not idle
}

func (a *arena) close() {
	for _, fd := range a.open {
		rawnet.Close(fd)
	}
}

// accept waits for a connection and takes it.
func (a *arena) accept() (int, error) {
	ready, err := a.arrivals.Select(30 * time.Second)
	if err == nil && len(ready) == 0 {
		err = errors.New("poll-epoll: the second process does not connect")
	}
	if err != nil {
		return -1, err
	}
	fd, _, err := rawnet.Accept(a.listener)
	if err == nil {
		a.open = append(a.open, fd)
	}
	return fd, err
}

// fill has a second process connect n idle clients. Release ends it.
func (a *arena) fill(address string, n int) (release func() error, err error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	second := exec.Command(program, "-hold", strconv.Itoa(n), "-to", address)
	second.Stderr = os.Stderr
	stdin, err := second.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := second.Start(); err != nil {
		return nil, err
	}
	release = func() error { return errors.Join(stdin.Close(), second.Wait()) }
	for range n {
		fd, err := a.accept()
		if err != nil {
			return nil, errors.Join(err, release())
		}
		a.idle = append(a.idle, fd)
	}
	return release, nil
}

// register has sel watch all connections.
func (a *arena) register(sel *netpoll.Selector) error {
	for _, fd := range append([]int{a.near}, a.idle...) {
		if _, err := sel.Register(fd, netpoll.Read, nil); err != nil {
			return err
		}
	}
	return nil
}

// round makes events and returns the mean time of the calls that report them.
func (a *arena) round(sel *netpoll.Selector) (time.Duration, error) {
	var took time.Duration
	p := []byte{'x'}
	for range events {
		if _, err := rawnet.Write(a.far, p); err != nil {
			return 0, err
		}
		begin := time.Now()
		ready, err := sel.Select(-1)
		took += time.Since(begin)
		if err != nil {
			return 0, err
		}
		if len(ready) != 1 || ready[0].Fd != a.near {
			return 0, fmt.Errorf("poll-epoll: %s reported %v, want descriptor %d", sel.Name(), ready, a.near)
		}
		if _, err := rawnet.Read(a.near, p); err != nil {
			return 0, err
		}
	}
	return took / events, nil
}

// holdIdle is the second process: it connects n times, and holds the connections
// until the end of its standard input.
func holdIdle(address string, n int) error {
	for range n {
		c, err := net.Dial("tcp", address)
		if err != nil {
			return err
		}
		defer c.Close()
		if err := c.(*net.TCPConn).SetLinger(0); err != nil { // its end leaves nothing behind
			return err
		}
	}
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}
