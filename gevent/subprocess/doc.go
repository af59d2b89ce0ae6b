// Package subprocess runs other programs without blocking the thread: only the
// greenlet that waits for one, or for its output, waits. It is Python's
// gevent.subprocess for Go, in the shape of package os/exec, on which it stands.
//
// # A command
//
// [Command] makes a [Cmd], with the fields and methods of [os/exec.Cmd]:
//
//	out, err := subprocess.Command("git", "log", "-1").Output()
//
// Whatever waits gives way to other greenlets, and no goroutine copies anything:
// pipes belong to the loop, and greenlets copy from a Stdin that is an io.Reader, or
// to a Stdout that is an io.Writer.
//
//	var all []*gevent.Greenlet
//	for _, host := range hosts {
//		all = append(all, gevent.Spawn(func() error { return subprocess.Command("ping", "-c1", host).Run() }))
//	}
//	gevent.JoinAll(all...)
//
// # A conversation
//
// What Python calls Popen is a Cmd that was started:
//
//	cmd := subprocess.Command("bc")
//	cmd.Stdin, cmd.Stdout = subprocess.PIPE, subprocess.PIPE
//	if err := cmd.Start(); err != nil {
//		return err
//	}
//	out, _, err := cmd.CommunicateTimeout([]byte("6*7\n"), time.Second)
//
// A pipeline is made of the [Cmd.StdoutPipe] of one Cmd as the Stdin of the next, with a
// greenlet that copies in between; or of an [os.Pipe], of which the processes have the
// ends: see the example.
//
// A Cmd is ready when its process has ended, so that [gevent.Wait] takes it
// together with greenlets and events.
//
// # Time
//
// Methods whose names end in Timeout return an error that matches
// [ErrTimeoutExpired] when the time is up, and can be called again: nothing is lost.
// Those that both start and wait, such as [Cmd.Run], [Cmd.Output], [Call] and
// [CheckOutput], leave no process behind: when their time is up, or the caller is
// killed, or a [gevent.Timeout] ends it, the process is killed and waited for. Its
// own children are not; see Setpgid in [syscall.SysProcAttr] for that.
//
// A virtual clock does not wait for processes: if a time is waited for as well, it
// jumps there.
//
// # Platforms
//
// Where there is no poller, on Windows above all, commands run, but only with
// Stdin, Stdout and Stderr that are nil or an [os.File]: everything that needs a pipe
// returns an error that matches [errors.ErrUnsupported].
package subprocess
