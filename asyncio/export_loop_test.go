package asyncio

// OwnFD and DisownFD are what transports call.
func (l *Loop) OwnFD(fd int, what any) { l.ownFD(fd, what) }
func (l *Loop) DisownFD(fd int)        { l.disownFD(fd) }

// Turns counts how often the loop has polled, or could have.
func (l *Loop) Turns() uint64 { return l.hub.Loop.Stats().Turns }
