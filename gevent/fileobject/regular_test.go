package fileobject_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/fileobject"
)

func TestAFile(t *testing.T) {
	keepsDescriptors(t)
	test(t, "T166 is read, written and sought like an os.File", func(t *testing.T) {
		name := filepath.Join(t.TempDir(), "new")
		f, err := fileobject.Create(name)
		require.NoError(t, err)
		require.Equal(t, name, f.Name())
		n, err := f.Write([]byte("hello "))
		require.NoError(t, err)
		require.Equal(t, 6, n)
		n, err = f.WriteString("world")
		require.NoError(t, err)
		require.Equal(t, 5, n)
		pos, err := f.Seek(0, io.SeekCurrent) // tell
		require.NoError(t, err)
		require.EqualValues(t, 11, pos)
		pos, err = f.Seek(2, io.SeekStart)
		require.NoError(t, err)
		require.EqualValues(t, 2, pos)
		for _, size := range []int{2, 1, 32, 0} {
			b := make([]byte, size)
			want := strings.NewReader("hello world")
			_, _ = want.Seek(pos, io.SeekStart)
			m, wantErr := want.Read(make([]byte, size))
			n, err := f.Read(b)
			if size == 0 {
				wantErr = nil
			}
			require.Equal(t, m, n)
			require.Equal(t, wantErr, err)
			require.Equal(t, "hello world"[pos:pos+int64(n)], string(b[:n]))
			pos += int64(n)
		}
		_, err = f.Read(make([]byte, 1))
		require.Equal(t, io.EOF, err)
		b := make([]byte, 5)
		_, err = f.ReadAt(b, 6)
		require.NoError(t, err)
		require.Equal(t, "world", string(b))
		_, err = f.WriteAt([]byte("W"), 6)
		require.NoError(t, err)
		require.NoError(t, f.Truncate(9))
		require.NoError(t, f.Sync())
		info, err := f.Stat()
		require.NoError(t, err)
		require.EqualValues(t, 9, info.Size())
		require.NoError(t, f.Close())
		require.Equal(t, name, f.Name(), "also when it is closed")
		data, err := fileobject.ReadFile(name)
		require.NoError(t, err)
		require.Equal(t, "hello Wor", string(data))
	})
	test(t, "T166 fails as an os.File does", func(t *testing.T) {
		dir := t.TempDir()
		name := temp(t, "text")
		same := func(ours, theirs error) {
			t.Helper()
			var a, b *fs.PathError
			require.ErrorAs(t, ours, &a)
			require.ErrorAs(t, theirs, &b)
			require.Equal(t, b, a)
		}
		_, ours := fileobject.Open(filepath.Join(dir, "absent"))
		_, theirs := os.Open(filepath.Join(dir, "absent"))
		same(ours, theirs)
		_, ours = fileobject.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		_, theirs = os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		same(ours, theirs)
		f, err := os.Open(name)
		require.NoError(t, err)
		defer f.Close()
		g := open(t, name)
		_, ours = g.Write([]byte("x"))
		_, theirs = f.Write([]byte("x"))
		same(ours, theirs)
		_, ours = g.Seek(-1, io.SeekStart)
		_, theirs = f.Seek(-1, io.SeekStart)
		same(ours, theirs)
		require.Equal(t, os.ErrNoDeadline, g.SetDeadline(time.Now()))
		require.NoError(t, g.Close())
		_, ours = fileobject.ReadFile(dir)
		_, theirs = os.ReadFile(dir)
		same(ours, theirs)
		require.Error(t, fileobject.WriteFile(dir, nil, 0o600))
		require.Error(t, fileobject.WriteFile(os.DevNull+"/no", nil, 0o600))
	})
	test(t, "is os.ErrClosed when it is closed", func(t *testing.T) {
		f := open(t, temp(t, "text"))
		require.NoError(t, f.Close())
		_, readErr := f.Read(make([]byte, 1))
		_, writeErr := f.Write([]byte("x"))
		_, readAtErr := f.ReadAt(make([]byte, 1), 0)
		_, writeAtErr := f.WriteAt([]byte("x"), 0)
		_, seekErr := f.Seek(0, 0)
		_, statErr := f.Stat()
		for _, err := range []error{readErr, writeErr, readAtErr, writeAtErr, seekErr, statErr,
			f.Sync(), f.Truncate(0), f.SetDeadline(time.Now()), f.Close()} {
			require.ErrorIs(t, err, os.ErrClosed)
		}
	})
	test(t, "is what testing/iotest takes for a reader", func(t *testing.T) {
		text := strings.Repeat("0123456789", 1000)
		f := open(t, temp(t, text))
		defer f.Close()
		require.NoError(t, iotest.TestReader(f, []byte(text)))
	})
	test(t, "lets others run", func(t *testing.T) {
		f := open(t, temp(t, strings.Repeat("x", 1<<20)))
		defer f.Close()
		ran := 0
		g := gevent.Spawn(func() {
			for {
				ran++
				gevent.Sleep(0)
			}
		})
		n, err := io.Copy(io.Discard, f)
		require.NoError(t, err)
		require.EqualValues(t, 1<<20, n)
		require.Positive(t, ran)
		g.Kill()
	})
	test(t, "is read by several, one after the other", func(t *testing.T) {
		const lines, readers = 400, 10
		var b bytes.Buffer
		for i := range lines {
			b.WriteString(strings.Repeat(string(rune('a'+i%26)), 99) + "\n")
		}
		f := open(t, temp(t, b.String()))
		defer f.Close()
		got := make([]byte, 0, b.Len())
		var all []*gevent.Greenlet
		for range readers {
			all = append(all, gevent.Spawn(func() error {
				for {
					p := make([]byte, 100)
					n, err := f.Read(p)
					got = append(got, p[:n]...)
					if err == io.EOF {
						return nil
					} else if err != nil {
						return err
					}
				}
			}))
		}
		for _, g := range gevent.JoinAll(all...) {
			require.NoError(t, g.Err())
		}
		require.Equal(t, b.String(), string(got), "in the order of the calls")
	})
	test(t, "copies", func(t *testing.T) {
		text := strings.Repeat("text", 100_000)
		from := open(t, temp(t, text))
		to, err := fileobject.Create(filepath.Join(t.TempDir(), "copy"))
		require.NoError(t, err)
		n, err := io.Copy(to, from)
		require.NoError(t, err)
		require.EqualValues(t, len(text), n)
		n, err = to.ReadFrom(bufio.NewReader(strings.NewReader("end")))
		require.NoError(t, err)
		require.EqualValues(t, 3, n)
		require.NoError(t, from.Close())
		require.NoError(t, to.Close())
		data, err := fileobject.ReadFile(to.Name())
		require.NoError(t, err)
		require.Equal(t, text+"end", string(data))
	})
	test(t, "is written and read whole", func(t *testing.T) {
		name := filepath.Join(t.TempDir(), "file")
		for _, size := range []int{0, 1, 511, 512, 513, 1 << 20} {
			data := bytes.Repeat([]byte("x"), size)
			require.NoError(t, fileobject.WriteFile(name, data, 0o600))
			got, err := fileobject.ReadFile(name)
			require.NoError(t, err)
			require.Equal(t, data, got)
		}
	})
	test(t, "T166 of somebody else's may be left open", func(t *testing.T) {
		f, err := os.Open(temp(t, "text"))
		require.NoError(t, err)
		g, err := fileobject.New(f, fileobject.KeepOpen())
		require.NoError(t, err)
		_, err = g.Read(make([]byte, 2))
		require.NoError(t, err)
		require.NoError(t, g.Close())
		require.ErrorIs(t, g.Close(), os.ErrClosed)
		rest, err := io.ReadAll(f)
		require.NoError(t, err)
		require.Equal(t, "xt", string(rest))
		require.NoError(t, f.Close())
		_, err = fileobject.New(f)
		require.ErrorIs(t, err, os.ErrClosed)
		_, err = fileobject.New(nil)
		require.ErrorIs(t, err, os.ErrInvalid)
	})
	test(t, "is read to the end by a killed greenlet's successor", func(t *testing.T) {
		f := open(t, temp(t, strings.Repeat("0123456789", 10)))
		defer f.Close()
		var got []byte
		for i := 0; ; i++ {
			over := false
			g := gevent.Spawn(func() {
				for {
					p := make([]byte, 3)
					n, err := f.Read(p)
					got = append(got, p[:n]...)
					if over = err == io.EOF; over {
						return
					}
				}
			})
			// Every second one is killed before anything could be read.
			for before := len(got); i%2 == 1 && !over && len(got) == before; {
				gevent.Sleep(time.Microsecond)
			}
			gevent.Sleep(0)
			g.Kill()
			if over {
				break
			}
		}
		require.Equal(t, strings.Repeat("0123456789", 10), string(got))
	})
	test(t, "is closed with a reader at work, who gets its data or os.ErrClosed", func(t *testing.T) {
		name := temp(t, strings.Repeat("x", 4<<20))
		for range 20 {
			f := open(t, name)
			g := gevent.SpawnValue(func() (int, error) { return f.Read(make([]byte, 4<<20)) })
			last := gevent.SpawnValue(func() (int, error) { return f.Read(make([]byte, 1)) })
			gevent.Sleep(0)
			require.NoError(t, f.Close())
			if n, err := g.Get(); err != nil {
				require.ErrorIs(t, err, os.ErrClosed)
			} else {
				require.Positive(t, n)
			}
			if _, err := last.Get(); err != nil && err != io.EOF {
				require.ErrorIs(t, err, os.ErrClosed)
			}
		}
	})
}

