package main

import "bytes"

// maxLine is the longest line: what is longer comes in parts.
const maxLine = 4096

// A lineReader cuts into lines what comes in pieces.
type lineReader struct {
	rest []byte // the beginning of a line
}

// feed takes a piece and returns the lines that end in it, each without its end.
func (r *lineReader) feed(piece []byte) (lines []string) {
	r.rest = append(r.rest, piece...)
	for {
		i := bytes.IndexByte(r.rest, '\n')
		switch {
		case i >= 0 && i <= maxLine:
			lines = append(lines, string(bytes.TrimSuffix(r.rest[:i], []byte("\r"))))
			r.rest = r.rest[i+1:]
		case len(r.rest) > maxLine:
			lines = append(lines, string(r.rest[:maxLine]))
			r.rest = r.rest[maxLine:]
		default:
			return lines
		}
	}
}

// end returns the line that has no end, if there is one.
func (r *lineReader) end() (lines []string) {
	if len(r.rest) > 0 {
		lines = []string{string(r.rest)}
		r.rest = nil
	}
	return lines
}
