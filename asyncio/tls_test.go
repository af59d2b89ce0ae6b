package asyncio_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/asyncio"
	"github.com/baton-go/baton/asyncio/asynciotest"
	"github.com/baton-go/baton/gevent"
)

// tlsName is for whom the server's certificate is.
const tlsName = "server.test"

// tlsConfigs returns the configs of a server and of a client that trusts it, each
// time new ones with the same certificate.
func tlsConfigs() (server, client *tls.Config) {
	cert, pool := tlsCertificate()
	return &tls.Config{Certificates: []tls.Certificate{cert}, ClientCAs: pool},
		&tls.Config{RootCAs: pool, ServerName: tlsName}
}

var tlsCertificate = sync.OnceValues(func() (tls.Certificate, *x509.CertPool) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: tlsName},
		DNSNames:              []string{tlsName},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(time.Hour),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, pool
})

// tlsPair returns both ends of a connection in memory, with TLS.
func tlsPair(t *testing.T, c ctx, limit int, config asynciotest.Pipe, change func(server, client *tls.Config)) (client, server streamEnd) {
	t.Helper()
	sc, cc := tlsConfigs()
	if change != nil {
		change(sc, cc)
	}
	a, b := streamPair(c, limit, neverCalled, config)
	upgraded := spawn(c, func(c ctx) error { return b.w.StartTLS(c, sc) })
	require.NoError(t, a.w.StartTLS(c, cc))
	_, err := upgraded.Await(c)
	require.NoError(t, err)
	return a, b
}

// neverCalled is the handler of a server whose test has the streams itself.
func neverCalled(c ctx, _ *asyncio.StreamReader, _ *asyncio.StreamWriter) error { return nil }

// versions are those of TLS that crypto/tls speaks unasked.
var versions = map[string]uint16{"TLS 1.2": tls.VersionTLS12, "TLS 1.3": tls.VersionTLS13}

