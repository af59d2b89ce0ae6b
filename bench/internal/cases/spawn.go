package cases

import (
	"iter"
	"runtime"
	"sync"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/event"
	"github.com/baton-go/baton/greenlet"
)

// crowd is how many greenlets or goroutines there are at a time where it is many.
const crowd = 1000

// inHub runs f in a gevent thread. An error of Run is a mistake of the case.
func inHub(f func()) {
	if err := gevent.Run(f); err != nil {
		panic(err)
	}
}

// greenletLife makes greenlets and switches to them, one after the other; each
// ends at once. The first one makes the carrier that the others use.
func greenletLife(m Meter, n int) {
	greenlet.Run(func() {
		f := func() {}
		greenlet.New(f).Switch()
		m.Start()
		for range n {
			greenlet.New(f).Switch()
		}
		m.Stop()
	})
}

// goroutineLife starts and awaits goroutines, one after the other.
func goroutineLife(m Meter, n int) {
	var wg sync.WaitGroup
	f := func() { wg.Done() }
	m.Start()
	for range n {
		wg.Add(1)
		go f()
		wg.Wait()
	}
	m.Stop()
}

// spawnBatch spawns and joins greenlets a crowd at a time.
func spawnBatch(m Meter, n int) {
	inHub(func() {
		f := func() {}
		batch := make([]gevent.Joinable, min(n, crowd))
		do := func(n int) {
			for i := range n {
				batch[i] = gevent.Spawn(f)
			}
			gevent.JoinAll(batch[:n]...)
		}
		do(len(batch))
		m.Start()
		for ; n > crowd; n -= crowd {
			do(crowd)
		}
		do(n)
		m.Stop()
	})
}

// goroutineBatch starts and awaits goroutines a crowd at a time.
func goroutineBatch(m Meter, n int) {
	var wg sync.WaitGroup
	f := func() { wg.Done() }
	do := func(n int) {
		wg.Add(n)
		for range n {
			go f()
		}
		wg.Wait()
	}
	do(min(n, crowd))
	m.Start()
	for ; n > crowd; n -= crowd {
		do(crowd)
	}
	do(n)
	m.Stop()
}

// spawnParked is spawnBatch of greenlets that wait once, all at the same time.
func spawnParked(m Meter, n int) {
	inHub(func() {
		e := event.New()
		f := e.Wait
		batch := make([]gevent.Joinable, min(n, crowd))
		do := func(n int) {
			for i := range n {
				batch[i] = gevent.Spawn(f)
			}
			gevent.Sleep(0) // now all wait
			e.Set()
			gevent.JoinAll(batch[:n]...)
			e.Clear()
		}
		do(len(batch))
		m.Start()
		for ; n > crowd; n -= crowd {
			do(crowd)
		}
		do(n)
		m.Stop()
	})
}

// goroutineParked is goroutineBatch of goroutines that wait once, all at the same
// time.
func goroutineParked(m Meter, n int) {
	var begun, ended sync.WaitGroup
	do := func(n int) {
		begun.Add(n)
		ended.Add(n)
		end := make(chan struct{})
		f := func() {
			begun.Done()
			<-end
			ended.Done()
		}
		for range n {
			go f()
		}
		begun.Wait()
		close(end)
		ended.Wait()
	}
	do(min(n, crowd))
	m.Start()
	for ; n > crowd; n -= crowd {
		do(crowd)
	}
	do(n)
	m.Stop()
}

// spawnJoin spawns and joins greenlets one after the other.
func spawnJoin(m Meter, n int) {
	inHub(func() {
		f := func() {}
		gevent.Spawn(f).Join()
		m.Start()
		for range n {
			gevent.Spawn(f).Join()
		}
		m.Stop()
	})
}

// share is how many of n operations the i-th of a crowd does.
func share(i, n int) int {
	if i < n%crowd {
		return n/crowd + 1
	}
	return n / crowd
}

// sleepZero has a crowd of greenlets give way to each other.
func sleepZero(m Meter, n int) {
	inHub(func() {
		all := make([]gevent.Joinable, crowd)
		for i := range all {
			all[i] = gevent.Spawn(func() {
				gevent.Sleep(0) // so that all have begun when the measurement starts
				for range share(i, n) {
					gevent.Sleep(0)
				}
			})
		}
		gevent.Sleep(0)
		m.Start()
		gevent.JoinAll(all...)
		m.Stop()
	})
}

// gosched has a crowd of goroutines give way to each other.
func gosched(m Meter, n int) {
	var begun, ended sync.WaitGroup
	begun.Add(crowd)
	ended.Add(crowd)
	start := make(chan struct{})
	for i := range crowd {
		go func() {
			begun.Done()
			<-start
			for range share(i, n) {
				runtime.Gosched()
			}
			ended.Done()
		}()
	}
	begun.Wait()
	m.Start()
	close(start)
	ended.Wait()
	m.Stop()
}

// pullAndAllocate does what a greenlet's life cannot do without.
func pullAndAllocate(m Meter, n int) {
	next, stop := iter.Pull(countSeq)
	next()
	m.Start()
	for range n {
		allocated = new([128]byte)
		next()
	}
	m.Stop()
	stop()
	runtime.KeepAlive(allocated)
}

var allocated *[128]byte

// pullCrowd switches to many coroutines in turn, and back.
func pullCrowd(m Meter, n int) {
	var nexts [crowd]func() (int, bool)
	for i := range nexts {
		next, stop := iter.Pull(countSeq)
		next()
		nexts[i] = next
		defer stop()
	}
	m.Start()
	for range n / (2 * crowd) {
		for _, next := range nexts {
			next()
		}
	}
	m.Stop()
}
