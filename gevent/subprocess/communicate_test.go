//go:build unix

package subprocess_test

import (
	"bytes"
	"io"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/subprocess"
)

// piped has all three streams piped.
func piped(c *subprocess.Cmd) *subprocess.Cmd {
	c.Stdin, c.Stdout, c.Stderr = subprocess.PIPE, subprocess.PIPE, subprocess.PIPE
	return c
}

func TestCommunicate(t *testing.T) {
	leavesNothing(t)
	test(t, "T164 talks over all pipes", func(t *testing.T) {
		c := start(t, piped(subprocess.Shell("echo pineapple >&2; cat; exit 3")))
		out, errs, err := c.Communicate([]byte("banana"))
		require.NoError(t, err)
		require.Equal(t, "banana", string(out))
		require.Equal(t, "pineapple\n", string(errs))
		code(t, c, 3)
	})
	test(t, "T164 moves more than pipes hold, both ways", func(t *testing.T) {
		in := bytes.Repeat([]byte("0123456789"), 100_000)
		c := start(t, piped(subprocess.Command("cat")))
		out, errs, err := c.Communicate(in)
		require.NoError(t, err)
		require.True(t, bytes.Equal(in, out))
		require.Equal(t, []byte{}, errs)
	})
	test(t, "closes the input that is not given", func(t *testing.T) {
		c := start(t, piped(subprocess.Command("cat")))
		out, _, err := c.Communicate(nil)
		require.NoError(t, err)
		require.Empty(t, out)
		out, _, err = c.Communicate(nil)
		require.NoError(t, err, "again")
		require.Equal(t, []byte{}, out)
	})
	test(t, "returns nothing more of what was read to its end", func(t *testing.T) {
		c := subprocess.Shell("echo out; echo err >&2")
		out, err := c.StdoutPipe()
		require.NoError(t, err)
		c.Stderr = subprocess.PIPE
		start(t, c)
		b, err := io.ReadAll(out)
		require.NoError(t, err)
		require.Equal(t, "out\n", string(b))
		b, errs, err := c.Communicate(nil)
		require.NoError(t, err)
		require.Equal(t, []byte{}, b)
		require.Equal(t, "err\n", string(errs))
		out, err = c.StdoutPipe()
		require.NoError(t, err)
		_, err = out.Read(make([]byte, 1))
		require.Equal(t, io.EOF, err)
	})
	test(t, "has a copy of its input", func(t *testing.T) {
		in := bytes.Repeat([]byte("a"), 1<<20)
		c := start(t, piped(subprocess.Shell("sleep 0.05; cat")))
		_, _, err := c.CommunicateTimeout(in, time.Millisecond)
		require.ErrorIs(t, err, subprocess.ErrTimeoutExpired)
		clear(in)
		out, _, err := c.Communicate(nil)
		require.NoError(t, err)
		require.Equal(t, 1<<20, bytes.Count(out, []byte("a")))
	})
	test(t, "fails when the pipes were closed", func(t *testing.T) {
		c := piped(subprocess.Shell(forever))
		require.ErrorIs(t, c.RunTimeout(time.Millisecond), subprocess.ErrTimeoutExpired)
		_, _, err := c.Communicate(nil)
		require.ErrorIs(t, err, os.ErrClosed)
	})
	test(t, "returns nil for what is not piped", func(t *testing.T) {
		c := subprocess.Shell("echo text")
		c.Stdout = subprocess.PIPE
		out, errs, err := start(t, c).Communicate(nil)
		require.NoError(t, err)
		require.Equal(t, "text\n", string(out))
		require.Nil(t, errs)
	})
	test(t, "T221 can be called again after a time-out, and loses nothing", func(t *testing.T) {
		c := start(t, piped(subprocess.Shell("echo a; read x; echo b; echo $x")))
		_, _, err := c.CommunicateTimeout(nil, time.Minute)
		require.NoError(t, err)
		// The first part is there when the second one waits for a file to come.
		dir := t.TempDir()
		c = start(t, piped(subprocess.Shell("read x; echo a; echo $x >&2; while ! [ -e "+dir+"/go ]; do sleep 0.01; done; echo b")))
		var e *subprocess.TimeoutExpired
		for e == nil || len(e.Output) == 0 || len(e.Stderr) == 0 {
			input := []byte("text\n")
			if e != nil {
				input = nil
			}
			_, _, err := c.CommunicateTimeout(input, 10*time.Millisecond)
			require.ErrorAs(t, err, &e)
		}
		require.Equal(t, "a\n", string(e.Output))
		require.Equal(t, "text\n", string(e.Stderr))
		_, _, err = c.Communicate([]byte("more"))
		require.EqualError(t, err, "subprocess: input after the communication was started")
		require.NoError(t, subprocess.Command("touch", dir+"/go").Run())
		out, errs, err := c.Communicate(nil)
		require.NoError(t, err)
		require.Equal(t, "a\nb\n", string(out))
		require.Equal(t, "text\n", string(errs))
	})
	test(t, "T221 of three in parallel greenlets returns what each has written", func(t *testing.T) {
		var all []*gevent.Of[string]
		for i := range 3 {
			all = append(all, gevent.SpawnValue(func() (string, error) {
				out, _, err := start(t, piped(subprocess.Shell("cat; echo "+strconv.Itoa(i)))).Communicate([]byte("in "))
				return string(out), err
			}))
		}
		for i, g := range all {
			out, err := g.Get()
			require.NoError(t, err)
			require.Equal(t, "in "+strconv.Itoa(i)+"\n", out)
		}
	})
	test(t, "goes on when its caller is killed", func(t *testing.T) {
		in := bytes.Repeat([]byte("0123456789"), 50_000)
		c := start(t, piped(subprocess.Command("cat")))
		g := gevent.Spawn(func() { c.Communicate(in) })
		gevent.Sleep(time.Millisecond)
		g.Kill()
		out, _, err := c.Communicate(nil)
		require.NoError(t, err)
		require.True(t, bytes.Equal(in, out))
	})
}
