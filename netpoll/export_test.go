package netpoll

const PollInterval = pollInterval

const (
	DefaultBudget       = defaultBudget
	DefaultSlowCallback = defaultSlowCallback
)

// DebugEntries returns how many stacks debug mode holds.
func (l *Loop) DebugEntries() int {
	d := l.debug
	d.posts.mu.Lock()
	defer d.posts.mu.Unlock()
	return len(d.queue) + len(d.timers) + len(d.posts.all)
}

// HasPosts reports whether something was posted and not taken yet.
func (l *Loop) HasPosts() bool { return l.posted.Load() != nil }

// LiesDown reports whether the loop would wait for its bell now.
func (l *Loop) LiesDown() bool {
	defer l.state.Store(awake)
	return l.lieDown(forever)
}
