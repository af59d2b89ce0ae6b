// Package fileobject reads and writes files, pipes, FIFOs, terminals and sockets
// without blocking the thread: only the calling greenlet waits. It is Python's
// gevent.fileobject for Go, in the shape of [os.File].
//
// # Files
//
// [Open], [Create] and [OpenFile] open what has a name; [New] takes an [os.File]
// that is open already, such as [os.Stdin] or an end of [os.Pipe].
//
//	f, err := fileobject.Open("/var/log/messages")
//	if err != nil {
//		return err
//	}
//	defer f.Close()
//	s := bufio.NewScanner(f)
//	for s.Scan() { // other greenlets run while the disk is at work
//		fmt.Println(s.Text())
//	}
//
// A [FileObject] is an io.Reader, Writer, Seeker, Closer and so on, so that bufio,
// io.Copy, encoding/json and all else that reads or writes works on top of it.
// Gevent's buffering, text modes and newlines are bufio's and unicode's business
// here.
//
// # Two kinds
//
// Regular files, directories and block devices are never "ready": the operating
// system makes who reads them wait. They are read and written by an io_uring or by
// goroutines, see [netpoll.File]. Everything else, a pipe, a FIFO, a terminal, a
// socket, is put into non-blocking mode and waited for by the thread's loop, and
// has deadlines. What a platform cannot do returns an error that matches
// [errors.ErrUnsupported]: where there is no poller, on Windows above all, that is
// everything of the second kind.
//
// # Errors
//
// They are those of package os: an [*io/fs.PathError] with the operation and the
// name, [io.EOF] bare at the end.
package fileobject