func TestClosingAFileEndsReadsThatAreInLine(t *testing.T) {
	test(t, "for its position", func(t *testing.T) {
		f := open(t, temp(t, strings.Repeat("x", 100)))
		var all []*gevent.Greenlet
		for range 20 {
			all = append(all, gevent.Spawn(func() error { _, err := f.Read(make([]byte, 1)); return err }))
		}
		gevent.Sleep(0) // one of the first is under way
		require.NoError(t, f.Close())
		gevent.JoinAll(all...)
		for _, g := range all[10:] {
			require.ErrorIs(t, g.Err(), os.ErrClosed)
		}
	})
}

func TestWhoIsKilledInTheLineOfAFileReadsNothing(t *testing.T) {
	test(t, "and leaves it to others", func(t *testing.T) {
		f := open(t, temp(t, strings.Repeat("x", 100)))
		defer f.Close()
		var all []*gevent.Greenlet
		for range 20 {
			all = append(all, gevent.Spawn(func() error { _, err := f.Read(make([]byte, 1)); return err }))
		}
		gevent.Sleep(0)
		last := all[19]
		last.KillAsync(nil)
		gevent.JoinAll(all...)
		require.True(t, last.Killed())
		pos, err := f.Seek(0, io.SeekCurrent)
		require.NoError(t, err)
		require.EqualValues(t, 19, pos)
	})
}

