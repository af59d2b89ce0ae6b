package asyncio

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"syscall"
)

// ErrStreamBusy is matched by the error of a call that would wait for data of a
// [StreamReader] for which another call waits already. It stands for asyncio's
// RuntimeError "read() called while another coroutine is already waiting for
// incoming data".
var ErrStreamBusy = errors.New("another call is already waiting for incoming data")

// ErrConnectionLost is matched by the error of [StreamWriter.Drain] when the
// connection has been lost: what was written before may not have arrived. It also
// matches syscall.ECONNRESET, since it stands for asyncio's
// ConnectionResetError('Connection lost').
var ErrConnectionLost error = connectionLost{}

type connectionLost struct{}

func (connectionLost) Error() string { return "asyncio: connection lost" }

func (connectionLost) Is(target error) bool { return target == syscall.ECONNRESET }

// An IncompleteReadError says that a stream ended before [StreamReader.ReadExactly]
// or [StreamReader.ReadUntil] had what they were to read. It matches
// io.ErrUnexpectedEOF, and io.EOF too if nothing at all was left. The partial data
// is in no buffer any more.
type IncompleteReadError struct {
	Partial  []byte // what was there
	Expected int    // how many bytes should have been there; -1 if that is not known
}

// Error says how many bytes there were, in asyncio's words.
func (e *IncompleteReadError) Error() string {
	expected := "undefined"
	if e.Expected >= 0 {
		expected = strconv.Itoa(e.Expected)
	}
	return fmt.Sprintf("asyncio: %d bytes read on a total of %s expected bytes", len(e.Partial), expected)
}

// Is makes the error match io.ErrUnexpectedEOF, and io.EOF if Partial is empty.
func (e *IncompleteReadError) Is(target error) bool {
	return target == io.ErrUnexpectedEOF || target == io.EOF && len(e.Partial) == 0
}

// A LimitOverrunError says that [StreamReader.ReadUntil] or [StreamReader.ReadLine]
// found no separator within the reader's limit. ReadUntil leaves the data where it
// is, so that the first Consumed bytes can be read otherwise, and cannot contain
// the beginning of a separator; ReadLine has dropped them.
type LimitOverrunError struct {
	Consumed int
	Found    bool // the separator is there, but too far away
}

// Error says what is wrong, in asyncio's words.
func (e *LimitOverrunError) Error() string {
	if e.Found {
		return "asyncio: Separator is found, but chunk is longer than limit"
	}
	return "asyncio: Separator is not found, and chunk exceed the limit"
}
