package asyncio

// Timers returns how many timers of the loop are armed.
func Timers(l *Loop) int { return l.hub.Loop.Stats().Timers }
