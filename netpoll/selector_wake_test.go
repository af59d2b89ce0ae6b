//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package netpoll_test

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/netpoll"
)

func TestWake(t *testing.T) {
	t.Run("ends the next Select, and no other", func(t *testing.T) {
		overKinds(t, func(t *testing.T, s *netpoll.Selector) {
			a, _ := watched(t)
			register(t, s, a, netpoll.Read, nil)
			for range 3 {
				for range 100 {
					require.NoError(t, s.Wake())
				}
				ready, err := s.Select(-1)
				require.NoError(t, err)
				require.Empty(t, ready)
				start := time.Now()
				ready, err = s.Select(5 * time.Millisecond)
				require.NoError(t, err)
				require.Empty(t, ready)
				require.GreaterOrEqual(t, time.Since(start), 5*time.Millisecond)
			}
			require.Equal(t, 1, s.Len(), "it is no key")
			require.Len(t, slices.Collect(s.Keys()), 1)
		})
	})
	t.Run("is no reason not to report what is ready", func(t *testing.T) {
		overKinds(t, func(t *testing.T, s *netpoll.Selector) {
			a, _ := watched(t)
			register(t, s, a, netpoll.Write, "a")
			require.NoError(t, s.Wake())
			require.Equal(t, "a=write ", look(t, s))
		})
	})
	t.Run("ends a Select that waits", func(t *testing.T) {
		overKinds(t, func(t *testing.T, s *netpoll.Selector) {
			for _, timeout := range []time.Duration{-1, time.Hour} {
				time.AfterFunc(5*time.Millisecond, func() { s.Wake() })
				ready, err := s.Select(timeout)
				require.NoError(t, err)
				require.Empty(t, ready)
			}
		})
	})
	t.Run("from many goroutines loses nothing", func(t *testing.T) {
		overKinds(t, func(t *testing.T, s *netpoll.Selector) {
			const goroutines, each = 4, 500
			var (
				mu    sync.Mutex
				queue []int
				all   sync.WaitGroup
			)
			for g := range goroutines {
				all.Go(func() {
					for i := range each {
						mu.Lock()
						queue = append(queue, g*each+i)
						mu.Unlock()
						s.Wake()
					}
				})
			}
			got := 0
			for got < goroutines*each {
				start := time.Now()
				_, err := s.Select(time.Minute)
				require.NoError(t, err)
				require.Less(t, time.Since(start), time.Minute, "a wake-up was lost")
				mu.Lock()
				got += len(queue)
				queue = queue[:0]
				mu.Unlock()
			}
			all.Wait()
		})
	})
	t.Run("publishes what happened before it", func(t *testing.T) {
		overKinds(t, func(t *testing.T, s *netpoll.Selector) {
			for i := range 100 {
				value := 0
				go func() {
					value = i + 1
					s.Wake()
				}()
				for {
					_, err := s.Select(-1)
					require.NoError(t, err)
					if value == i+1 {
						break
					}
				}
			}
		})
	})
	t.Run("may be called while the selector is closed", func(t *testing.T) {
		overMakers(t, func(t *testing.T, newSelector func() *netpoll.Selector) {
			for range 20 {
				s := newSelector()
				var all sync.WaitGroup
				for range 3 {
					all.Go(func() {
						for s.Wake() == nil {
							runtime.Gosched()
						}
					})
				}
				for range 5 {
					_, err := s.Select(-1)
					require.NoError(t, err)
				}
				require.NoError(t, s.Close())
				all.Wait()
			}
		})
	})
}

func TestASelectorInSelectIsNobodyElses(t *testing.T) {
	overKinds(t, func(t *testing.T, s *netpoll.Selector) {
		a, _ := watched(t)
		ended := make(chan error, 1)
		go func() {
			_, err := s.Select(-1)
			ended <- err
		}()
		for !s.Busy() {
			time.Sleep(time.Millisecond)
		}
		for name, call := range map[string]func(){
			"Register":   func() { s.Register(a, netpoll.Read, nil) },
			"Modify":     func() { s.Modify(a, netpoll.Read, nil) },
			"Unregister": func() { s.Unregister(a) },
			"Get":        func() { s.Get(a) },
			"Keys":       func() { _ = slices.Collect(s.Keys()) },
			"Len":        func() { s.Len() },
			"Fd":         func() { s.Fd() },
			"Select":     func() { s.Select(0) },
			"Close":      func() { s.Close() },
		} {
			want := fmt.Sprintf("netpoll.%s: another goroutine is in Select of this selector; call Wake, and go on when Select has returned", name)
			require.PanicsWithValue(t, want, call)
		}
		require.NoError(t, s.Wake())
		require.NoError(t, <-ended)
		register(t, s, a, netpoll.Write, "a")
		require.Equal(t, "a=write ", look(t, s))
	})
}

// One goroutine writes, one selects: nothing that was written is missed, whatever
// the moment.
func TestNothingIsMissed(t *testing.T) {
	overKinds(t, func(t *testing.T, s *netpoll.Selector) {
		a, b := watched(t)
		register(t, s, a, netpoll.Read, "a")
		const rounds = 500
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			var c [1]byte
			for range rounds {
				syscall.Write(b, []byte("x"))
				for { // the answer
					if n, err := syscall.Read(b, c[:]); n == 1 || err != syscall.EAGAIN {
						break
					}
					time.Sleep(time.Microsecond)
				}
			}
		}()
		for range rounds {
			ready, err := s.Select(time.Minute)
			require.NoError(t, err)
			require.Equal(t, "a=read ", found(ready))
			require.NoError(t, readOne(a))
			send(t, a, "y")
		}
		<-ended
	})
}

func readOne(fd int) error {
	_, err := syscall.Read(fd, make([]byte, 1))
	return err
}
