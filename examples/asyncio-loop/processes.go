package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/baton-go/baton/asyncio"
)

// shout is the other program: it answers each line in upper case.
func shout(r io.Reader, w io.Writer) error {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		if _, err := fmt.Fprintln(w, strings.ToUpper(lines.Text())); err != nil {
			return err
		}
	}
	return lines.Err()
}

// A talk is a protocol for a subprocess: the loop tells it what the process writes,
// when its pipes end, and when it exits.
type talk struct {
	asyncio.BaseSubprocessProtocol
	said strings.Builder
	over *asyncio.Future[string]
}

func (t *talk) PipeDataReceived(fd int, data []byte) {
	if fd == 1 { // its standard output
		t.said.Write(data)
	}
}

// ConnectionLost comes last, when the process has exited and its pipes are at their
// ends.
func (t *talk) ConnectionLost(error) {
	if !t.over.Done() {
		_ = t.over.SetResult(t.said.String())
	}
}

// subprocesses talks to a program in both ways: with a protocol, and with streams.
func subprocesses(ctx context.Context, w io.Writer, program []string) error {
	loop := asyncio.RunningLoop(ctx)
	transport, t, err := asyncio.SubprocessExec(ctx, func() *talk {
		return &talk{over: asyncio.NewFuture[string](loop)}
	}, program[0], program[1:])
	if err != nil {
		return err
	}
	defer transport.Close() // which ends it, if it still runs
	stdin := transport.PipeTransport(0).(asyncio.WriteTransport)
	if _, err := io.WriteString(stdin, "is anybody there?\n"); err != nil {
		return err
	}
	stdin.Close()
	said, err := t.over.Await(ctx)
	if err != nil {
		return err
	}
	code, _ := transport.ReturnCode()
	fmt.Fprintf(w, "   the protocol got %q; exit code %d\n", said, code)

	p, err := asyncio.CreateSubprocessExec(ctx, program[0], program[1:],
		asyncio.WithStdin(asyncio.PIPE), asyncio.WithStdout(asyncio.PIPE))
	if err != nil {
		return err
	}
	out, _, err := p.Communicate(ctx, []byte("one\ntwo\n"))
	if err != nil {
		return err
	}
	code, _ = p.ReturnCode()
	fmt.Fprintf(w, "   the stream had %q; exit code %d\n", out, code)
	return nil
}
