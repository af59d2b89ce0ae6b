package main

import (
	"context"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/baton-go/baton/asyncio"
	"github.com/baton-go/baton/asyncio/asynciotest"
)

// asProgram makes this test's binary, when it runs itself, be the program.
const asProgram = "BATON_ASYNCIO_LOOP_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// needsPoller skips the test where sockets and pipes are not the loop's.
func needsPoller(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("there is no poller here")
	}
}

// onALoop runs a part on a loop of its own, and returns what it wrote.
func onALoop(t *testing.T, part func(ctx context.Context, w *strings.Builder) error) string {
	t.Helper()
	var out strings.Builder
	_, err := asyncio.Run(asyncio.NoResult(func(ctx context.Context) error { return part(ctx, &out) }))
	require.NoError(t, err)
	return out.String()
}

func TestCallsAreMadeInOrderUnlessTheyAreCancelled(t *testing.T) {
	var out strings.Builder
	asynciotest.Run(t, func(ctx context.Context) error { return delayedCalls(ctx, &out, time.Hour) })
	require.Equal(t, delayed, out.String())
}

const delayed = `   registered; none was made yet
   at 0: a call as soon as possible
   at 0: and the next one
   at 1: a call that cancels another
   at 1: a call for the same time comes after it
   at 3: the last call
   cancelled: true
`

func TestAServerAndItsClientsAreProtocols(t *testing.T) {
	needsPoller(t)
	require.Equal(t, served, onALoop(t, func(ctx context.Context, w *strings.Builder) error { return protocols(ctx, w) }))
}

const served = `   the server got "Ann\n"
   the client got "hello, Ann\n"
   the server got "Ben\n"
   the client got "hello, Ben\n"
`

// A client that is cut off says so.
func TestAClientWithoutAnAnswerFails(t *testing.T) {
	asynciotest.Run(t, func(ctx context.Context) error {
		var network asynciotest.Network
		_, err := network.CreateServer(ctx, func() asyncio.Protocol { return new(greeter) }, "tcp", "here:1")
		require.NoError(t, err)
		v := &visitor{name: "Eve", over: asyncio.NewFuture[string](asyncio.RunningLoop(ctx))}
		transport, _, err := network.CreateConnection(ctx, func() asyncio.Protocol { return v }, "tcp", "here:1")
		require.NoError(t, err)
		transport.Break(nil)
		_, err = v.over.Await(ctx)
		require.ErrorContains(t, err, "no answer")
		return nil
	})
}

func TestOtherProgramsAnswer(t *testing.T) {
	needsPoller(t)
	t.Setenv(asProgram, "1")
	require.Equal(t, shouted, onALoop(t, func(ctx context.Context, w *strings.Builder) error {
		return subprocesses(ctx, w, []string{os.Args[0], "-child"})
	}))
}

const shouted = `   the protocol got "IS ANYBODY THERE?\n"; exit code 0
   the stream had "ONE\nTWO\n"; exit code 0
`

func TestBlockingCallsAreMadeOnOtherThreads(t *testing.T) {
	require.Equal(t, threaded, onALoop(t, func(ctx context.Context, w *strings.Builder) error { return threads(ctx, w) }))
}

const threaded = `   the loop counted to 10 while three calls blocked, which returned [1 4 9]
   one more returned 49
`

func TestTheProgramShowsTheFourParts(t *testing.T) {
	needsPoller(t)
	cmd := exec.Command(os.Args[0], "-unit", "10ms")
	cmd.Env = append(os.Environ(), asProgram+"=1")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	at := regexp.MustCompile(`at [0-9]+:`) // a machine that is busy is late
	text := func(s string) string { return at.ReplaceAllString(s, "at N:") }
	require.Equal(t, "1. delayed calls\n"+text(delayed)+"2. client and server protocols\n"+served+
		"3. subprocesses\n"+shouted+"4. calls on other threads\n"+threaded, text(string(out)))
}
