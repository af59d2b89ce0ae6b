package asyncio

// wrapTLS puts TLS between p and a transport that is about to be made: wire is to be
// that one's protocol, and t is p's transport. The waiter, which may be nil, is settled
// when the handshake has ended. Host is the one that a client dials.
func wrapTLS(op string, l *Loop, p Protocol, o *TransportOption, server bool, host string, waiter *future) (wire Protocol, t Transport) {
	options := newTLSOptions(op, o.config, server, o.tls)
	if options.serverName == "" {
		options.serverName = host
	}
	secure := newTLS(l, p, options, false, waiter)
	return secure.wire(), secure
}