func TestNT10TLS(t *testing.T) {
	for name, version := range versions {
		atVersion := func(server, client *tls.Config) { client.MaxVersion = version }
		t.Run(name+": data both ways and the end", func(t *testing.T) {
			require.NoError(t, run(t, func(c ctx) error {
				a, b := tlsPair(t, c, 1024, asynciotest.Pipe{}, atVersion)
				_, err := a.w.Write([]byte("hello\n"))
				require.NoError(t, err)
				line, err := b.r.ReadLine(c)
				require.Equal(t, "hello\n", said(line, err))
				require.NoError(t, b.w.WriteLines([][]byte{[]byte("an"), []byte("swer"), nil}))
				require.NoError(t, b.w.Close())
				require.True(t, b.w.IsClosing())
				_, err = b.w.Write([]byte("late"))
				require.ErrorIs(t, err, net.ErrClosed)
				require.Equal(t, "answer", rest(t, c, a.r))
				require.NoError(t, a.w.WaitClosed(c), "it closes itself when the peer does")
				require.NoError(t, b.w.WaitClosed(c))
				require.Empty(t, rest(t, c, b.r))
				return nil
			}))
		})
		t.Run(name+": ST-11 what is known of it", func(t *testing.T) {
			require.NoError(t, run(t, func(c ctx) error {
				sc, cc := tlsConfigs()
				atVersion(sc, cc)
				a, b := streamPair(c, 1024, neverCalled, asynciotest.Pipe{})
				require.Nil(t, a.w.ExtraInfo("sslcontext"))
				upgraded := spawn(c, func(c ctx) error { return b.w.StartTLS(c, sc) })
				require.NoError(t, a.w.StartTLS(c, cc))
				_, err := upgraded.Await(c)
				require.NoError(t, err)
				require.Same(t, cc, a.w.ExtraInfo("sslcontext"))
				require.Same(t, sc, b.w.ExtraInfo("sslcontext"))
				require.Equal(t, tlsName, a.w.ExtraInfo("peercert").(*x509.Certificate).Subject.CommonName)
				require.Nil(t, b.w.ExtraInfo("peercert"))
				require.Contains(t, a.w.ExtraInfo("cipher"), "TLS_")
				require.Equal(t, version, b.w.ExtraInfo("ssl_object").(tls.ConnectionState).Version)
				require.Equal(t, a.t.LocalAddr(), a.w.ExtraInfo("sockname"))
				require.Equal(t, a.t.LocalAddr(), a.w.LocalAddr())
				require.Equal(t, a.t.RemoteAddr(), a.w.RemoteAddr())
				require.Nil(t, a.w.ExtraInfo("nonsense"))
				tr := a.w.Transport().(asyncio.Transport)
				require.NotSame(t, a.t, tr)
				require.Equal(t, "tls over mem a->b", fmt.Sprint(tr))
				require.Same(t, a.p, tr.Protocol())
				require.False(t, tr.CanWriteEOF())
				require.ErrorIs(t, a.w.WriteEOF(), errors.ErrUnsupported)
				low, high := tr.WriteBufferLimits()
				require.Equal(t, [2]int{128 << 10, 512 << 10}, [2]int{low, high})
				require.ErrorIs(t, tr.SetWriteBufferLimits(1, 2), asyncio.ErrWriteBufferLimits)
				a.t.Break(nil)
				_ = a.w.WaitClosed(c)
				_ = b.w.WaitClosed(c)
				return nil
			}))
		})
		t.Run(name+": much both ways at once", func(t *testing.T) {
			require.NoError(t, run(t, func(c ctx) error {
				a, b := tlsPair(t, c, 64<<10, asynciotest.Pipe{Buffer: 10_000}, atVersion)
				const size = 2 << 20
				sent := map[*asyncio.StreamWriter][]byte{a.w: make([]byte, size), b.w: make([]byte, size)}
				var tasks []asyncio.AwaitableOf[none]
				for _, e := range []struct{ from, to streamEnd }{{a, b}, {b, a}} {
					data := sent[e.from.w]
					_, _ = rand.Read(data)
					most := 0
					tasks = append(tasks, spawn(c, func(c ctx) error {
						for p := data; len(p) > 0; {
							n := min(len(p), 70_000)
							if _, err := e.from.w.Writer(c).Write(p[:n]); err != nil {
								return err
							}
							most = max(most, e.from.w.Transport().WriteBufferSize())
							p = p[n:]
						}
						require.Less(t, most, 512<<10+100<<10)
						require.Greater(t, most, 128<<10, "nothing had to wait")
						return nil
					}), spawn(c, func(c ctx) error {
						got, err := e.to.r.ReadExactly(c, size)
						require.True(t, bytes.Equal(data, got))
						return err
					}))
				}
				_, err := asyncio.Gather(c, tasks...)
				require.NoError(t, err)
				require.NoError(t, a.w.Close())
				require.NoError(t, b.w.WaitClosed(c))
				return a.w.WaitClosed(c)
			}))
		})
		t.Run(name+": a certificate that is not trusted", func(t *testing.T) {
			require.NoError(t, run(t, func(c ctx) error {
				sc, cc := tlsConfigs()
				atVersion(sc, cc)
				cc.RootCAs = x509.NewCertPool()
				a, b := streamPair(c, 1024, neverCalled, asynciotest.Pipe{})
				upgraded := spawn(c, func(c ctx) error { return b.w.StartTLS(c, sc) })
				err := a.w.StartTLS(c, cc)
				var unknown x509.UnknownAuthorityError
				require.ErrorAs(t, err, &unknown)
				var failed *tls.CertificateVerificationError
				require.ErrorAs(t, err, &failed)
				_, err = upgraded.Await(c)
				if version == tls.VersionTLS12 {
					require.ErrorContains(t, err, "bad certificate")
				}
				require.Error(t, a.w.WaitClosed(c))
				require.Error(t, b.w.WaitClosed(c), "it was told")
				_, err = b.r.ReadAll(c)
				require.ErrorContains(t, err, "bad certificate")
				return nil
			}))
		})
		t.Run(name+": a client's certificate", func(t *testing.T) {
			require.NoError(t, run(t, func(c ctx) error {
				a, b := tlsPair(t, c, 1024, asynciotest.Pipe{}, func(server, client *tls.Config) {
					client.MaxVersion = version
					server.ClientAuth = tls.RequireAndVerifyClientCert
					client.Certificates = server.Certificates
				})
				_, _ = a.w.Write([]byte("x"))
				_, err := b.r.ReadExactly(c, 1)
				require.NoError(t, err)
				require.Equal(t, tlsName, b.w.ExtraInfo("peercert").(*x509.Certificate).Subject.CommonName)
				_ = a.w.Close()
				return b.w.WaitClosed(c)
			}))
		})
	}
}

