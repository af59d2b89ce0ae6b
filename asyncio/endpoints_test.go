//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package asyncio_test

import (
	"context"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
	"github.com/baton-go/baton/gevent"
)

// endpointMakers make a datagram socket, a pipe's transport, or a process, and close
// it.
func endpointMakers(t testing.TB) map[string]func(c ctx) error {
	return map[string]func(c ctx) error{
		"a datagram endpoint": func(c ctx) error {
			tr, _, err := asyncio.CreateDatagramEndpoint(c, func() *dgProtocol { return &dgProtocol{} }, "udp4")
			if err == nil {
				tr.Close()
			}
			return err
		},
		"a pipe": func(c ctx) error {
			r, w, err := os.Pipe()
			require.NoError(t, err)
			defer w.Close()
			defer r.Close()
			tr, _, err := asyncio.ConnectReadPipe(c, func() *pxProtocol { return &pxProtocol{} }, r)
			if err == nil {
				tr.Close()
			}
			return err
		},
		"a process": func(c ctx) error {
			p, err := asyncio.CreateSubprocessShell(c, spSleeping, spStdin, spStdout, spStderr)
			if err == nil {
				p.Transport().Close()
			}
			return err
		},
	}
}

// Who is killed, or may not wait, leaves nothing of what was being made.
func TestEndpointsThatAreGivenUp(t *testing.T) {
	spNeeds(t)
	for name, create := range endpointMakers(t) {
		t.Run(name+" by a greenlet that is killed", func(t *testing.T) {
			leavesNothingE(t)
			require.NoError(t, gevent.Run(func() {
				for hops := range 4 {
					g := gevent.Spawn(func() error { return create(context.Background()) })
					for range hops {
						gevent.Sleep(0)
					}
					g.Kill()
				}
				gevent.Sleep(0) // the transports' last entries
			}))
		})
		t.Run(name+" in a callback", func(t *testing.T) {
			leavesNothingE(t)
			var reports trace
			require.NoError(t, run(t, func(c ctx) error {
				asyncio.RunningLoop(c).CallSoon(func() { _ = create(c) })
				return yield(c, 2)
			}, asyncio.WithExceptionHandler(func(_ *asyncio.Loop, e asyncio.ExceptionContext) { reports.add(e.Message) })))
			require.Equal(t, trace{"Exception in callback"}, reports)
		})
		t.Run(name+" in a foreign goroutine", func(t *testing.T) {
			leavesNothingE(t)
			require.Panics(t, func() { _ = create(context.Background()) })
		})
	}
}
