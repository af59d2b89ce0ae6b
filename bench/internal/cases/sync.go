package cases

import (
	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/event"
	"github.com/baton-go/baton/gevent/lock"
	"github.com/baton-go/baton/gevent/queue"
)

// mustDo panics if something failed that cannot.
func mustDo(err error) {
	if err != nil {
		panic(err)
	}
}

// between runs two greenlets that hand something over to each other, n times in
// all: step is what one does to have something handed over and back, and other what
// the other does meanwhile.
func between(m Meter, n int, step, other func()) {
	mustDo(gevent.Run(func() {
		g := gevent.Spawn(func() {
			for {
				other()
			}
		})
		gevent.Sleep(0)
		step()
		m.Start()
		for i := 0; i < n; i += 2 {
			step()
		}
		m.Stop()
		g.Kill()
	}))
}

// queueHandover puts an item for a greenlet that is parked in a Get, and gets one
// from it: n counts the items of both.
func queueHandover(m Meter, n int) {
	there, back := queue.New[int](0), queue.New[int](0)
	between(m, n, func() {
		mustDo(there.Put(1))
		_, _ = back.Get()
	}, func() {
		v, _ := there.Get()
		mustDo(back.Put(v))
	})
}

// channelHandover does the same with Channels.
func channelHandover(m Meter, n int) {
	there, back := queue.NewChannel[int](), queue.NewChannel[int]()
	between(m, n, func() {
		mustDo(there.Put(1))
		_, _ = back.Get()
	}, func() {
		v, _ := there.Get()
		mustDo(back.Put(v))
	})
}

// semaphoreHandover releases a semaphore for which the other waits, and waits for
// the other's.
func semaphoreHandover(m Meter, n int) {
	there, back := lock.NewSemaphore(0), lock.NewSemaphore(0)
	between(m, n, func() {
		there.Release()
		back.Acquire()
	}, func() {
		there.Acquire()
		back.Release()
	})
}

// eventHandover sets an Event for which the other waits, and waits for the other's.
func eventHandover(m Meter, n int) {
	there, back := event.New(), event.New()
	between(m, n, func() {
		there.Set()
		back.Wait()
		back.Clear()
	}, func() {
		there.Wait()
		there.Clear()
		back.Set()
	})
}

// eventCrowd is how many greenlets wait for one Event.
const eventCrowd = 100_000

// eventWakeAll wakes a crowd that waits for one Event: n counts the greenlets.
func eventWakeAll(m Meter, n int) {
	mustDo(gevent.Run(func() {
		e := event.New()
		for range n {
			gevent.Spawn(func() { e.Wait() })
		}
		gevent.Sleep(0)
		m.Start()
		e.Set()
		gevent.Sleep(0)
		m.Stop()
	}))
}

// closeWakeAll wakes a crowd of goroutines that wait for one channel.
func closeWakeAll(m Meter, n int) {
	start, done := make(chan struct{}), make(chan struct{})
	for range n {
		go func() {
			<-start
			done <- struct{}{}
		}()
	}
	m.Start()
	close(start)
	for range n {
		<-done
	}
	m.Stop()
}
