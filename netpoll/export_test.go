package netpoll

import "fmt"

const PollInterval = pollInterval

// CheckTimers returns an error if an invariant of the heap does not hold.
func (l *Loop) CheckTimers() error {
	h := l.timers.heap
	for i := range h {
		switch {
		case i > 0 && !h[(i-1)/4].less(&h[i]):
			return fmt.Errorf("heap[%d] is not less than its child heap[%d]", (i-1)/4, i)
		case h[i].timer.index != i:
			return fmt.Errorf("heap[%d].timer.index is %d", i, h[i].timer.index)
		case h[i].timer.when != h[i].when:
			return fmt.Errorf("heap[%d].when is %v, its timer's %v", i, h[i].when, h[i].timer.when)
		case h[i].timer.loop != l:
			return fmt.Errorf("heap[%d].timer is not armed in the loop", i)
		}
	}
	return nil
}
