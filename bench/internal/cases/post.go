package cases

import (
	"os"

	"github.com/baton-go/baton/netpoll"
)

// withRunningLoop calls f while a loop runs on another goroutine.
func withRunningLoop(f func(l *netpoll.Loop)) {
	withLoop(func(l *netpoll.Loop) {
		l.Ref()
		ended := make(chan error)
		go func() { ended <- l.Run() }()
		f(l)
		if err := l.Post(l.Unref); err != nil {
			panic(err)
		}
		if err := <-ended; err != nil {
			panic(err)
		}
	})
}

// postRoundTrip posts to a loop that has nothing else to do, and waits for the
// answer.
func postRoundTrip(m Meter, n int) {
	withRunningLoop(func(l *netpoll.Loop) { roundTrips(l, m, n) })
}

// postRoundTripDescriptor is postRoundTrip with a loop that watches a pipe.
func postRoundTripDescriptor(m Meter, n int) {
	withRunningLoop(func(l *netpoll.Loop) {
		r, w, err := os.Pipe()
		if err != nil {
			panic(err)
		}
		fd := int(r.Fd())
		posted := func(f func()) {
			done := make(chan struct{})
			if err := l.Post(func() { f(); close(done) }); err != nil {
				panic(err)
			}
			<-done
		}
		posted(func() {
			if err := l.AddReader(fd, func() {}); err != nil {
				panic(err)
			}
		})
		roundTrips(l, m, n)
		posted(func() { l.RemoveReader(fd) })
		r.Close()
		w.Close()
	})
}

func roundTrips(l *netpoll.Loop, m Meter, n int) {
	answer := make(chan struct{}, 1)
	f := func() { answer <- struct{}{} }
	m.Start()
	for range n {
		if err := l.Post(f); err != nil {
			panic(err)
		}
		<-answer
	}
	m.Stop()
}

// channelRoundTrip is a ping-pong between two goroutines.
func channelRoundTrip(m Meter, n int) {
	channelTransfer(m, 2*n)
}

// postStream posts without waiting for anything but the last to have run.
func postStream(m Meter, n int) {
	withRunningLoop(func(l *netpoll.Loop) {
		ran, last := 0, make(chan struct{})
		f := func() {
			if ran++; ran == n {
				close(last)
			}
		}
		m.Start()
		for range n {
			if err := l.Post(f); err != nil {
				panic(err)
			}
		}
		<-last
		m.Stop()
	})
}

// channelStream is postStream with a goroutine that receives functions.
func channelStream(m Meter, n int) {
	c := make(chan func(), 1024)
	ran, last := 0, make(chan struct{})
	f := func() {
		if ran++; ran == n {
			close(last)
		}
	}
	go func() {
		for f := range c {
			f()
		}
	}()
	m.Start()
	for range n {
		c <- f
	}
	<-last
	m.Stop()
	close(c)
}

// postAwake posts to a loop on its own goroutine: what Post costs without a
// sleeper to wake.
func postAwake(m Meter, n int) {
	withLoop(func(l *netpoll.Loop) {
		f := func() {}
		m.Start()
		for range n {
			if err := l.Post(f); err != nil {
				panic(err)
			}
			l.RunOnce()
		}
		m.Stop()
	})
}

// bufferedChannel passes a function to itself.
func bufferedChannel(m Meter, n int) {
	c := make(chan func(), 1)
	f := func() {}
	m.Start()
	for range n {
		c <- f
		(<-c)()
	}
	m.Stop()
}
