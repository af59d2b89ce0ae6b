package net_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/gevent"
)

func TestATimeoutOfGeventEndsCallsAndHarmsNoConnection(t *testing.T) {
	run(t, func() {
		client, server := pair(t)
		defer client.Close()
		defer server.Close()
		l := listen(t)
		defer l.Close()
		buf := make([]byte, 8)
		for i, call := range []func() error{ // T001
			func() error { _, err := server.Read(buf); return err },
			func() error { _, err := l.Accept(); return err },
			func() error {
				for {
					if _, err := client.Write(make([]byte, 1<<20)); err != nil {
						return err
					}
				}
			},
		} {
			outer := gevent.NewTimeout(time.Millisecond)
			require.Same(t, outer, outer.Do(func() error {
				return gevent.WithTimeout(time.Minute, call)
			}), "call %d", i)
		}
		accepted := gevent.Spawn(func() {
			c, s := connect(t, l)
			defer c.Close()
			defer s.Close()
		})
		require.NoError(t, accepted.Get())
	})
}

func TestDataThatCameBeatsATimeoutOfTheSameIteration(t *testing.T) { // T210
	run(t, func() {
		client, server := pair(t)
		defer client.Close()
		defer server.Close()
		buf := make([]byte, 8)
		for range 20 {
			timeout := gevent.NewTimeout(5 * time.Millisecond)
			require.NoError(t, timeout.Do(func() error {
				gevent.Spawn(func() {
					_, err := client.Write([]byte("x"))
					require.NoError(t, err)
					time.Sleep(10 * time.Millisecond) // the thread is busy until both have come
				})
				n, err := server.Read(buf)
				require.Equal(t, 1, n)
				return err
			}))
		}
		gevent.Sleep(10 * time.Millisecond)
	})
}
