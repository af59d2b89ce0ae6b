package asynciotest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/baton-go/baton/asyncio"
)

// A Sequencer puts steps of different tasks in order: step n begins when step n-1
// has ended.
//
//	var seq asynciotest.Sequencer
//	// in one task
//	err := seq.Do(ctx, 0, func() error { ... })
//	err = seq.Do(ctx, 2, func() error { ... })
//	// in another
//	err := seq.Do(ctx, 1, func() error { ... })
//
// The zero Sequencer begins with step 0. It is for the tasks of one loop. It
// mirrors trio.testing.Sequencer.
type Sequencer struct {
	begun  map[int]bool
	ended  int // steps that have
	broken bool
	turns  map[int]*asyncio.Future[struct{}] // of steps that wait
}

// ErrSequencerBroken is matched by the error of a step that can never begin,
// because a task gave up waiting for an earlier one.
var ErrSequencerBroken = errors.New("asynciotest: a step of the sequence was given up")

// Do waits until the steps before n, which counts from 0, have ended, and calls f,
// which may wait, and whose end is the end of the step, also if it panics. It
// returns f's error; or an error of waiting, that of asyncio.Future's Await, after
// which the sequence is broken; or one that matches [ErrSequencerBroken].
//
// It parks the calling task until its turn has come. It panics if a step is done
// twice.
func (s *Sequencer) Do(ctx context.Context, n int, f func() error) error {
	if n < 0 || s.begun[n] {
		panic(fmt.Sprintf("asynciotest.Sequencer.Do: step %d is negative or was begun before; give each step a number of its own, from 0 up", n))
	}
	if s.begun == nil {
		s.begun = make(map[int]bool)
		s.turns = make(map[int]*asyncio.Future[struct{}])
	}
	s.begun[n] = true
	if !s.broken && n > s.ended {
		turn := asyncio.NewFuture[struct{}](asyncio.RunningLoop(ctx))
		s.turns[n] = turn
		_, err := turn.Await(ctx)
		delete(s.turns, n)
		if err != nil {
			s.release(true)
			return fmt.Errorf("asynciotest.Sequencer.Do: step %d: %w", n, err)
		}
	}
	if s.broken {
		return fmt.Errorf("asynciotest.Sequencer.Do: step %d: %w", n, ErrSequencerBroken)
	}
	defer func() {
		s.ended++
		s.release(false)
	}()
	return f()
}

// release lets the next step begin, or, if the sequence is broken, all that wait
// return.
func (s *Sequencer) release(broken bool) {
	s.broken = s.broken || broken
	for _, n := range slices.Sorted(maps.Keys(s.turns)) {
		if turn := s.turns[n]; (s.broken || n == s.ended) && !turn.Done() {
			_ = turn.SetResult(struct{}{}) // it can only fail if it is done
		}
	}
}
