//go:build !unix

package netpoll

// There are no selectors here.
var selectorKinds []selectorKind

// wakePipe is never opened.
type wakePipe struct{ rd int }

func (p *wakePipe) open() error   { return ErrNoPoller }
func (p *wakePipe) signal() error { return ErrNoPoller }
func (p *wakePipe) drain() error  { return ErrNoPoller }
func (p *wakePipe) close() error  { return ErrNoPoller }
