package coro

import (
	"fmt"
	"sync/atomic"
)

// State is what a generator is doing. Python: inspect.getgeneratorstate.
type State uint8

// A generator goes through its states in this order, to and fro between Running
// and Suspended. Close and Throw take a Created one straight to Closed.
const (
	Created   State = iota // not started: the first Next or All starts it
	Running                // its body runs, or something that its body called
	Suspended              // its body waits in yield
	Closed                 // finished, in whichever way
)

// String returns the state in lower case.
func (s State) String() string {
	switch s {
	case Created:
		return "created"
	case Running:
		return "running"
	case Suspended:
		return "suspended"
	case Closed:
		return "closed"
	}
	return fmt.Sprintf("State(%d)", uint8(s))
}

// live counts the generators that are started and not finished.
var live atomic.Int64

// Live returns the number of generators in the process that are started and not
// finished. Each of them keeps a goroutine, so a number that only grows is a
// leak: somebody drops generators instead of finishing or closing them. Any
// goroutine may call it.
func Live() int { return int(live.Load()) }

// State returns what the generator is doing. Of a generator that is neither
// Created nor Closed only goroutines of its own thread may ask.
func (c *Coroutine[In, Out, Ret]) State() State {
	switch c.life.Load() {
	case lifeNew:
		return Created
	case lifeOver:
		return Closed
	}
	return c.state
}

// Name returns the name that [WithName] gave, or "".
func (c *Coroutine[In, Out, Ret]) Name() string { return c.name }

// String returns the generator's name, or its address if it has none, and its
// state. The rule for callers is State's.
func (c *Coroutine[In, Out, Ret]) String() string {
	return fmt.Sprintf("%s (%v)", c.label(), c.State())
}

// label names the generator in messages.
func (c *Coroutine[In, Out, Ret]) label() string {
	if c.name != "" {
		return fmt.Sprintf("generator %q", c.name)
	}
	return fmt.Sprintf("generator %p", c)
}
