// Async-io reads a file, several pieces at a time, while a ticker goes on in the
// loop that asked for them, and says what the kernel let it use: io_uring, or
// goroutines and why.
package main

import (
	"crypto/rand"
	"crypto/sha256"
	"flag"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/baton-go/baton/netpoll"
)

func main() {
	name := flag.String("file", "", "the file to read; a temporary one of random bytes if there is none")
	size := flag.Int64("size", 64<<20, "bytes of the temporary file")
	piece := flag.Int("piece", 256<<10, "bytes of one read")
	inFlight := flag.Int("flight", 4, "reads in flight")
	without := flag.Bool("without-uring", false, "leave io_uring alone even if the kernel has it")
	flag.Parse()
	if err := run(os.Stdout, *name, *size, *piece, *inFlight, *without); err != nil {
		log.Fatal(err)
	}
}

func run(w io.Writer, name string, size int64, piece, inFlight int, without bool) error {
	if piece < 1 || inFlight < 1 {
		return fmt.Errorf("a piece of %d bytes, %d in flight: both must be at least 1", piece, inFlight)
	}
	if name == "" {
		dir, err := os.MkdirTemp("", "async-io")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		name = filepath.Join(dir, "random")
		if err := makeFile(name, size); err != nil {
			return err
		}
	}
	var opts []netpoll.Option
	if without {
		opts = append(opts, netpoll.WithoutUring())
	}
	loop, err := netpoll.NewLoop(opts...)
	if err != nil {
		return err
	}
	defer loop.Close()

	r := &reader{loop: loop, piece: int64(piece), hash: sha256.New(), arrived: make(map[int64][]byte)}
	loop.OpenFile(name, os.O_RDONLY, 0, func(f *netpoll.File, err error) {
		if err != nil {
			r.fail(err)
			return
		}
		r.file = f
		f.Stat(func(info fs.FileInfo, err error) {
			if err != nil {
				r.fail(err)
				return
			}
			r.size = info.Size()
			for range inFlight {
				r.ask(make([]byte, piece))
			}
			r.begun = r.loop.UpdateTime()
			r.tick()
			r.finish()
		})
	})
	if err := loop.Run(); err != nil {
		return err
	}
	if r.err != nil {
		return r.err
	}
	if how := loop.Stats().FileIO; how == "io_uring" {
		fmt.Fprintln(w, "read by io_uring")
	} else {
		fmt.Fprintln(w, "not by io_uring: read by", how)
	}
	fmt.Fprintf(w, "%d bytes, SHA-256 %x\n", r.hashed, r.hash.Sum(nil))
	fmt.Fprintf(w, "a ticker of %v ticked %d times in the %v that it took\n",
		interval, r.ticks, r.took.Round(time.Microsecond))
	return nil
}

// makeFile makes a file of bytes that are hard to guess.
func makeFile(name string, size int64) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	_, err = io.CopyN(f, rand.Reader, size)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}

// A reader has several reads in flight. They may end in any order; their pieces
// are hashed in that of the file. All of it runs on the loop, so that there is
// nothing to lock.
type reader struct {
	loop    *netpoll.Loop
	file    *netpoll.File
	size    int64
	piece   int64
	asked   int64            // up to here
	hashed  int64            // up to here
	arrived map[int64][]byte // pieces that came before those in front of them
	hash    hash.Hash
	begun   time.Duration // the loop's time
	took    time.Duration
	ticks   int
	done    bool
	err     error
}

const interval = time.Millisecond

// ask reads the next piece into p.
func (r *reader) ask(p []byte) {
	if r.asked >= r.size {
		return
	}
	off := r.asked
	p = p[:min(r.piece, r.size-off)]
	r.asked += int64(len(p))
	r.file.ReadAt(p, off, func(n int, err error) {
		if err != nil {
			r.fail(err)
			return
		}
		r.arrived[off] = p
		for next, ok := r.arrived[r.hashed]; ok; next, ok = r.arrived[r.hashed] {
			delete(r.arrived, r.hashed)
			r.hash.Write(next)
			r.hashed += int64(len(next))
			r.ask(next[:cap(next)])
		}
		r.finish()
	})
}

// tick counts, until the file has been read.
func (r *reader) tick() {
	if !r.done {
		r.ticks++
		r.loop.CallLater(interval, r.tick)
	}
}

// finish closes the file when it has been read.
func (r *reader) finish() {
	if r.hashed == r.size && !r.done {
		r.done = true
		r.took = r.loop.UpdateTime() - r.begun
		r.file.Close(func(err error) { r.err = err })
	}
}

// fail ends the reading with the first error.
func (r *reader) fail(err error) {
	if r.done {
		return
	}
	r.done, r.err = true, err
	if r.file != nil {
		r.file.Close(nil)
	}
}
