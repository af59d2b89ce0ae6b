//go:build unix

package signal_test

import (
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/signal"
)

func Example() {
	_ = gevent.Run(func() {
		stop := gevent.NewGreenlet(func() {})
		_, err := signal.Handler(syscall.SIGHUP, func() {
			fmt.Println("finishing what is at work")
			gevent.Sleep(time.Millisecond)
			stop.Start()
		})
		if err != nil {
			fmt.Println(err)
			return
		}
		_ = syscall.Kill(os.Getpid(), syscall.SIGHUP)
		if !stop.JoinTimeout(time.Minute) {
			fmt.Println("no signal")
		}
	})
	// Output: finishing what is at work
}
