package main

import (
	"bufio"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
)

//go:embed workloads.py
var workloads string

// pythons are where an interpreter is looked for: the first that has uvloop is
// used, else the first that there is.
var pythons = []string{"python3", "/usr/bin/python3", "/usr/local/bin/python3"}

// findPython returns an interpreter, or "", and whether it has uvloop.
func findPython(candidates []string) (path string, uvloop bool) {
	for _, name := range candidates {
		found, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		if exec.Command(found, "-c", "import uvloop").Run() == nil {
			return found, true
		}
		if path == "" && exec.Command(found, "-c", "import asyncio").Run() == nil {
			path = found
		}
	}
	return path, false
}

// A peer is a process that runs workloads.py on one kind of loop.
type peer struct {
	loop    string
	version string
	cmd     *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
}

func startPeer(python, loop string) (*peer, error) {
	p := &peer{loop: loop, cmd: exec.Command(python, "-c", workloads, loop)}
	in, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.in, p.out = in, bufio.NewReader(out)
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	line, err := p.out.ReadString('\n')
	version, ready := strings.CutPrefix(strings.TrimSpace(line), "ready ")
	if err != nil || !ready {
		return nil, errors.Join(fmt.Errorf("%s did not start %s: it said %q", python, loop, line), err, p.close())
	}
	p.version = version
	return p, nil
}

// measure returns the nanoseconds of one operation in a round of n.
func (p *peer) measure(name string, n int) (float64, error) {
	if _, err := fmt.Fprintln(p.in, name, n); err != nil {
		return 0, fmt.Errorf("%s: %w", p.loop, err)
	}
	line, err := p.out.ReadString('\n')
	if err != nil {
		return 0, fmt.Errorf("%s: %w", p.loop, err)
	}
	return strconv.ParseFloat(strings.TrimSpace(line), 64)
}

func (p *peer) close() error {
	return errors.Join(p.in.Close(), p.cmd.Wait())
}