func TestStartTLS(t *testing.T) {
	for name, f := range map[string]func(t *testing.T, c ctx){
		"ST-11 what was read before stays, what was not is TLS": func(t *testing.T, c ctx) {
			sc, cc := tlsConfigs()
			var upgraded error
			a, _ := streamPair(c, 1024, func(c ctx, r *asyncio.StreamReader, w *asyncio.StreamWriter) error {
				defer w.Close()
				line, err := r.ReadLine(c)
				if err != nil {
					return err
				}
				if _, err := w.Write(line); err != nil {
					return err
				}
				// The ClientHello is there before anybody knows that it is one.
				if err := asyncio.Sleep(c, time.Second); err != nil {
					return err
				}
				if upgraded = w.StartTLS(c, sc); upgraded != nil {
					return nil
				}
				for line, err := range r.Lines(c) {
					if err != nil {
						return err
					}
					if _, err := w.Write(line); err != nil {
						return err
					}
				}
				return nil
			}, asynciotest.Pipe{})
			_, _ = a.w.Write([]byte("STARTTLS\n"))
			line, err := a.r.ReadLine(c)
			require.Equal(t, "STARTTLS\n", said(line, err))
			require.NoError(t, a.w.StartTLS(c, cc))
			_, _ = a.w.Write([]byte("ABC\n"))
			line, err = a.r.ReadLine(c)
			require.Equal(t, "ABC\n", said(line, err))
			_ = a.w.Close()
			require.NoError(t, a.w.WaitClosed(c))
			require.NoError(t, upgraded)
		},
		"plain text that is slipped in is not taken for what comes enciphered": func(t *testing.T, c ctx) {
			sc, cc := tlsConfigs()
			a, b := streamPair(c, 1024, neverCalled, asynciotest.Pipe{})
			_, _ = a.w.Write([]byte("STARTTLS\nslipped in\n"))
			line, err := b.r.ReadLine(c)
			require.Equal(t, "STARTTLS\n", said(line, err))
			upgraded := spawn(c, func(c ctx) error { return b.w.StartTLS(c, sc) })
			require.Error(t, a.w.StartTLS(c, cc))
			_, err = upgraded.Await(c)
			var header tls.RecordHeaderError
			require.ErrorAs(t, err, &header)
			_, err = b.r.ReadLine(c)
			require.Error(t, err)
		},
		"a peer that says nothing": func(t *testing.T, c ctx) {
			_, cc := tlsConfigs()
			a, b := streamPair(c, 1024, nil, asynciotest.Pipe{})
			l := asyncio.RunningLoop(c)
			begin := l.Time()
			err := a.w.StartTLS(c, cc)
			require.Equal(t, time.Minute, l.Time()-begin)
			var ne net.Error
			require.ErrorAs(t, err, &ne)
			require.True(t, ne.Timeout())
			require.EqualError(t, err, "asyncio: TLS handshake is taking longer than 1m0s: aborting the connection")
			require.ErrorAs(t, a.w.WaitClosed(c), &ne)
			require.NoError(t, b.w.Close())
			a, _ = streamPair(c, 1024, nil, asynciotest.Pipe{})
			begin = l.Time()
			err = a.w.StartTLS(c, cc, asyncio.WithTLSHandshakeTimeout(time.Second))
			require.Equal(t, time.Second, l.Time()-begin)
			require.ErrorAs(t, err, &ne)
		},
		"a peer that goes away": func(t *testing.T, c ctx) {
			_, cc := tlsConfigs()
			for _, leave := range []func(*asynciotest.Transport){(*asynciotest.Transport).Close, (*asynciotest.Transport).Abort} {
				a, b := streamPair(c, 1024, nil, asynciotest.Pipe{})
				asyncio.RunningLoop(c).CallLater(time.Second, func() { leave(b.t) })
				err := a.w.StartTLS(c, cc)
				require.ErrorIs(t, err, asyncio.ErrConnectionLost)
				require.ErrorIs(t, err, syscall.ECONNRESET)
				require.Error(t, a.w.WaitClosed(c))
			}
			a, b := streamPair(c, 1024, nil, asynciotest.Pipe{})
			asyncio.RunningLoop(c).CallLater(time.Second, func() { b.t.Break(errBad) })
			require.ErrorIs(t, a.w.StartTLS(c, cc), errBad)
			require.ErrorIs(t, a.w.StartTLS(c, cc), asyncio.ErrConnectionLost)
			_, err := asyncio.StartTLS(c, a.t, a.p, cc, false)
			require.ErrorIs(t, err, net.ErrClosed)
			a, b = streamPair(c, 1024, nil, asynciotest.Pipe{})
			_ = b.w.WriteEOF()
			_ = yield(c, 4)
			require.ErrorIs(t, a.w.StartTLS(c, cc), io.ErrUnexpectedEOF)
			_, _ = a.w.Close(), b.w.Close()
		},
		"a cancelled handshake": func(t *testing.T, c ctx) {
			_, cc := tlsConfigs()
			for hops := range 4 {
				a, b := streamPair(c, 1024, nil, asynciotest.Pipe{})
				task := spawn(c, func(c ctx) error { return a.w.StartTLS(c, cc) })
				_ = yield(c, hops)
				task.Cancel()
				_, err := task.Await(c)
				require.ErrorIs(t, err, asyncio.ErrCancelled)
				if hops == 0 {
					require.NoError(t, a.w.Close(), "it had not begun")
				}
				require.NoError(t, a.w.WaitClosed(c))
				_ = b.w.Close()
			}
			outer, cancel := context.WithCancel(c)
			a, _ := streamPair(c, 1024, nil, asynciotest.Pipe{})
			l := asyncio.RunningLoop(c)
			l.CallSoon(cancel)
			l.Ref() // the end of the context comes from outside: the clock must not jump
			require.Equal(t, context.Canceled, a.w.StartTLS(outer, cc))
			l.Unref()
			require.NoError(t, a.w.WaitClosed(c))
		},
		"a peer that does not close": func(t *testing.T, c ctx) {
			a, b := tlsPair(t, c, 1024, asynciotest.Pipe{}, nil)
			b.t.PauseReading()
			_ = a.w.Close()
			l := asyncio.RunningLoop(c)
			begin := l.Time()
			err := a.w.WaitClosed(c)
			require.Equal(t, 30*time.Second, l.Time()-begin)
			require.EqualError(t, err, "asyncio: TLS shutdown timed out")
			b.t.Abort()
			_ = b.w.WaitClosed(c)
		},
		"Close sends what was written, whatever the peer sends": func(t *testing.T, c ctx) {
			a, b := tlsPair(t, c, 1024, asynciotest.Pipe{Buffer: 3000}, nil)
			for range 100 {
				_, _ = a.w.Write(make([]byte, 10_000))
				_, _ = b.w.Write(make([]byte, 10_000))
			}
			require.Greater(t, a.w.Transport().WriteBufferSize(), 900_000)
			_ = a.w.Close()
			require.Len(t, rest(t, c, b.r), 1_000_000)
			require.NoError(t, b.w.WaitClosed(c))
			require.NoError(t, a.w.WaitClosed(c))
		},
		"an abrupt end between records is an end, one within a record an error": func(t *testing.T, c ctx) {
			a, b := tlsPair(t, c, 1024, asynciotest.Pipe{}, nil)
			_, _ = a.w.Write([]byte("text"))
			a.t.Close()
			require.Equal(t, "text", rest(t, c, b.r))
			require.NoError(t, b.w.WaitClosed(c))
			require.Empty(t, rest(t, c, a.r))

			a, b = tlsPair(t, c, 1024, asynciotest.Pipe{}, nil)
			_, err := a.t.Write([]byte{23, 3, 3, 0, 100, 1, 2, 3})
			require.NoError(t, err)
			a.t.Close()
			_, err = b.r.ReadAll(c)
			require.ErrorIs(t, err, io.ErrUnexpectedEOF)
			require.ErrorIs(t, b.w.WaitClosed(c), io.ErrUnexpectedEOF)
		},
		"a record that is forged is an error": func(t *testing.T, c ctx) {
			a, b := tlsPair(t, c, 1024, asynciotest.Pipe{}, nil)
			_, _ = a.t.Write(append([]byte{23, 3, 3, 0, 100}, make([]byte, 100)...))
			_, err := b.r.ReadAll(c)
			require.ErrorContains(t, err, "bad record MAC")
			require.ErrorContains(t, b.w.WaitClosed(c), "bad record MAC")
			_, err = a.r.ReadAll(c)
			require.ErrorContains(t, err, "bad record MAC", "the alert arrives")
		},
		"data waits below for a protocol that does not want it": func(t *testing.T, c ctx) {
			a, b := tlsPair(t, c, 1024, asynciotest.Pipe{}, nil)
			tr := b.w.Transport().(asyncio.Transport)
			require.True(t, tr.IsReading())
			tr.PauseReading()
			tr.PauseReading()
			require.False(t, tr.IsReading())
			data := bytes.Repeat([]byte("0123456789"), 100_000)
			writing := spawn(c, func(c ctx) error {
				_, err := a.w.Writer(c).Write(data)
				_ = a.w.Close()
				return err
			})
			_ = yield(c, 100)
			require.True(t, b.t.IsClosing() == false && !b.t.IsReading(), "the transport below is not held back")
			require.Greater(t, a.t.WriteBufferSize(), 500_000)
			require.False(t, writing.Done())
			tr.ResumeReading()
			tr.ResumeReading()
			require.True(t, tr.IsReading())
			require.Equal(t, string(data), rest(t, c, b.r))
			require.NoError(t, b.w.WaitClosed(c))
			_, err := writing.Await(c)
			require.NoError(t, err)
		},
		"TLS within TLS": func(t *testing.T, c ctx) {
			a, b := tlsPair(t, c, 1024, asynciotest.Pipe{}, nil)
			sc, cc := tlsConfigs()
			upgraded := spawn(c, func(c ctx) error { return b.w.StartTLS(c, sc) })
			require.NoError(t, a.w.StartTLS(c, cc))
			_, err := upgraded.Await(c)
			require.NoError(t, err)
			data := bytes.Repeat([]byte("0123456789"), 50_000)
			_, _ = a.w.Write(data)
			_ = a.w.Close()
			require.Equal(t, string(data), rest(t, c, b.r))
			require.NoError(t, b.w.WaitClosed(c))
			require.NoError(t, a.w.WaitClosed(c))
		},
		"a function of the config that waits or panics ends the connection": func(t *testing.T, c ctx) {
			for want, f := range map[string]func(){
				"a callback of the loop must not block": func() { gevent.Sleep(0) },
				"kaboom":                                func() { panic("kaboom") },
			} {
				sc, cc := tlsConfigs()
				cc.VerifyConnection = func(tls.ConnectionState) error { f(); return nil }
				a, b := streamPair(c, 1024, neverCalled, asynciotest.Pipe{})
				upgraded := spawn(c, func(c ctx) error { return b.w.StartTLS(c, sc) })
				require.ErrorContains(t, a.w.StartTLS(c, cc), want)
				_, _ = upgraded.Await(c)
				require.ErrorContains(t, a.w.WaitClosed(c), want)
				_ = b.w.WaitClosed(c)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, run(t, func(c ctx) error { f(t, c); return nil },
				asyncio.WithExceptionHandler(func(_ *asyncio.Loop, e asyncio.ExceptionContext) {
					if e.Message != "Fatal error on SSL protocol" {
						t.Errorf("unexpected: %v", e)
					}
				})))
		})
	}
	panicSays(t, "the time is not positive", func() { asyncio.WithTLSHandshakeTimeout(0) })
	panicSays(t, "the time is not positive", func() { asyncio.WithTLSShutdownTimeout(-1) })
	panicSays(t, "the tls.Config is nil", func() { _, _ = asyncio.StartTLS(context.Background(), nil, nil, nil, false) })
}

