package gevent_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/baton-go/baton/gevent"
)

func ExampleWithTimeout() {
	_ = gevent.Run(func() {
		err := gevent.WithTimeout(10*time.Millisecond, func() error {
			defer fmt.Println("cleaned up")
			gevent.Sleep(time.Hour)
			return nil
		})
		fmt.Println(err)
		fmt.Println(errors.Is(err, gevent.ErrTimeout))
	}, virtual())
	// Output:
	// cleaned up
	// gevent: timed out after 0.01 seconds
	// true
}

func ExampleWithTimeoutValue() {
	_ = gevent.Run(func() {
		answer, err := gevent.WithTimeoutValue(time.Second, "no answer", func() (string, error) {
			gevent.Sleep(time.Hour)
			return "42", nil
		})
		fmt.Println(answer, err)
	}, virtual())
	// Output: no answer <nil>
}

func ExampleTimeout() {
	_ = gevent.Run(func() {
		whole := gevent.NewTimeout(3 * time.Second)
		err := whole.Do(func() error {
			for {
				step := gevent.NewTimeout(time.Second)
				err := step.Do(func() error { gevent.Sleep(time.Hour); return nil })
				fmt.Println("step:", err == step)
			}
		})
		fmt.Println("whole:", err == whole)
	}, virtual())
	// Output:
	// step: true
	// step: true
	// whole: true
}

func ExampleTry() {
	_ = gevent.Run(func() {
		g := gevent.Spawn(func() {
			done := 0
			err := gevent.Try(func() error {
				for ; ; done++ {
					gevent.Sleep(time.Second)
				}
			})
			fmt.Println("after", done, "rounds:", err)
			gevent.Raise(err)
		})
		gevent.Sleep(3500 * time.Millisecond)
		g.Kill()
		fmt.Println("killed:", g.Killed())
	}, virtual())
	// Output:
	// after 3 rounds: greenlet: exit
	// killed: true
}

func ExampleGreenlet_Link() {
	_ = gevent.Run(func() {
		report := func(g *gevent.Greenlet) {
			gevent.Sleep(time.Millisecond) // it may block
			fmt.Println(g, "ended with", g.Get())
		}
		for _, d := range []time.Duration{2, 1} {
			g := gevent.NewGreenlet(func() error { gevent.Sleep(d * time.Second); return errors.New("no luck") })
			g.SetName(fmt.Sprint("job ", int(d)))
			g.Link(report)
			g.Start()
		}
		gevent.JoinHub()
	}, virtual())
	// Output:
	// job 1 ended with no luck
	// job 2 ended with no luck
}

func ExampleIWait() {
	_ = gevent.Run(func() {
		fetch := func(from string, takes time.Duration, err error) *gevent.Of[string] {
			return gevent.SpawnValue(func() (string, error) { gevent.Sleep(takes); return from, err })
		}
		mirrors := []*gevent.Of[string]{
			fetch("slow", 3*time.Second, nil),
			fetch("broken", time.Second, errors.New("no route")),
			fetch("quick", 2*time.Second, nil),
		}
		for m := range gevent.IWait(mirrors...) {
			if m.Successful() {
				fmt.Println(m.Value())
				break
			}
			fmt.Println(m.Err())
		}
		gevent.KillAll(mirrors...)
	}, virtual())
	// Output:
	// no route
	// quick
}

func ExampleWithScope() {
	_ = gevent.Run(func() {
		err := gevent.WithScope(func(s *gevent.Scope) error {
			for i := range 3 {
				s.Spawn(func() error {
					defer fmt.Println(i, "ends")
					gevent.Sleep(time.Duration(i+1) * time.Second)
					if i == 1 {
						return errors.New("number 1 has failed")
					}
					return nil
				})
			}
			return nil
		})
		fmt.Println(err)
	}, virtual())
	// Output:
	// 0 ends
	// 1 ends
	// 2 ends
	// number 1 has failed
}
