package cases

import "github.com/baton-go/baton/greenlet"

// greenletSwitch is a symmetric switch: two greenlets switch to each other, and n
// counts the switches of both.
func greenletSwitch(m Meter, n int) {
	greenlet.Run(func() {
		main := greenlet.Current()
		g := greenlet.New(func() {
			for {
				if _, err := main.Switch(); err != nil {
					return
				}
			}
		})
		g.Switch()
		m.Start()
		for i := 0; i < n; i += 2 {
			g.Switch()
		}
		m.Stop()
	})
}

// channelTransfer is half of a ping-pong between two goroutines.
func channelTransfer(m Meter, n int) {
	ping, pong := make(chan struct{}), make(chan struct{})
	go func() {
		for range ping {
			pong <- struct{}{}
		}
		close(pong)
	}()
	m.Start()
	for i := 0; i < n; i += 2 {
		ping <- struct{}{}
		<-pong
	}
	m.Stop()
	close(ping)
	<-pong
}

// valueSwitch is greenletSwitch with a pointer each way.
func valueSwitch(m Meter, n int) {
	greenlet.Run(func() {
		main := greenlet.Current()
		value := new(int)
		g := greenlet.New(func() {
			for {
				if _, err := main.Switch(value); err != nil {
					return
				}
			}
		})
		g.Switch(value)
		m.Start()
		for i := 0; i < n; i += 2 {
			g.Switch(value)
		}
		m.Stop()
	})
}

// valueTransfer is channelTransfer with a pointer each way, in an any as Switch
// has it.
func valueTransfer(m Meter, n int) {
	ping, pong := make(chan any), make(chan any)
	go func() {
		for v := range ping {
			pong <- v
		}
		close(pong)
	}()
	value := new(int)
	m.Start()
	for i := 0; i < n; i += 2 {
		ping <- value
		<-pong
	}
	m.Stop()
	close(ping)
	<-pong
}

// ringSize is the number of greenlets or goroutines in a ring.
const ringSize = 8

// ringSwitch goes round a ring of greenlets; n counts the single switches.
func ringSwitch(m Meter, n int) {
	greenlet.Run(func() {
		var ring [ringSize]*greenlet.Greenlet
		ring[0] = greenlet.Current()
		for i := 1; i < ringSize; i++ {
			ring[i] = greenlet.New(func() {
				for {
					if _, err := ring[(i+1)%ringSize].Switch(); err != nil {
						return
					}
				}
			})
		}
		ring[1].Switch()
		m.Start()
		for i := 0; i < n; i += ringSize {
			ring[1].Switch()
		}
		m.Stop()
	})
}

// ringTransfer sends a token round a ring of goroutines; n counts the single
// transfers.
func ringTransfer(m Meter, n int) {
	var ring [ringSize]chan struct{}
	for i := range ring {
		ring[i] = make(chan struct{})
	}
	for i := 1; i < ringSize; i++ {
		go func() {
			next := ring[(i+1)%ringSize]
			for range ring[i] {
				next <- struct{}{}
			}
			close(next)
		}()
	}
	m.Start()
	for i := 0; i < n; i += ringSize {
		ring[1] <- struct{}{}
		<-ring[0]
	}
	m.Stop()
	close(ring[1])
	<-ring[0]
}

// pullTransfer switches to a coroutine and back: two transfers.
func pullTransfer(m Meter, n int) {
	takeFrom(m, n/2, countSeq)
}
