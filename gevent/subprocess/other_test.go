//go:build windows

package subprocess_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/subprocess"
)

func TestWithoutAPollerACommandRunsWithoutPipes(t *testing.T) {
	require.NoError(t, gevent.Run(func() {
		require.NoError(t, subprocess.Command("cmd", "/c", "exit 0").Run())
		_, err := subprocess.Command("cmd", "/c", "echo text").Output()
		require.ErrorIs(t, err, errors.ErrUnsupported)
	}))
}
