package gevent_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/greenlet"
	"github.com/baton-go/baton/internal/hub"
)

const (
	tick = time.Millisecond
	long = 100 * time.Millisecond
)

// sleep is a function that sleeps, for time-outs to end.
func sleep(d time.Duration) func() error {
	return func() error { gevent.Sleep(d); return nil }
}

func TestTimeout(t *testing.T) {
	test(t, "T054 expires, raises itself, and can be started again", func(t *testing.T) {
		for _, timeout := range []*gevent.Timeout{
			gevent.NewTimeout(tick), gevent.NewTimeout(tick, gevent.Silent()), gevent.NewTimeout(tick, gevent.Saying("XXX")),
		} {
			for range 3 {
				timeout.Start()
				require.True(t, timeout.Pending())
				require.Same(t, timeout, gevent.Try(sleep(long)))
				require.False(t, timeout.Pending())
			}
		}
		require.Equal(t, "1 second: XXX", gevent.NewTimeout(time.Second, gevent.Saying("XXX")).String())
	})
	test(t, "T056 Do raises it, or nothing if it is silent", func(t *testing.T) {
		timeout := gevent.NewTimeout(tick)
		require.Same(t, timeout, timeout.Do(sleep(long)))
		silent := gevent.NewTimeout(tick, gevent.Silent())
		require.Contains(t, silent.String(), "(silent)")
		require.NoError(t, silent.Do(sleep(long)))
		require.Equal(t, io.EOF, gevent.NewTimeout(tick, gevent.Silent()).Do(func() error { return io.EOF }))
		require.Equal(t, io.EOF, gevent.NewTimeout(tick).Do(func() (err error) {
			err = gevent.Try(sleep(long))
			require.ErrorIs(t, err, gevent.ErrTimeout)
			return io.EOF
		}), "f caught it")
	})
	test(t, "T057 cancelled never fires", func(t *testing.T) {
		timeout := gevent.StartNewTimeout(tick)
		require.True(t, timeout.Pending())
		timeout.Cancel()
		timeout.Cancel()
		require.False(t, timeout.Pending())
		gevent.Sleep(long)
		timeout.Start()
		require.Same(t, timeout, gevent.Try(sleep(long)))
	})
	test(t, "T058 with_timeout: raises, or returns the value, or the result in time", func(t *testing.T) {
		require.ErrorIs(t, gevent.WithTimeout(tick, sleep(long)), gevent.ErrTimeout)
		require.Same(t, errBoom, gevent.WithTimeout(long, func() error { gevent.Sleep(tick); return errBoom }))
		require.NoError(t, gevent.WithTimeout(tick, sleep(long), gevent.Silent()))
		v, err := gevent.WithTimeoutValue(tick, 7, func() (int, error) { gevent.Sleep(long); return 1, nil })
		require.Equal(t, []any{7, nil}, []any{v, err})
		v, err = gevent.WithTimeoutValue(long, 7, func() (int, error) { gevent.Sleep(tick); return 1, nil })
		require.Equal(t, []any{1, nil}, []any{v, err})
		v, err = gevent.WithTimeoutValue(long, 7, func() (int, error) { return 2, errBoom })
		require.Equal(t, []any{2, errBoom}, []any{v, err})
		require.NoError(t, gevent.WithTimeout(gevent.NoLimit, sleep(time.Hour)))
	})
	test(t, "T059 pending around Do, own exceptions, cancel inside, no limit", func(t *testing.T) {
		timeout := gevent.NewTimeout(long)
		require.False(t, timeout.Pending())
		require.NoError(t, timeout.Do(func() error { require.True(t, timeout.Pending()); gevent.Sleep(tick); return nil }))
		require.False(t, timeout.Pending())
		gevent.Sleep(2 * long) // it does not fire later

		require.Same(t, errBoom, gevent.NewTimeout(tick, gevent.Raising(errBoom)).Do(sleep(long)))
		require.Same(t, errBoom, gevent.WithTimeout(tick, sleep(long), gevent.Raising(errBoom)))
		require.Panics(t, func() { gevent.Raising(nil) })
		timeout = gevent.NewTimeout(tick)
		require.NoError(t, timeout.Do(func() error { timeout.Cancel(); gevent.Sleep(long); return nil }))

		loop := hub.Current().Loop
		start := loop.UpdateTime()
		require.NoError(t, gevent.NewTimeout(long, gevent.Silent()).Do(sleep(3*long)))
		require.Equal(t, long, loop.UpdateTime()-start)

		none := gevent.NewTimeout(gevent.NoLimit)
		require.NoError(t, none.Do(func() error {
			require.False(t, none.Pending())
			require.Zero(t, loop.Stats().Timers, "it keeps nobody from finding out that nothing is left")
			gevent.Sleep(time.Hour)
			return nil
		}))
	})
	test(t, "T060 nested, whoever fires, the error is that very Timeout", func(t *testing.T) {
		reached := false
		require.NoError(t, gevent.NewTimeout(tick, gevent.Silent()).Do(func() error {
			_ = gevent.NewTimeout(long).Do(sleep(2 * long))
			reached = true
			return nil
		}))
		require.False(t, reached, "the outer one unwinds through the inner")
		t1, t2 := gevent.NewTimeout(tick), gevent.NewTimeout(long)
		err := t1.Do(func() error {
			defer func() { require.True(t, t2.Pending()) }()
			t2.Start()
			gevent.Sleep(2 * long)
			return nil
		})
		require.Same(t, t1, err)
		t2.Cancel()
		t1, t2 = gevent.NewTimeout(long), gevent.NewTimeout(tick)
		require.NoError(t, t1.Do(func() error {
			require.Same(t, t2, t2.Do(sleep(2*long)))
			require.True(t, t1.Pending())
			return nil
		}))
	})
	test(t, "T061 a default value is for its own time-out only", func(t *testing.T) {
		outer := gevent.NewTimeout(long)
		require.Same(t, outer, outer.Do(func() error {
			_, err := gevent.WithTimeoutValue(2*long, 1, func() (int, error) { gevent.Sleep(4 * long); return 2, nil })
			t.Error("not reached")
			return err
		}))
	})
	t.Run("T061b the clock is read when it starts", func(t *testing.T) {
		require.NoError(t, gevent.Run(func() {
			for range 5 {
				time.Sleep(20 * time.Millisecond) // busy
				require.NoError(t, gevent.WithTimeout(10*time.Second, sleep(tick)))
				timeout := gevent.NewTimeout(30 * time.Millisecond)
				start := time.Now()
				require.Same(t, timeout, timeout.Do(sleep(10*time.Second)))
				require.GreaterOrEqual(t, time.Since(start), 29*time.Millisecond)
			}
		}))
	})
	t.Run("T061c a loop of sleep(0) does not starve it", func(t *testing.T) {
		require.NoError(t, gevent.Run(func() error {
			return gevent.WithTimeout(10*time.Millisecond, func() error {
				for {
					gevent.Sleep(0)
				}
			}, gevent.Silent())
		}))
	})
	test(t, "T061d raised by hand, in its own Do or outside", func(t *testing.T) {
		timeout := gevent.NewTimeout(long)
		require.Same(t, timeout, gevent.Try(func() error { gevent.Raise(timeout); return nil }))
		require.False(t, timeout.Pending())
	})
	test(t, "T210 what has happened in the same iteration counts, and the time-out is taken back", func(t *testing.T) {
		for range 3 {
			require.NoError(t, gevent.WithTimeout(long, sleep(long)))
		}
		g := gevent.Spawn(sleep(long))
		require.ErrorIs(t, gevent.WithTimeout(long, func() error { return g.Get() }), gevent.ErrTimeout, "what others do then comes later")
		gevent.Sleep(time.Second)
	})
	test(t, "T214 zero, negative, equal, and a computation that takes longer", func(t *testing.T) {
		require.NoError(t, gevent.WithTimeout(0, sleep(0)), "a Sleep(0) does not wait for times")
		require.ErrorIs(t, gevent.WithTimeout(0, sleep(10*tick)), gevent.ErrTimeout)
		require.ErrorIs(t, gevent.WithTimeout(-1, sleep(10*tick)), gevent.ErrTimeout)
		inner := false
		require.NoError(t, gevent.WithTimeout(long, func() error {
			err := gevent.WithTimeout(long, sleep(time.Second), gevent.Silent())
			inner = true
			return err
		}, gevent.Silent()))
		require.False(t, inner, "the outer one comes first")
		gevent.Sleep(time.Second) // and the inner one not at all
	})
	t.Run("T214 leaving without having waited raises nothing", func(t *testing.T) {
		require.NoError(t, gevent.Run(func() {
			require.NoError(t, gevent.WithTimeout(tick, func() error { time.Sleep(5 * tick); return nil }))
			require.ErrorIs(t, gevent.WithTimeout(tick, func() error {
				time.Sleep(5 * tick)
				gevent.Sleep(long)
				return nil
			}), gevent.ErrTimeout)
			gevent.Sleep(5 * tick)
		}))
	})
	test(t, "the forms of a Timeout as a string", func(t *testing.T) {
		for want, timeout := range map[string]*gevent.Timeout{
			"1 second":          gevent.NewTimeout(time.Second),
			"2 seconds":         gevent.NewTimeout(2 * time.Second),
			"1 second (silent)": gevent.NewTimeout(time.Second, gevent.Silent()),
			"1.5 seconds: msg":  gevent.NewTimeout(1500*time.Millisecond, gevent.Saying("msg")),
			"0.1 seconds: boom": gevent.NewTimeout(100*time.Millisecond, gevent.Raising(errBoom)),
			"":                  gevent.NewTimeout(gevent.NoLimit),
		} {
			require.Equal(t, want, timeout.String())
		}
		require.EqualError(t, gevent.NewTimeout(time.Second), "gevent: timed out after 1 second")
	})
	test(t, "as an error it matches every kind of time-out", func(t *testing.T) {
		timeout := gevent.NewTimeout(time.Second)
		for _, target := range []error{gevent.ErrTimeout, os.ErrDeadlineExceeded, context.DeadlineExceeded, timeout} {
			require.ErrorIs(t, timeout, target)
		}
		require.NotErrorIs(t, timeout, gevent.NewTimeout(time.Second))
		require.NotErrorIs(t, timeout, gevent.ErrGreenletExit)
		var e net.Error
		require.True(t, errors.As(error(timeout), &e) && e.Timeout())
	})
	test(t, "misuse says what to do", func(t *testing.T) {
		timeout := gevent.StartNewTimeout(time.Second)
		require.PanicsWithValue(t, "gevent.Timeout.Start: Timeout of 1 second is already started; to restart it, cancel it first", timeout.Start)
		require.Same(t, timeout, timeout.StartNew())
		timeout.Close()
		require.PanicsWithValue(t, "gevent.Timeout.Start: the Timeout was closed; make a new one", timeout.Start)
		stopped := gevent.NewTimeout(time.Second)
		require.True(t, stopped.StartNew().Pending())
		stopped.Close()
	})
	test(t, "it does not lose what its greenlet was woken with", func(t *testing.T) {
		first := gevent.Spawn(func() { gevent.Sleep(0) })
		got := false
		g := gevent.Spawn(func() error {
			return gevent.WithTimeout(0, func() error {
				first.Join()
				got = true
				gevent.Sleep(tick)
				t.Error("not reached")
				return nil
			})
		})
		require.ErrorIs(t, g.Get(), gevent.ErrTimeout)
		require.True(t, got)
	})
	test(t, "it unwinds the clean-up of its greenlet, and a panic there goes on", func(t *testing.T) {
		cleaned := false
		require.PanicsWithValue(t, "kaboom", func() {
			_ = gevent.WithTimeout(tick, func() error {
				defer func() { cleaned = true; explode() }()
				gevent.Sleep(long)
				return nil
			})
		})
		require.True(t, cleaned)
	})
	test(t, "a greenlet that ends before its Timeout leaves nothing behind", func(t *testing.T) {
		g := gevent.Spawn(func() { gevent.StartNewTimeout(long); gevent.StartNewTimeout(-1) })
		g.Join()
		gevent.Sleep(time.Second)
		require.Equal(t, successful, stateOf(g))
	})
	test(t, "cancelled by somebody else when it is due but has not come", func(t *testing.T) {
		var timeout *gevent.Timeout
		canceller := gevent.NewGreenlet(func() { gevent.Sleep(tick); timeout.Cancel() })
		canceller.Start()
		gevent.Sleep(0)
		timeout = gevent.NewTimeout(tick)
		require.NoError(t, timeout.Do(sleep(long)))
	})
	test(t, "started again when it is due but has not come, it counts anew", func(t *testing.T) {
		timeout := gevent.NewTimeout(tick)
		g := gevent.Spawn(func() {
			gevent.Sleep(tick)
			timeout.Cancel()
			timeout.Start() // for this greenlet now
			gevent.Sleep(tick / 2)
			require.True(t, timeout.Pending())
			require.Same(t, timeout, gevent.Try(sleep(tick)))
		})
		gevent.Sleep(0)
		timeout.Start()
		gevent.Sleep(long)
		require.NoError(t, g.Get())
	})
	test(t, "in a greenlet that has switched away by hand it is an error of the Switch", func(t *testing.T) {
		g := gevent.Spawn(func() error {
			timeout := gevent.NewTimeout(tick)
			return timeout.Do(func() error {
				_, err := greenlet.New(func() { gevent.Sleep(long) }).Switch()
				require.Same(t, timeout, err)
				return nil
			})
		})
		require.NoError(t, g.Get())
	})
}
