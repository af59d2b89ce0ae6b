//go:build !linux

package netpoll

// watch reports that the process cannot be watched: a goroutine waits for it.
func (c *Child) watch() bool { return false }

// unwatch undoes watch.
func (c *Child) unwatch() {}
