package greenlet_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if name := os.Getenv("GREENLET_FATAL"); name != "" {
		fatal[name]()
		return
	}
	goleak.VerifyTestMain(m)
}
