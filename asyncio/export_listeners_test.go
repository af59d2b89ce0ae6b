package asyncio

// Listeners returns how many are to be told of the end of a.
func Listeners(a Awaitable) int {
	f := a.core()
	n := len(f.more())
	if f.first != nil {
		n++
	}
	return n
}

// Held returns how many resources are to be released with the loop.
func Held(l *Loop) int { return len(l.resources.held) }
