//go:build unix

package main

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"syscall"
	"time"

	"github.com/baton-go/baton/netpoll"
)

// A way is one way to find out which descriptor is ready.
type way struct {
	name string
	// watch begins to watch the descriptors for reading, and returns a function
	// that waits until fd, the first of them, is readable, and reads a byte from it.
	watch func(fds []int) (w waiter, err error)
}

type waiter struct {
	wait  func()
	close func() error
}

// ways are those of the platform.
func ways() []way {
	all := []way{
		{"`select`", selector(netpoll.NewSelect)},
		{"`poll`", selector(netpoll.NewPoll)},
	}
	if runtime.GOOS == "linux" {
		all = append(all, way{"`epoll`", selector(netpoll.NewEpoll)})
	} else {
		all = append(all, way{"`kqueue`", selector(netpoll.NewKqueue)})
	}
	return append(all, way{"`Loop.AddReader`", loop})
}

// selector watches with a selector.
func selector(newSelector func() (*netpoll.Selector, error)) func([]int) (waiter, error) {
	return func(fds []int) (waiter, error) {
		s, err := newSelector()
		if err != nil {
			return waiter{}, err
		}
		for _, fd := range fds {
			if _, err := s.Register(fd, netpoll.Read, nil); err != nil {
				return waiter{}, errors.Join(err, s.Close())
			}
		}
		wait := func() {
			ready, err := s.Select(-1)
			if err != nil || len(ready) != 1 || ready[0].Fd != fds[0] {
				panic(fmt.Sprint("events: found ", ready, ", ", err))
			}
			readByte(fds[0])
		}
		return waiter{wait, s.Close}, nil
	}
}

// loop watches with the callbacks of a loop.
func loop(fds []int) (waiter, error) {
	l, err := netpoll.NewLoop()
	if err != nil {
		return waiter{}, err
	}
	done := false
	for i, fd := range fds {
		f := func() { panic("events: an idle descriptor was found ready") }
		if i == 0 {
			f = func() {
				readByte(fd)
				done = true
			}
		}
		if err := l.AddReader(fd, f); err != nil {
			return waiter{}, errors.Join(err, l.Close())
		}
	}
	wait := func() {
		for done = false; !done; {
			l.RunOnce()
		}
	}
	return waiter{wait, l.Close}, nil
}

// A column is what the ways cost with one number of idle descriptors, by name.
type column map[string]cell

// A cell is the cost of an event in nanoseconds, or why there is none.
type cell struct {
	ns  float64
	err error
}

// contender is a way in the course of a measurement.
type contender struct {
	waiter
	out    int // of its pipe
	events int // of a round
	best   float64
}

// measure measures all ways among n idle descriptors. All watch the same idle
// ones, and each a pipe of its own.
func measure(n, rounds int, length time.Duration) (column, error) {
	var fds []int
	defer func() {
		for _, fd := range fds {
			_ = syscall.Close(fd)
		}
	}()
	// The pipes come first, to have numbers that select takes.
	all := ways()
	for range all {
		var p [2]int
		if err := syscall.Pipe(p[:]); err != nil {
			return nil, fmt.Errorf("pipe: %w", err)
		}
		fds = append(fds, p[0], p[1])
	}
	pipes := len(fds)

	cells := make(column)
	for range n {
		fd, err := idleDescriptor()
		if err != nil {
			err = fmt.Errorf("only %s can be opened: %w", thousands(len(fds)-pipes), err)
			for _, w := range all {
				cells[w.name] = cell{err: err}
			}
			return cells, nil
		}
		fds = append(fds, fd)
	}

	contenders := make(map[string]*contender)
	for i, w := range all {
		got, err := w.watch(append([]int{fds[2*i]}, fds[pipes:]...))
		if err != nil {
			cells[w.name] = cell{err: err}
			continue
		}
		defer got.close()
		c := &contender{waiter: got, out: fds[2*i+1], events: 1, best: math.Inf(1)}
		c.size(length)
		contenders[w.name] = c
	}
	for range rounds {
		for _, w := range all {
			if c := contenders[w.name]; c != nil {
				c.round()
			}
		}
	}
	for name, c := range contenders {
		cells[name] = cell{ns: c.best}
	}
	return cells, nil
}

// size finds out how many events last that long. It goes by the best round so
// far: one that was interrupted would make all later ones too short.
func (c *contender) size(length time.Duration) {
	for range 5 {
		c.round()
	}
	for c.best*float64(c.events) < float64(length) {
		c.events *= 2
		c.round()
	}
	c.best = math.Inf(1)
}

// round measures once more.
func (c *contender) round() {
	start := time.Now()
	for range c.events {
		writeByte(c.out)
		c.wait()
	}
	c.best = min(c.best, float64(time.Since(start))/float64(c.events))
}

// idleDescriptor opens something that never becomes readable: a datagram socket
// without an address.
func idleDescriptor() (int, error) {
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_DGRAM, 0)
	if err != nil {
		return -1, fmt.Errorf("socket: %w", err)
	}
	syscall.CloseOnExec(fd)
	return fd, nil
}

func writeByte(fd int) {
	if n, err := syscall.Write(fd, []byte{'x'}); n != 1 {
		panic(fmt.Sprint("events: write: ", err))
	}
}

func readByte(fd int) {
	var b [1]byte
	if n, err := syscall.Read(fd, b[:]); n != 1 {
		panic(fmt.Sprint("events: read: ", err))
	}
}

// raiseLimit makes the number of descriptors that the process may have as large as
// it can be.
func raiseLimit() error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("getrlimit: %w", err)
	}
	if limit.Cur == limit.Max {
		return nil
	}
	limit.Cur = limit.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("setrlimit: %w", err)
	}
	return nil
}
