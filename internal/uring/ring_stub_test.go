//go:build !linux

package uring_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/internal/uring"
)

func TestThereIsNoRingHere(t *testing.T) {
	_, err := uring.Open(8)
	require.ErrorIs(t, err, errors.ErrUnsupported)
}
