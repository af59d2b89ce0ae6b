//go:build !linux

package netpoll

// A sentry would watch the poller while the loop is parked. Here a loop that has
// descriptors always sleeps in the poller.
type sentry struct{}

func (*sentry) start(*Loop) bool { return false }
func (*sentry) watch()           {}
func (*sentry) watching() bool   { return false }
func (*sentry) close()           {}
