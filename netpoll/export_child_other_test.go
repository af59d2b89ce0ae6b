//go:build !linux

package netpoll

// WithoutPidfd does nothing: there is none.
func WithoutPidfd() (restore func()) { return func() {} }
