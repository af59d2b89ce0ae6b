package main

import (
	"io"
	"net"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// asProgram makes this test's binary, when it runs itself, be the program.
const asProgram = "BATON_UPPER_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

func run(args ...string) (string, error) {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestEveryAnswerIsRight(t *testing.T) {
	out, err := run("-clients", "100", "-requests", "30")
	require.NoError(t, err, out)
	require.Equal(t, "clients: 3000 of 3000 answers right\nserver: 3000 requests in one thread\n", out)
}

func TestAWrongAnswerFailsTheProgram(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	go func() {
		if c, err := l.Accept(); err == nil {
			_, _ = io.Copy(c, c) // not in upper case
			c.Close()
		}
	}()
	out, err := run("-client", l.Addr().String(), "-clients", "1")
	require.Error(t, err)
	require.Contains(t, out, "0 of 100 answers right")
}
