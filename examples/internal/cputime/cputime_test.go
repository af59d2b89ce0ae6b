package cputime_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/examples/internal/cputime"
)

func TestItGrowsWithWork(t *testing.T) {
	if runtime.GOOS == "windows" {
		require.Zero(t, cputime.Used())
		return
	}
	before := cputime.Used()
	for begin := time.Now(); cputime.Used() < before+10*time.Millisecond; {
		require.Less(t, time.Since(begin), 20*time.Second)
	}
}