func TestACopyOfAFileSeesAShortWrite(t *testing.T) {
	test(t, "of a writer that says nothing", func(t *testing.T) {
		f := open(t, temp(t, "text"))
		defer f.Close()
		n, err := f.WriteTo(shortWriter{})
		require.Equal(t, io.ErrShortWrite, err)
		require.EqualValues(t, 3, n)
	})
}

type shortWriter struct{}

func (shortWriter) Write(b []byte) (int, error) { return len(b) - 1, nil }

func TestAnOperationOfAFileCostsItsUserFewAllocations(t *testing.T) {
	test(t, "three, and two more if goroutines do it", func(t *testing.T) {
		if testing.AllocsPerRun(10, func() { gevent.Current() }) > 0 {
			t.Skip("here it costs allocations to find out which goroutine calls")
		}
		b := make([]byte, 100)
		f, err := fileobject.OpenFile(temp(t, string(b)), os.O_RDWR, 0)
		require.NoError(t, err)
		defer f.Close()
		for name, call := range map[string]func() (int, error){
			"WriteAt": func() (int, error) { return f.WriteAt(b, 0) },
			"ReadAt":  func() (int, error) { return f.ReadAt(b, 0) },
		} {
			allocs := testing.AllocsPerRun(100, func() {
				if n, err := call(); n != 100 || err != nil {
					t.Error(n, err)
				}
			})
			require.LessOrEqual(t, allocs, 5.0, name)
		}
	})
}

func TestAFileIsClosedWithItsThread(t *testing.T) {
	keepsDescriptors(t)
	name := temp(t, "text")
	var f *fileobject.FileObject
	require.NoError(t, gevent.Run(func() {
		f = open(t, name)
		for range 10 {
			open(t, name)
		}
	}))
	done := make(chan error)
	go func() { _, err := f.Read(make([]byte, 1)); done <- err }()
	require.ErrorIs(t, <-done, os.ErrClosed)
}

func TestWhoMayUseAFile(t *testing.T) {
	test(t, "a foreign goroutine", func(t *testing.T) {
		f := open(t, temp(t, "text"))
		var data []byte
		var err error
		gevent.Offload(func() { data, err = io.ReadAll(f) })
		require.NoError(t, err)
		require.Equal(t, "text", string(data))
		gevent.Offload(func() {
			b := make([]byte, 2)
			_, err = f.ReadAt(b, 1)
			if err == nil && string(b) != "ex" {
				err = errors.New(string(b))
			}
			if err == nil {
				err = f.Close()
			}
		})
		require.NoError(t, err)
	})
	test(t, "no other thread", func(t *testing.T) {
		f := open(t, temp(t, "text"))
		defer f.Close()
		var message any
		gevent.Offload(func() {
			_ = gevent.Run(func() {
				defer func() { message = recover() }()
				f.Sync()
			})
		})
		require.ErrorIs(t, message.(error), gevent.ErrWrongThread)
		require.ErrorContains(t, message.(error), "fileobject.Sync: "+f.Name()+" belongs to another thread")
	})
	t.Run("nobody opens one outside of a thread", func(t *testing.T) {
		require.Panics(t, func() { fileobject.Open(os.DevNull) })
		require.Panics(t, func() { fileobject.New(os.Stdin) })
		require.Panics(t, func() { fileobject.ReadFile(os.DevNull) })
	})
}
