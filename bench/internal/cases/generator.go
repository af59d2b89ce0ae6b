package cases

import (
	"iter"

	"github.com/baton-go/baton/coro"
	"github.com/baton-go/baton/greenlet"
)

// count yields 0, 1, 2, ... for as long as it is asked.
func count(yield func(int) error) error {
	for i := 0; ; i++ {
		if err := yield(i); err != nil {
			return err
		}
	}
}

// countSeq is count for package iter.
func countSeq(yield func(int) bool) {
	for i := 0; yield(i); i++ {
	}
}

// must panics where a case is mistaken.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// generatorNext takes values from a generator one by one.
func generatorNext(m Meter, n int) {
	g := coro.Generate(count)
	must(g.Next())
	m.Start()
	for range n {
		if _, err := g.Next(); err != nil {
			panic(err)
		}
	}
	m.Stop()
	must(0, g.Close())
}

// pullNext takes values from an iterator one by one.
func pullNext(m Meter, n int) {
	takeFrom(m, n, countSeq)
}

func takeFrom(m Meter, n int, seq iter.Seq[int]) {
	next, stop := iter.Pull(seq)
	next()
	m.Start()
	for range n {
		if _, ok := next(); !ok {
			panic("the iterator has ended")
		}
	}
	m.Stop()
	stop()
}

// generatorRange takes values from a generator with a range loop.
func generatorRange(m Meter, n int) {
	g := coro.Generate(count)
	m.Start()
	sum := 0
	for v := range g.All() {
		sum += v
		if v == n-1 {
			break
		}
	}
	m.Stop()
	must(0, g.Close())
	if sum != n*(n-1)/2 {
		panic("the range has left something out")
	}
}

// coroutineSend sends values into a coroutine and takes values from it.
func coroutineSend(m Meter, n int) {
	c := coro.New(func(yield func(int) (int, error)) (struct{}, error) {
		v := 0
		for {
			in, err := yield(v)
			if err != nil {
				return struct{}{}, err
			}
			v = in + 1
		}
	})
	must(c.Next())
	v := 0
	m.Start()
	for range n {
		out, err := c.Send(v)
		if err != nil {
			panic(err)
		}
		v = out
	}
	m.Stop()
	must(0, c.Close())
	if v != n {
		panic("the coroutine has lost a value")
	}
}

// depth is how many generators delegate to another.
const depth = 10

// yieldFrom takes values through a chain of coroutines that delegate.
func yieldFrom(m Meter, n int) {
	type coroutine = coro.Coroutine[struct{}, int, struct{}]
	type yielder = func(int) (struct{}, error)
	c := coro.New(func(yield yielder) (struct{}, error) {
		return struct{}{}, count(func(v int) error {
			_, err := yield(v)
			return err
		})
	})
	for range depth {
		c = func(sub *coroutine) *coroutine {
			return coro.New(func(yield yielder) (struct{}, error) { return coro.YieldFrom(yield, sub) })
		}(c)
	}
	must(c.Next())
	m.Start()
	for range n {
		if _, err := c.Next(); err != nil {
			panic(err)
		}
	}
	m.Stop()
	must(0, c.Close())
}

// pullNested takes values through a chain of iterators that delegate, which is
// what there is of it in plain Go: one goroutine, and a call at each level.
func pullNested(m Meter, n int) {
	seq := iter.Seq[int](countSeq)
	for range depth {
		seq = func(sub iter.Seq[int]) iter.Seq[int] {
			return func(yield func(int) bool) {
				for v := range sub {
					if !yield(v) {
						return
					}
				}
			}
		}(seq)
	}
	takeFrom(m, n, seq)
}

// coroutineLife makes coroutines, takes their one value and lets them end.
func coroutineLife(m Meter, n int) {
	body := func(yield func(int) (struct{}, error)) (struct{}, error) {
		_, err := yield(1)
		return struct{}{}, err
	}
	m.Start()
	for range n {
		c := coro.New(body)
		must(c.Next())
		if _, err := c.Next(); err == nil {
			panic("the coroutine has not ended")
		}
	}
	m.Stop()
}

// coroutineLifeInRun is coroutineLife in a thread, which keeps goroutines for
// later coroutines.
func coroutineLifeInRun(m Meter, n int) {
	greenlet.Run(func() { coroutineLife(m, n) })
}

// pullLife makes iterators, takes their one value and lets them end.
func pullLife(m Meter, n int) {
	seq := func(yield func(int) bool) { yield(1) }
	m.Start()
	for range n {
		next, stop := iter.Pull(seq)
		next()
		if _, ok := next(); ok {
			panic("the iterator has not ended")
		}
		stop()
	}
	m.Stop()
}

// pingInGenerator takes values from a generator that switches to a greenlet and
// back before each: four switches.
func pingInGenerator(m Meter, n int) {
	greenlet.Run(func() {
		main := greenlet.Current()
		ponger := greenlet.New(func() {
			for {
				if _, err := main.Switch(); err != nil {
					return
				}
			}
		})
		g := coro.Generate(func(yield func(int) error) error {
			return count(func(v int) error {
				if _, err := ponger.Switch(); err != nil {
					return err
				}
				return yield(v)
			})
		})
		must(g.Next())
		m.Start()
		for range n {
			if _, err := g.Next(); err != nil {
				panic(err)
			}
		}
		m.Stop()
		must(0, g.Close())
	})
}

// pingInPull takes values from an iterator that exchanges a message with another
// goroutine before each.
func pingInPull(m Meter, n int) {
	ping, pong := make(chan struct{}), make(chan struct{})
	go func() {
		for range ping {
			pong <- struct{}{}
		}
		close(pong)
	}()
	takeFrom(m, n, func(yield func(int) bool) {
		countSeq(func(v int) bool {
			ping <- struct{}{}
			<-pong
			return yield(v)
		})
	})
	close(ping)
	<-pong
}
