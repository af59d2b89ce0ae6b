//go:build linux || darwin || dragonfly || freebsd || netbsd || openbsd

package asyncio_test

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
)

// sockFile is a file with content.
func sockFile(t testing.TB, content []byte) *os.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, content, 0o600))
	f, err := os.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}

// sockWrapped is a transport of which SendFile knows nothing: it reads and writes.
type sockWrapped struct{ asyncio.Transport }

// UX-02: the half of it that is about transports.
func TestUX02SendFile(t *testing.T) {
	content := sockBytes(3 << 20)
	for _, way := range []struct {
		name string
		of   func(asyncio.Transport) asyncio.Transport
	}{
		{"by the system", func(t asyncio.Transport) asyncio.Transport { return t }},
		{"by reading and writing", func(t asyncio.Transport) asyncio.Transport { return sockWrapped{t} }},
	} {
		// with runs f with a transport, the file, and what the peer has got at the end.
		with := func(t *testing.T, f func(c ctx, tr asyncio.Transport, p *sockProto, file *os.File) (got string)) {
			sockRun(t, nil, func(c ctx) error {
				p := sockNew(c, "", nil)
				tr, peer := sockPair(t, c, p)
				l := asyncio.RunningLoop(c)
				all := asyncio.NewFuture[string](l)
				l.Ref()
				go func() {
					b, _ := io.ReadAll(peer)
					_, _ = l.CallSoonThreadsafe(func() {
						l.Unref()
						_ = all.SetResult(string(b))
					})
				}()
				want := f(c, way.of(tr), p, sockFile(t, content))
				tr.Close()
				got, err := all.Await(c)
				require.NoError(t, err)
				require.True(t, want == got, "%d bytes, not %d", len(got), len(want))
				_, err = p.lost.Await(c)
				return err
			})
		}
		position := func(t *testing.T, f *os.File) int64 {
			n, err := f.Seek(0, io.SeekCurrent)
			require.NoError(t, err)
			return n
		}
		t.Run(way.name, func(t *testing.T) {
			t.Run("all of a file, in the order of what is written", func(t *testing.T) {
				with(t, func(c ctx, tr asyncio.Transport, p *sockProto, f *os.File) string {
					before := string(sockBytes(1 << 20))
					_, err := tr.Write([]byte(before))
					require.NoError(t, err)
					n, err := asyncio.SendFile(c, tr, f, 0, -1)
					require.NoError(t, err)
					require.Equal(t, int64(len(content)), n)
					require.Equal(t, n, position(t, f))
					require.True(t, tr.IsReading())
					_, err = tr.Write([]byte("after"))
					require.NoError(t, err)
					require.Same(t, p, tr.Protocol())
					return before + string(content) + "after"
				})
			})
			t.Run("a part", func(t *testing.T) {
				with(t, func(c ctx, tr asyncio.Transport, _ *sockProto, f *os.File) string {
					n, err := asyncio.SendFile(c, tr, f, 1000, 100_000)
					require.NoError(t, err)
					require.Equal(t, int64(100_000), n)
					require.Equal(t, int64(101_000), position(t, f))
					n, err = asyncio.SendFile(c, tr, f, int64(len(content))-5, 10)
					require.NoError(t, err)
					require.Equal(t, int64(5), n)
					for _, nothing := range [][2]int64{{0, 0}, {int64(len(content)), -1}, {1 << 40, 5}} {
						n, err = asyncio.SendFile(c, tr, f, nothing[0], nothing[1])
						require.NoError(t, err)
						require.Zero(t, n)
					}
					require.Equal(t, int64(len(content)), position(t, f), "nothing was sent")
					return string(content[1000:101_000]) + string(content[len(content)-5:])
				})
			})
			t.Run("a transport that does not read goes on not reading", func(t *testing.T) {
				with(t, func(c ctx, tr asyncio.Transport, _ *sockProto, f *os.File) string {
					tr.PauseReading()
					_, err := asyncio.SendFile(c, tr, f, 0, 10)
					require.NoError(t, err)
					require.False(t, tr.IsReading())
					return string(content[:10])
				})
			})
			t.Run("mistakes", func(t *testing.T) {
				with(t, func(c ctx, tr asyncio.Transport, _ *sockProto, f *os.File) string {
					_, err := asyncio.SendFile(c, tr, f, -1, 10)
					require.ErrorIs(t, err, os.ErrInvalid)
					panicSays(t, "the file is nil", func() { _, _ = asyncio.SendFile(c, tr, nil, 0, 10) })
					closed := sockFile(t, content)
					require.NoError(t, closed.Close())
					_, err = asyncio.SendFile(c, tr, closed, 0, 10)
					require.ErrorIs(t, err, os.ErrClosed)
					directory, err := os.Open(t.TempDir())
					require.NoError(t, err)
					defer directory.Close()
					_, err = asyncio.SendFile(c, tr, directory, 0, 10)
					require.ErrorIs(t, err, syscall.EISDIR)
					require.True(t, tr.IsReading())
					require.NoError(t, tr.WriteEOF())
					_, err = asyncio.SendFile(c, tr, f, 0, 10)
					require.ErrorIs(t, err, asyncio.ErrEOFWritten)
					tr.Close()
					_, err = asyncio.SendFile(c, tr, f, 0, 10)
					require.ErrorIs(t, err, net.ErrClosed)
					return ""
				})
			})
			t.Run("the wait can be ended", func(t *testing.T) {
				sockRun(t, nil, func(c ctx) error {
					p := sockNew(c, "", nil)
					raw, peer := sockPair(t, c, p)
					tr := way.of(raw)
					f := sockFile(t, content)
					send := spawn(c, func(c ctx) error {
						_, err := asyncio.SendFile(c, tr, f, 0, -1) // which nobody reads
						return err
					})
					_ = asyncio.Sleep(c, 5*time.Millisecond)
					require.False(t, send.Done())
					require.False(t, tr.IsReading())
					send.Cancel()
					_, err := send.Await(c)
					require.ErrorIs(t, err, asyncio.ErrCancelled)
					require.True(t, tr.IsReading())
					require.Same(t, p, tr.Protocol())
					short, cancel := context.WithTimeout(c, 2*time.Millisecond)
					defer cancel()
					_, err = asyncio.SendFile(short, tr, f, 0, -1)
					require.ErrorIs(t, err, context.DeadlineExceeded)
					// Writing goes on where it was.
					_, err = tr.Write([]byte("end"))
					require.NoError(t, err)
					tr.Close()
					var b []byte
					sockElsewhere(t, c, func() { b, err = io.ReadAll(peer) })
					require.NoError(t, err)
					require.Equal(t, "end", string(b[len(b)-3:]))
					_, err = p.lost.Await(c)
					return err
				})
			})
			t.Run("the connection ends meanwhile", func(t *testing.T) {
				for _, end := range []func(tr asyncio.Transport, peer net.Conn){
					func(tr asyncio.Transport, _ net.Conn) { tr.Abort() },
					func(_ asyncio.Transport, peer net.Conn) { peer.Close() },
				} {
					sockRun(t, nil, func(c ctx) error {
						p := sockNew(c, "", nil)
						raw, peer := sockPair(t, c, p)
						asyncio.RunningLoop(c).CallLater(5*time.Millisecond, func() { end(raw, peer) })
						n, err := asyncio.SendFile(c, way.of(raw), sockFile(t, content), 0, -1)
						require.Error(t, err)
						require.Less(t, n, int64(len(content)))
						raw.Abort()
						_, err = p.lost.Await(c)
						return err
					})
				}
			})
		})
	}
	t.Run("nobody else writes meanwhile", func(t *testing.T) {
		sockRun(t, nil, func(c ctx) error {
			p := sockNew(c, "", nil)
			tr, _ := sockPair(t, c, p)
			f := sockFile(t, content)
			send := spawn(c, func(c ctx) error {
				_, err := asyncio.SendFile(c, tr, f, 0, -1)
				return err
			})
			_ = asyncio.Sleep(c, time.Millisecond)
			_, err := tr.Write([]byte("x"))
			if err != nil { // where the system sends
				require.ErrorIs(t, err, asyncio.ErrSendFileInProgress)
				require.ErrorIs(t, tr.WriteLines([][]byte{[]byte("x")}), asyncio.ErrSendFileInProgress)
				_, err = asyncio.SendFile(c, tr, f, 0, 1)
				require.ErrorIs(t, err, asyncio.ErrSendFileInProgress)
			}
			tr.Close()
			_, err = send.Await(c)
			require.Error(t, err)
			_, err = p.lost.Await(c)
			return err
		})
	})
	t.Run("a protocol whose writing was paused is told", func(t *testing.T) {
		var o trace
		sockRun(t, nil, func(c ctx) error {
			p := sockNew(c, "", &o)
			tr, peer := sockPair(t, c, p)
			_, err := tr.Write(content)
			require.NoError(t, err)
			go io.Copy(io.Discard, peer)
			_, err = asyncio.SendFile(c, sockWrapped{tr}, sockFile(t, content), 0, -1)
			require.NoError(t, err)
			sockUntil(t, c, "resume", func() bool { return o[len(o)-1] == "resume" })
			tr.Close()
			_, err = p.lost.Await(c)
			return err
		})
		require.Equal(t, "made", o[0])
		for i, what := range o[1 : len(o)-1] {
			require.Equal(t, []string{"pause", "resume"}[i%2], what, "in turns")
		}
	})
}

func TestUX02SendFileOverTLS(t *testing.T) {
	content := sockBytes(1<<20 + 7)
	serverConfig, clientConfig := tlsConfigs()
	sockRun(t, nil, func(c ctx) error {
		s := sockServe(t, c, "tcp", "127.0.0.1:0", asyncio.WithTLS(serverConfig))
		p := sockDial(t, c, "tcp", s.Addrs()[0].String(), asyncio.WithTLS(clientConfig))
		sockTalk(t, c, p)
		p.got = nil
		n, err := asyncio.SendFile(c, p.t, sockFile(t, content), 0, -1)
		require.NoError(t, err)
		require.Equal(t, int64(len(content)), n)
		require.Same(t, p, p.t.Protocol())
		sockUntil(t, c, "echo", func() bool { return len(p.got) >= len(content) })
		require.True(t, string(p.got) == string(content))
		s.Close()
		p.t.Close()
		_, err = p.lost.Await(c)
		require.NoError(t, err)
		return s.WaitClosed(c)
	})
}
