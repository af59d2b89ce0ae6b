//go:build windows

package fileobject_test

import (
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/gevent/fileobject"
)

func TestAPipeIsRefusedWhereThereIsNoPoller(t *testing.T) {
	test(t, "new", func(t *testing.T) {
		r, w, err := os.Pipe()
		require.NoError(t, err)
		defer r.Close()
		defer w.Close()
		_, err = fileobject.New(r)
		require.ErrorIs(t, err, errors.ErrUnsupported)
	})
}
