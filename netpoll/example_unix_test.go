//go:build unix

package netpoll_test

import (
	"fmt"
	"log"
	"os"
	"os/exec"
	"syscall"

	"github.com/baton-go/baton/netpoll"
)

// A program that ends in good order when it is told to.
func ExampleLoop_AddSignal() {
	loop, err := netpoll.NewLoop()
	if err != nil {
		log.Fatal(err)
	}
	defer loop.Close()

	_, err = loop.AddSignal(syscall.SIGTERM, func(sig os.Signal) {
		fmt.Println("got", sig)
		loop.Stop()
	})
	if err != nil {
		log.Fatal(err)
	}
	loop.CallSoon(func() { syscall.Kill(os.Getpid(), syscall.SIGTERM) })
	loop.Run()
	// Output:
	// got terminated
}

// Two commands side by side, on one goroutine.
func ExampleLoop_AddChild() {
	loop, err := netpoll.NewLoop()
	if err != nil {
		log.Fatal(err)
	}
	defer loop.Close()

	codes := map[string]int{}
	for _, script := range []string{"exit 1", "exit 2"} {
		cmd := exec.Command("/bin/sh", "-c", script)
		if err := cmd.Start(); err != nil {
			log.Fatal(err)
		}
		_, err := loop.AddChild(cmd.Process, func(state *os.ProcessState, err error) {
			if err != nil {
				log.Fatal(err)
			}
			codes[script] = state.ExitCode()
		})
		if err != nil {
			log.Fatal(err)
		}
	}
	loop.Run() // until both have ended
	fmt.Println(codes)
	// Output:
	// map[exit 1:1 exit 2:2]
}
