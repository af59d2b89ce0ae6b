package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/baton-go/baton/asyncio"
	"github.com/baton-go/baton/netpoll"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestBothStartBeforeEitherEnds(t *testing.T) {
	var out strings.Builder
	require.NoError(t, run(&out, time.Second, asyncio.WithClock(netpoll.NewVirtualClock())))
	require.Equal(t, `hello world from one
hello world from two
hello again from one
hello again from two
2 tasks done in 1s
`, out.String())
}
