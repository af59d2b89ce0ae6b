// Package greenlet has lightweight coroutines that give control to each other by
// hand, as Python's greenlet has.
//
// A greenlet is a function with a stack of its own. It runs only when somebody
// switches to it, and then until it switches to another one:
//
//	greenlet.Run(func() {
//		var gr1, gr2 *greenlet.Greenlet
//		gr1 = greenlet.New(func() {
//			fmt.Print("12 ")
//			gr2.Switch()
//			fmt.Print("34 ")
//			gr2.Switch()
//		})
//		gr2 = greenlet.New(func() {
//			fmt.Print("56 ")
//			gr1.Switch()
//			fmt.Println("78")
//		})
//		gr1.Switch() // prints 12 56 34 78
//	})
//
// Nothing runs in parallel, nothing is preempted, and between two switches a
// greenlet has all data of its thread to itself, without locks. A switch costs a
// quarter to a third of a send on an unbuffered channel.
//
// # Switching
//
// [Greenlet.Switch] suspends the caller and resumes another greenlet. Its
// arguments are the arguments of the body if that greenlet starts, and otherwise
// what the Switch returns in which it was suspended. So values go there and back:
//
//	answer, err := g.Switch(question)
//
// [Greenlet.Throw] resumes a greenlet too, but with an error. Control may come
// back from any greenlet, not just the one that was switched to.
//
// # Parents
//
// Each greenlet has a parent: the greenlet that made it, unless [WithParent] or
// [Greenlet.SetParent] says otherwise. It is where control goes when the greenlet
// ends.
//
//	the body                      the parent's pending Switch
//	returns                       returns the value
//	returns an error              returns the error
//	returns ErrExit, also wrapped returns that error as a value
//	panics                        panics with a *PanicError
//	calls runtime.Goexit          nothing: the thread's main greenlet exits too
//
// What counts is the parent at the time of the end. If it is dead, its parent gets
// the result, and so on; if it has not begun, it is started with the result as its
// argument, or killed by the error. (An orderly exit starts it without an
// argument.) In the same way a switch to a dead greenlet goes to its parent.
//
// # Threads
//
// The greenlets of one thread run one at a time; threads are independent and run
// in parallel. A thread is not one of the operating system. It begins with a
// goroutine, its main greenlet, which has no parent and never dies while the
// thread lasts. There are two kinds:
//
//   - [Run] makes a thread for the time of a function call, and ends what is
//     suspended in it when the function returns.
//   - Any other goroutine that makes or switches to a greenlet has an implicit
//     thread. It needs no beginning and no end, but nobody ends its greenlets.
//
// A greenlet can be switched to only within its own thread. Others, and goroutines
// that a greenlet starts with a go statement, get [ErrWrongThread].
//
// A greenlet that waits for a channel, a mutex or the network blocks its whole
// thread. Package gevent has what to use instead.
//
// # Ending
//
// A greenlet that nobody switches to any more stays suspended, with its goroutine.
// [Live] lists them, Throw(nil) ends one, and Run ends all that are left. To end
// means: the pending Switch returns [ErrExit], and the body returns. So check the
// error of Switch in every loop, and know that what follows an unchecked Switch
// runs at the end of Run, where Python would unwind:
//
//	for {
//		v, err := main.Switch(next())
//		if err != nil {
//			return
//		}
//		...
//	}
//
// # Differences from Python
//
//   - Errors are values. What is thrown is returned by Switch, and it goes on to
//     the parent if the body returns it. Panics are for bugs and go on as panics.
//   - There are no keyword arguments. No argument arrives as nil, not as ().
//   - Python throws GreenletExit into a suspended greenlet when the last reference
//     to it goes. Go cannot know: a goroutine is never garbage. The scope of Run,
//     Live, and Throw(nil) take the place of that.
//   - While a thread ends, greenlets that go on after their ErrExit cannot switch
//     any more, see Run.
//   - The state of a greenlet, its name and its context may be read by any
//     goroutine, and the context also set, whatever thread it runs in.
//   - run cannot be set or read, and gr_frame is [Greenlet.Stack], for people only.
//     There are no attributes to set on a greenlet: see [Local].
//   - runtime.LockOSThread must be called before the thread begins, if at all. A
//     greenlet that calls it and switches while it is locked ends the program:
//     "fatal error: coro: OS thread locking must match locking at coroutine
//     creation".
//   - runtime.Goexit, so also t.FailNow of a test, ends the greenlet that calls it
//     and the thread's main greenlet. The other greenlets it leaves alone; Run ends
//     them.
package greenlet