// A noisy protocol does to its transport what a callback may do, in callbacks.
type noisy struct {
	asyncio.FlowControlProtocol
	got     []byte
	o       trace
	onPause func()
	onData  func([]byte)
}

func (p *noisy) DataReceived(b []byte) {
	p.got = append(p.got, b...)
	if p.onData != nil {
		p.onData(b)
	}
}

func (p *noisy) EOFReceived() bool { p.o.add("eof"); return true }

func (p *noisy) PauseWriting() {
	p.o.add("pause")
	p.FlowControlProtocol.PauseWriting()
	if p.onPause != nil {
		p.onPause()
	}
}

func (p *noisy) ResumeWriting() {
	p.o.add("resume")
	p.FlowControlProtocol.ResumeWriting()
}

func (p *noisy) ConnectionLost(err error) {
	p.o.add("lost ", err)
	p.FlowControlProtocol.ConnectionLost(err)
}

// buffered is a noisy protocol with a small buffer of its own.
type buffered struct {
	noisy
	buf [7]byte
}

func (p *buffered) GetBuffer(int) []byte { return p.buf[:] }
func (p *buffered) BufferUpdated(n int)  { p.DataReceived(p.buf[:n]) }

// noisyPair returns two protocols with TLS between them.
func noisyPair(t *testing.T, c ctx, pa, pb asyncio.Protocol, config asynciotest.Pipe) (a, b asyncio.Transport) {
	t.Helper()
	sc, cc := tlsConfigs()
	ma, mb := asynciotest.Transports(c, pa, pb, config)
	_ = yield(c, 3)
	upgraded := asyncio.CreateTask(c, func(c ctx) (asyncio.Transport, error) { return asyncio.StartTLS(c, mb, pb, sc, true) })
	a, err := asyncio.StartTLS(c, ma, pa, cc, false)
	require.NoError(t, err)
	b, err = upgraded.Await(c)
	require.NoError(t, err)
	return a, b
}

