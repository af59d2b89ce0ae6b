//go:build unix

package subprocess_test

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/subprocess"
)

// Two processes at the same time.
func Example() {
	err := gevent.Run(func() {
		a := gevent.SpawnValue(subprocess.Shell("sleep 0.01; echo a").Output)
		b := gevent.SpawnValue(subprocess.Shell("sleep 0.01; echo b").Output)
		for _, g := range []*gevent.Of[[]byte]{a, b} {
			out, err := g.Get()
			fmt.Printf("%s%v\n", out, err)
		}
	})
	fmt.Println(err)
	// Output:
	// a
	// <nil>
	// b
	// <nil>
	// <nil>
}

// A pipeline, "printf ... | sort | head -1": the output of one process is the input of
// the next. What our greenlets need not see goes through an [os.Pipe] of which we close
// our ends, so that a producer that never ends is told when nobody reads any more.
func Example_pipeline() {
	err := gevent.Run(func() error {
		words := subprocess.Command("printf", "pear\napple\nfig\n")
		sorted := subprocess.Command("sort")
		pipe, err := words.StdoutPipe()
		if err != nil {
			return err
		}
		sorted.Stdin = pipe // a greenlet copies
		if err := words.Start(); err != nil {
			return err
		}
		out, err := sorted.Output()
		fmt.Print(string(out))
		if err := errors.Join(err, words.Wait()); err != nil {
			return err
		}

		endless, first := subprocess.Command("yes"), subprocess.Command("head", "-n1")
		r, w, err := os.Pipe()
		if err != nil {
			return err
		}
		endless.Stdout, first.Stdin = w, r
		err = endless.Start()
		w.Close() // it is the process's now
		if err != nil {
			r.Close()
			return err
		}
		out, err = first.Output()
		r.Close() // nobody reads any more: the endless one gets SIGPIPE
		fmt.Print(string(out))
		fmt.Println(endless.Wait())
		return err
	})
	fmt.Println(err)
	// Output:
	// apple
	// fig
	// pear
	// y
	// signal: broken pipe
	// <nil>
}

// A time limit leaves no process behind.
func ExampleCheckOutput() {
	_ = gevent.Run(func() {
		_, err := subprocess.CheckOutput(subprocess.Command("sleep", "1000"), subprocess.Within(time.Millisecond))
		fmt.Println(errors.Is(err, subprocess.ErrTimeoutExpired))
	})
	// Output: true
}
