package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/baton-go/baton/coro"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestEachNumberIsConsumedAndAnswered(t *testing.T) {
	var out strings.Builder
	c := consumer(&out, 0)
	require.NoError(t, produce(&out, c))
	require.Equal(t, `produer-->1..
consumer <--1..
consumer return : 200 ok
produer-->2..
consumer <--2..
consumer return : 200 ok
produer-->3..
consumer <--3..
consumer return : 200 ok
produer-->4..
consumer <--4..
consumer return : 200 ok
produer-->5..
consumer <--5..
consumer return : 200 ok
`, out.String())
	require.Equal(t, coro.Closed, c.State())
}
