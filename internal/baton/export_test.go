package baton

// Registered returns how many goroutines the registry holds.
func Registered() int {
	registry.mu.Lock()
	defer registry.mu.Unlock()
	return registry.live
}

// RegistryCells returns the size of the registry's table and how many of its
// cells are used.
func RegistryCells() (size, used int) {
	registry.mu.Lock()
	defer registry.mu.Unlock()
	return len(registry.table.Load().cells), registry.used
}

// Dormant returns how many goroutines have an entry for an implicit thread.
func Dormant() int {
	n := 0
	dormant.Range(func(any, any) bool {
		n++
		return true
	})
	return n
}

// ParseID is the documented way to the goroutine's number.
func ParseID() uint64 { return parseID() }
