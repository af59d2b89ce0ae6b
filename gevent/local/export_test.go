package local

// Tables returns how many tables of greenlets the Local knows, living or dead.
func (l *Local[T]) Tables() int {
	k := l.identity()
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.tables)
}
