package pool_test

import (
	"time"

	"github.com/baton-go/baton/internal/hub"
)

// now returns the time of the thread's loop.
func now() time.Duration { return hub.Current().Loop.UpdateTime() }
