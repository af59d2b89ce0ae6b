package net

import (
	"context"
	"net"

	"github.com/baton-go/baton/internal/hub"
)

// Interfaces, addresses and errors are package net's own, and so is Resolver: its
// methods block the whole thread, call them in gevent.Offload.
type (
	Addr            = net.Addr
	Buffers         = net.Buffers
	Conn            = net.Conn
	Flags           = net.Flags
	HardwareAddr    = net.HardwareAddr
	IP              = net.IP
	IPAddr          = net.IPAddr
	IPMask          = net.IPMask
	IPNet           = net.IPNet
	KeepAliveConfig = net.KeepAliveConfig
	Listener        = net.Listener
	Resolver        = net.Resolver
	TCPAddr         = net.TCPAddr
	UDPAddr         = net.UDPAddr
	UnixAddr        = net.UnixAddr

	AddrError           = net.AddrError
	DNSError            = net.DNSError
	Error               = net.Error
	InvalidAddrError    = net.InvalidAddrError
	OpError             = net.OpError
	ParseError          = net.ParseError
	UnknownNetworkError = net.UnknownNetworkError
)

// IP address lengths.
const (
	IPv4len = net.IPv4len
	IPv6len = net.IPv6len
)

// Well-known addresses.
var (
	IPv4allrouter = net.IPv4allrouter
	IPv4allsys    = net.IPv4allsys
	IPv4bcast     = net.IPv4bcast
	IPv4zero      = net.IPv4zero

	IPv6interfacelocalallnodes = net.IPv6interfacelocalallnodes
	IPv6linklocalallnodes      = net.IPv6linklocalallnodes
	IPv6linklocalallrouters    = net.IPv6linklocalallrouters
	IPv6loopback               = net.IPv6loopback
	IPv6unspecified            = net.IPv6unspecified
	IPv6zero                   = net.IPv6zero
)

// ErrClosed is package net's: the error of a call on a closed socket, and of one
// that a Close ends.
var ErrClosed = net.ErrClosed

// Functions that only calculate: they park nowhere.
var (
	CIDRMask            = net.CIDRMask
	IPv4                = net.IPv4
	IPv4Mask            = net.IPv4Mask
	JoinHostPort        = net.JoinHostPort
	ParseCIDR           = net.ParseCIDR
	ParseIP             = net.ParseIP
	ParseMAC            = net.ParseMAC
	SplitHostPort       = net.SplitHostPort
	TCPAddrFromAddrPort = net.TCPAddrFromAddrPort
	UDPAddrFromAddrPort = net.UDPAddrFromAddrPort
)

// ResolveTCPAddr returns the address of a TCP end point, as net.ResolveTCPAddr does.
// It parks the calling greenlet if there is a name to be looked up, while package
// net's resolver does so on another goroutine.
func ResolveTCPAddr(network, address string) (*TCPAddr, error) {
	self, p := hub.Here()
	if _, literal := parseLiteral(network, address); literal || p == nil {
		return net.ResolveTCPAddr(network, address)
	}
	var a *TCPAddr
	var err error
	interrupt := p.Offload(self, hub.Wait{Op: "net.ResolveTCPAddr", On: address}, func() {
		a, err = net.ResolveTCPAddr(network, address)
	})
	if interrupt != nil {
		return nil, unwind(interrupt)
	}
	return a, err
}

// background is the context of calls that were given none.
var background = context.Background()