func TestTLSProtocols(t *testing.T) {
	for name, f := range map[string]func(t *testing.T, c ctx){
		"what is written in PauseWriting comes after what it was called for": func(t *testing.T, c ctx) {
			pa, pb := new(noisy), new(noisy)
			a, b := noisyPair(t, c, pa, pb, asynciotest.Pipe{Buffer: 1000})
			pa.onPause = func() {
				_, _ = a.Write([]byte("in pause"))
				a.PauseReading()
				a.ResumeReading()
				require.NotNil(t, a.ExtraInfo("cipher"))
			}
			text := bytes.Repeat([]byte("x"), 600_000)
			_, _ = a.Write(text)
			_, _ = a.Write([]byte("after"))
			a.Close()
			require.NoError(t, pa.WaitClosed(c))
			require.NoError(t, pb.WaitClosed(c))
			require.Equal(t, string(text)+"in pauseafter", string(pb.got))
			require.Equal(t, trace{"pause", "resume", "lost <nil>"}, pa.o)
			require.Equal(t, trace{"eof", "lost <nil>"}, pb.o)
			require.Nil(t, a.Protocol())
			require.True(t, b.IsClosing())
		},
		"closed in PauseWriting it still sends everything": func(t *testing.T, c ctx) {
			pa, pb := new(noisy), new(noisy)
			a, _ := noisyPair(t, c, pa, pb, asynciotest.Pipe{Buffer: 1000})
			pa.onPause = a.Close
			n, err := a.Write(make([]byte, 1_000_000))
			require.Equal(t, 1_000_000, n)
			require.NoError(t, err)
			require.NoError(t, pb.WaitClosed(c))
			require.Len(t, pb.got, 1_000_000)
			require.NoError(t, pa.WaitClosed(c))
		},
		"aborted in PauseWriting": func(t *testing.T, c ctx) {
			pa, pb := new(noisy), new(noisy)
			a, _ := noisyPair(t, c, pa, pb, asynciotest.Pipe{Buffer: 1000})
			pa.onPause = a.Abort
			_, _ = a.Write(make([]byte, 1_000_000))
			require.Zero(t, a.WriteBufferSize())
			require.NoError(t, pa.WaitClosed(c))
			_ = pb.WaitClosed(c)
			require.Less(t, len(pb.got), 1_000_000)
		},
		"everything is allowed in DataReceived": func(t *testing.T, c ctx) {
			for _, what := range []string{"write", "close", "abort", "pause", "panic"} {
				pa, pb := new(noisy), new(noisy)
				a, b := noisyPair(t, c, pa, pb, asynciotest.Pipe{})
				pb.onData = func(p []byte) {
					switch what {
					case "write":
						_, _ = b.Write(p)
					case "close":
						_, _ = b.Write(p)
						b.Close()
					case "abort":
						b.Abort()
					case "pause":
						b.PauseReading()
						b.ResumeReading()
						_, _ = b.Write(p)
					case "panic":
						panic("kaboom")
					}
				}
				_, _ = a.Write([]byte("text"))
				_ = yield(c, 10)
				a.Close()
				_ = pa.WaitClosed(c)
				err := pb.WaitClosed(c)
				require.Equal(t, "text", string(pb.got))
				switch what {
				case "abort":
					require.Empty(t, pa.got)
				case "panic":
					require.ErrorContains(t, err, "kaboom")
				default:
					require.Equal(t, "text", string(pa.got), what)
					require.NoError(t, err)
				}
			}
		},
		"a BufferedProtocol": func(t *testing.T, c ctx) {
			pa, pb := new(noisy), new(buffered)
			a, _ := noisyPair(t, c, pa, pb, asynciotest.Pipe{})
			data := bytes.Repeat([]byte("0123456789"), 10_000)
			_, _ = a.Write(data)
			a.Close()
			require.NoError(t, pb.WaitClosed(c))
			require.Equal(t, string(data), string(pb.got))
		},
		"nothing comes while reading is paused, the end included": func(t *testing.T, c ctx) {
			pa, pb := new(noisy), new(noisy)
			a, b := noisyPair(t, c, pa, pb, asynciotest.Pipe{})
			b.PauseReading()
			_, _ = a.Write([]byte("text"))
			_ = yield(c, 10)
			_, _ = a.Write([]byte(" and more"))
			a.Close()
			_ = yield(c, 10)
			require.Empty(t, pb.got)
			require.Empty(t, pb.o)
			b.ResumeReading()
			_ = yield(c, 10)
			require.Equal(t, "text and more", string(pb.got))
			require.NoError(t, pb.WaitClosed(c))
			require.NoError(t, pa.WaitClosed(c))
			require.Equal(t, trace{"eof", "lost <nil>"}, pb.o)
		},
		"closed while reading is paused": func(t *testing.T, c ctx) {
			pa, pb := new(noisy), new(noisy)
			a, b := noisyPair(t, c, pa, pb, asynciotest.Pipe{})
			b.PauseReading()
			_, _ = a.Write([]byte("text"))
			_ = yield(c, 10)
			b.Close()
			require.NoError(t, pb.WaitClosed(c))
			require.NoError(t, pa.WaitClosed(c))
			require.Empty(t, pb.got)
		},
		"a change of protocols": func(t *testing.T, c ctx) {
			pa, pb, pc := new(noisy), new(noisy), new(buffered)
			a, b := noisyPair(t, c, pa, pb, asynciotest.Pipe{})
			pb.onData = func([]byte) { b.SetProtocol(pc) }
			_, _ = a.Write([]byte("one"))
			_ = yield(c, 5)
			_, _ = a.Write([]byte("two two two"))
			a.Close()
			require.NoError(t, pc.WaitClosed(c))
			require.Equal(t, "one", string(pb.got))
			require.Equal(t, "two two two", string(pc.got))
			require.Empty(t, pb.o)
		},
		"what a started protocol writes during the handshake comes first": func(t *testing.T, c ctx) {
			sc, cc := tlsConfigs()
			pa, pb := new(noisy), new(noisy)
			ma, mb := asynciotest.Transports(c, pa, pb, asynciotest.Pipe{Chunk: func(int) int { return 1 }})
			_ = yield(c, 3)
			upgraded := asyncio.CreateTask(c, func(c ctx) (asyncio.Transport, error) { return asyncio.StartTLS(c, mb, pb, sc, true) })
			early := asyncio.CreateTask(c, func(c ctx) (asyncio.Transport, error) { return asyncio.StartTLS(c, ma, pa, cc, false) })
			_ = yield(c, 5)
			wire := ma.Protocol()
			require.NotSame(t, pa, wire)
			a, err := early.Await(c)
			require.NoError(t, err)
			_, _ = a.Write([]byte("text"))
			_, err = upgraded.Await(c)
			require.NoError(t, err)
			a.Close()
			require.NoError(t, pb.WaitClosed(c))
			require.Equal(t, "text", string(pb.got))
		},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, run(t, func(c ctx) error { f(t, c); return nil },
				asyncio.WithExceptionHandler(func(_ *asyncio.Loop, e asyncio.ExceptionContext) {
					if e.Message != "Fatal error: protocol.data_received() call failed." {
						t.Errorf("unexpected: %v", e)
					}
				})))
		})
	}
}

