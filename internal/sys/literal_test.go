package sys_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/internal/sys"
)

func TestLiteralAddressesOfTCP(t *testing.T) {
	for address, want := range map[[2]string]string{
		{"127.0.0.1", "80"}:    "127.0.0.1:80",
		{"::1", "65535"}:       "[::1]:65535",
		{"fe80::1%lo", ""}:     "[fe80::1%lo]:0",
		{"::ffff:1.2.3.4", ""}: "1.2.3.4:0",
		{"", "80"}:             ":80",
		{"", ""}:               ":0",
	} {
		a, ok := sys.LiteralTCP(address[0], address[1])
		require.True(t, ok, address)
		require.Equal(t, want, a.String())
		require.Contains(t, []int{0, 16}, len(a.IP))
	}
	for _, address := range [][2]string{{"localhost", "80"}, {"127.0.0.1", "http"}, {"", "http"}, {"", "65536"}, {"", "-1"}, {"1.2.3", "80"}, {"[::1]", "80"}} {
		_, ok := sys.LiteralTCP(address[0], address[1])
		require.False(t, ok, address)
	}
}
