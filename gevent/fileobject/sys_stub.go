//go:build !(linux || darwin || dragonfly || freebsd || netbsd || openbsd)

package fileobject

import "github.com/baton-go/baton/netpoll"

// See sys_unix.go. None of these functions is called: a stream cannot be made.

const sysStreams = false

func sysDup(int) (int, bool, error)            { return -1, false, netpoll.ErrNoPoller }
func sysSetBlocking(int)                       {}
func sysRead(int, []byte) (int, error)         { return 0, netpoll.ErrNoPoller }
func sysWrite(int, []byte) (int, error)        { return 0, netpoll.ErrNoPoller }
func sysClose(int) error                       { return netpoll.ErrNoPoller }
func sysAlwaysReady(error) bool                { return false }
func sysReleaseOpener(string, <-chan struct{}) {}