// TestTLSAtRandom sends random pieces both ways over connections that take and give
// random pieces, pauses, closes and breaks.
func TestTLSAtRandom(t *testing.T) {
	for seed := range uint64(30) {
		rng := mathrand.New(mathrand.NewPCG(seed, 7))
		require.NoError(t, run(t, func(c ctx) error {
			config := asynciotest.Pipe{Buffer: 1 + rng.IntN(20_000), Chunk: func(n int) int { return 1 + rng.IntN(n) }}
			if rng.IntN(3) == 0 {
				config.Chunk = nil
			}
			a, b := tlsPair(t, c, 1+rng.IntN(5000), config, func(server, client *tls.Config) {
				if rng.IntN(2) == 0 {
					client.MaxVersion = tls.VersionTLS12
				}
			})
			broken := rng.IntN(3) == 0
			var tasks []asyncio.AwaitableOf[none]
			for _, e := range []struct{ from, to streamEnd }{{a, b}, {b, a}} {
				data := make([]byte, rng.IntN(100_000))
				for i := range data {
					data[i] = byte(rng.Uint32())
				}
				tasks = append(tasks, spawn(c, func(c ctx) error {
					for p := data; len(p) > 0; {
						n := min(len(p), 1+rng.IntN(30_000))
						if _, err := e.from.w.Write(p[:n]); err != nil {
							return nil
						}
						p = p[n:]
						if rng.IntN(2) == 0 {
							if err := e.from.w.Drain(c); err != nil && !broken {
								return err
							}
						}
						if rng.IntN(3) == 0 {
							_ = asyncio.Sleep(c, time.Duration(rng.IntN(3))*ms)
						}
					}
					return nil
				}), spawn(c, func(c ctx) error {
					var got []byte
					for len(got) < len(data) {
						var p []byte
						err := within(c, time.Duration(rng.IntN(5))*ms, func(c ctx) (err error) {
							p, err = e.to.r.ReadSome(c, 1+rng.IntN(10_000))
							return err
						})
						got = append(got, p...)
						require.True(t, bytes.HasPrefix(data, got), "seed %d", seed)
						if err != nil && err != errTimedOut {
							if broken {
								return nil
							}
							return fmt.Errorf("seed %d: %w", seed, err)
						}
						if rng.IntN(200) == 0 && broken {
							e.to.t.Break([]error{nil, errBad}[rng.IntN(2)])
						}
					}
					return nil
				}))
			}
			_, err := asyncio.Gather(c, tasks...)
			require.NoError(t, err, "seed %d", seed)
			if rng.IntN(2) == 0 {
				a, b = b, a
			}
			_ = a.w.Close()
			if !broken {
				require.NoError(t, b.w.WaitClosed(c))
				require.NoError(t, a.w.WaitClosed(c))
			} else {
				a.t.Break(errBad)
				_ = b.w.WaitClosed(c)
				_ = a.w.WaitClosed(c)
			}
			return nil
		}), "seed %d", seed)
	}
}
