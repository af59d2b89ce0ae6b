package fileobject

import (
	"errors"
	"io"
)

// How much ReadFrom and WriteTo move at a time: of a regular file more than io.Copy,
// because each piece is a trip through the loop.
const (
	copySize       = 32 << 10
	copySizeOfFile = 128 << 10
)

func (f *FileObject) copySize() int {
	if _, ok := f.kind.(*regular); ok {
		return copySizeOfFile
	}
	return copySize
}

func isEOF(err error) bool { return errors.Is(err, io.EOF) }

// WriteTo writes to w what is left in the file, which [io.Copy] makes use of.
func (f *FileObject) WriteTo(w io.Writer) (int64, error) { return transfer(w, f, f.copySize()) }

// ReadFrom writes to the file what r has until its end, which [io.Copy] makes use
// of.
func (f *FileObject) ReadFrom(r io.Reader) (int64, error) { return transfer(f, r, f.copySize()) }

func transfer(w io.Writer, r io.Reader, size int) (total int64, err error) {
	b := make([]byte, size)
	for {
		n, err := r.Read(b)
		if n > 0 {
			m, err := w.Write(b[:n])
			total += int64(m)
			switch {
			case err != nil:
				return total, err
			case m < n:
				return total, io.ErrShortWrite
			}
		}
		if err != nil {
			if err == io.EOF {
				err = nil
			}
			return total, err
		}
	}
}
