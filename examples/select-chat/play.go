package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
)

// A remark is what somebody types: a client, or the operator.
type remark struct{ who, says string }

const (
	operator = "operator"
	leaves   = "" // the remark that is the end of the input
)

// A terminal is a keyboard and a screen, where a program runs.
type terminal struct {
	name     string
	keyboard *os.File
	screen   *io.PipeReader
	lines    *bufio.Reader // of the screen
}

// start runs a program in a new terminal, until it ends.
func start(name string, all *sync.WaitGroup, program func(stdin int, out io.Writer) error) (*terminal, error) {
	stdin, keyboard, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	screen, out := io.Pipe()
	all.Go(func() {
		err := program(int(stdin.Fd()), out)
		stdin.Close()
		out.CloseWithError(err) // io.EOF if there is none
	})
	return &terminal{name, keyboard, screen, bufio.NewReader(screen)}, nil
}

// close takes the terminal away.
func (t *terminal) close() {
	t.keyboard.Close()
	t.screen.Close()
}

// show waits for the next line that appears, and prints it.
func (t *terminal) show(w io.Writer) (line string, err error) {
	line, err = t.lines.ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("select-chat: %s's terminal: %w", t.name, err)
	}
	_, err = fmt.Fprintf(w, "%8s's terminal | %s", t.name, line)
	return strings.TrimSpace(line), err
}

// play has the clients connect one after the other and make their remarks, and
// prints what appears on each terminal. All others see a remark; the operator
// sees the own ones too.
func play(w io.Writer, clients []string, remarks []remark) error {
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()

	server, err := start(operator, &all, func(stdin int, out io.Writer) error {
		return serve(ctx, []string{"127.0.0.1:0"}, stdin, out)
	})
	if err != nil {
		return err
	}
	defer server.close()
	line, err := server.show(w)
	if err != nil {
		return err
	}
	address := strings.TrimPrefix(line, "listening on ")

	present := []*terminal{server}
	tell := func(but *terminal) error {
		for _, t := range present {
			if t == but {
				continue
			}
			if _, err := t.show(w); err != nil {
				return err
			}
		}
		return nil
	}
	for _, name := range clients {
		t, err := start(name, &all, func(stdin int, out io.Writer) error {
			return connect(ctx, address, stdin, out)
		})
		if err != nil {
			return err
		}
		defer t.close()
		if err := tell(nil); err != nil { // who has come
			return err
		}
		present = append(present, t)
	}
	for _, r := range remarks {
		var who *terminal
		for _, t := range present {
			if t.name == r.who {
				who = t
			}
		}
		if who == nil {
			return fmt.Errorf("select-chat: %s is not there", r.who)
		}
		if r.says == leaves {
			fmt.Fprintf(w, "%s leaves\n", r.who)
			err = who.keyboard.Close()
			present = slices.DeleteFunc(present, func(t *terminal) bool { return t == who })
		} else {
			fmt.Fprintf(w, "%s types: %s\n", r.who, r.says)
			_, err = fmt.Fprintln(who.keyboard, r.says)
		}
		if err != nil {
			return err
		}
		but := who
		if who == server {
			but = nil
		}
		if err := tell(but); err != nil {
			return err
		}
	}
	return nil
}
