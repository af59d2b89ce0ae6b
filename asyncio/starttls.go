package asyncio

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"time"
)

// A TLSOption changes how TLS is done on a connection.
type TLSOption func(*tlsOptions)

// tlsOptions is what a TLS connection is made with.
type tlsOptions struct {
	config                            *tls.Config
	server                            bool
	serverName                        string // for a client whose config has none
	handshakeTimeout, shutdownTimeout time.Duration
}

const (
	defaultTLSHandshakeTimeout = 60 * time.Second
	defaultTLSShutdownTimeout  = 30 * time.Second
)

// WithTLSHandshakeTimeout limits how long the handshake may take. The default is a
// minute. It mirrors ssl_handshake_timeout; d must be positive.
func WithTLSHandshakeTimeout(d time.Duration) TLSOption {
	mustBePositive("asyncio.WithTLSHandshakeTimeout", d)
	return func(o *tlsOptions) { o.handshakeTimeout = d }
}

// WithTLSShutdownTimeout limits how long a transport that was closed waits for the
// peer to close too; then it is aborted. The default is 30 seconds. It mirrors
// ssl_shutdown_timeout; d must be positive.
func WithTLSShutdownTimeout(d time.Duration) TLSOption {
	mustBePositive("asyncio.WithTLSShutdownTimeout", d)
	return func(o *tlsOptions) { o.shutdownTimeout = d }
}

// WithTLSServerName says which name the server's certificate must be for, if the
// client's tls.Config has no ServerName. It mirrors server_hostname.
func WithTLSServerName(name string) TLSOption {
	return func(o *tlsOptions) { o.serverName = name }
}

func mustBePositive(op string, d time.Duration) {
	if d <= 0 {
		misuse(op, "the time is not positive", "pass a longer one, or leave it out")
	}
}

func newTLSOptions(op string, config *tls.Config, server bool, opts []TLSOption) tlsOptions {
	if config == nil {
		misuse(op, "the tls.Config is nil", "pass one; a client's may be empty")
	}
	o := tlsOptions{
		config: config, server: server,
		handshakeTimeout: defaultTLSHandshakeTimeout,
		shutdownTimeout:  defaultTLSShutdownTimeout,
	}
	for _, opt := range opts {
		opt(&o)
	}
	return o
}

// conn returns a tls.Conn on pipe, and its config. A client's gets the server's
// name, and refuses to renegotiate: see tlsTransport.
func (o *tlsOptions) conn(pipe net.Conn) (*tls.Conn, *tls.Config) {
	config := o.config
	if o.server {
		return tls.Server(pipe, config), config
	}
	name := config.ServerName == "" && o.serverName != ""
	if name || config.Renegotiation != tls.RenegotiateNever {
		config = config.Clone()
		config.Renegotiation = tls.RenegotiateNever
		if name {
			config.ServerName = o.serverName
		}
	}
	return tls.Client(pipe, config), config
}

// StartTLS makes TLS of a connection that has been in use. It returns the transport
// that the protocol should use from now on, when the handshake has ended; the
// protocol stays the same, and its ConnectionMade is not called again. The protocol
// must not use the old transport any more, and must not have received any of what
// the peer sent for TLS. It mirrors start_tls. For streams see
// [StreamWriter.StartTLS].
//
// Functions of the tls.Config are called in callbacks of the loop, and must not
// wait. Renegotiation is refused whatever the config says. The transport's ExtraInfo
// has "sslcontext", the *tls.Config; "peercert", the peer's *x509.Certificate;
// "cipher", the name of the cipher suite; and "ssl_object", the
// tls.ConnectionState. It cannot end one side alone: WriteEOF is refused, and when
// the peer closes, the transport closes itself.
//
// It parks the calling task or greenlet until the handshake has ended, for a minute
// at most if no option says otherwise. An error of the handshake is that of
// crypto/tls, such as a *tls.CertificateVerificationError; it matches
// [ErrConnectionLost] if the connection ended, and is a net.Error with Timeout if it
// took too long. The error is also [ErrCancelled] if the calling task is cancelled,
// or ctx.Err() if ctx ends, and it is not just the calling task's own. With any
// error the connection is closed, and the protocol's ConnectionLost is called.
func StartTLS(ctx context.Context, t Transport, p Protocol, config *tls.Config, serverSide bool, opts ...TLSOption) (Transport, error) {
	const op = "asyncio.StartTLS"
	return startTLS(ctx, op, t, p, newTLSOptions(op, config, serverSide, opts), nil)
}

// startTLS is StartTLS after the peer has sent early, which belongs to TLS.
func startTLS(ctx context.Context, op string, raw Transport, p Protocol, o tlsOptions, early []byte) (Transport, error) {
	l := loopOf(ctx, op)
	if raw.IsClosing() {
		return nil, inOp(op, net.ErrClosed)
	}
	waiter := &future{loop: l}
	t := newTLS(l, p, o, true, waiter)
	t.in.add(early)
	// Nothing may come to the wire before its ConnectionMade.
	raw.PauseReading()
	raw.SetProtocol(t.wire())
	made := l.CallSoon(func() { t.wire().ConnectionMade(raw) })
	resumed := l.CallSoon(raw.ResumeReading)
	shaken := false
	defer func() {
		if !shaken {
			made.Cancel()
			resumed.Cancel()
			raw.Close()
		}
	}()
	if err := waiter.await(ctx, op); err != nil {
		return nil, err
	}
	if err := waiter.take(); err != nil {
		return nil, err
	}
	shaken = true
	return t, nil
}

// StartTLS makes TLS of the stream: what is written and read from now on is
// enciphered. It drains first. A stream of [StartServer] is the server's side of
// TLS, one of [OpenConnection] the client's. It mirrors start_tls.
//
// What the peer has sent already and nobody has read is taken for the beginning of
// TLS. So nobody can slip in plain text that is read as if it had been enciphered.
//
// The errors, and all else, are as for [StartTLS].
func (w *StreamWriter) StartTLS(ctx context.Context, config *tls.Config, opts ...TLSOption) error {
	const op = "asyncio.StreamWriter.StartTLS"
	p, ok := w.protocol.(*StreamReaderProtocol)
	raw, ok2 := w.transport.(Transport)
	if !ok || !ok2 {
		misuse(op, "the writer is not that of a connection", "use StartTLS with a transport")
	}
	o := newTLSOptions(op, config, p.handler != nil, opts)
	if err := w.Drain(ctx); err != nil {
		return err
	}
	r := p.reader
	if r.eof {
		return inOp(op, io.ErrUnexpectedEOF)
	}
	early := r.buf.take(r.buf.len())
	r.paused = false
	t, err := startTLS(ctx, op, raw, p, o, early)
	if err != nil {
		return err
	}
	w.transport = t
	p.replace(t)
	return nil
}
