package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/netpoll"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestCarsPassOnlyOnGreen(t *testing.T) {
	waited, passed := 0, 0
	for seed := range uint64(20) {
		clock := netpoll.NewVirtualClock()
		var out strings.Builder
		require.NoError(t, run(&out, 5, 4, time.Second, seed, clock.Now, gevent.WithClock(clock)))
		require.Equal(t, 80*time.Second, clock.Now())

		colours := ""
		var light string
		var turned time.Duration // when the light did
		var waiting []int        // cars, as they came
		for line := range strings.Lines(out.String()) {
			at, what, _ := strings.Cut(strings.TrimSpace(line), ": ")
			when, err := time.ParseDuration(at)
			require.NoError(t, err, line)
			if colour, is := strings.CutSuffix(what, " light"); is {
				light, turned = colour, when
				colours += colour + " "
				continue
			}
			var car int
			var does string
			_, err = fmt.Sscanf(what, "car %d %s", &car, &does)
			require.NoError(t, err, line)
			switch does {
			case "waits":
				require.NotEqual(t, "green", light, line)
				require.NotContains(t, waiting, car, line)
				waiting = append(waiting, car)
				waited++
			case "passes":
				require.Equal(t, "green", light, out.String())
				passed++
				if len(waiting) > 0 {
					require.Equal(t, waiting[0], car, "in the order in which they came:\n%s", out.String())
					require.Equal(t, turned, when, "as soon as the light is green")
					waiting = waiting[1:]
				}
			default:
				t.Fatal(line)
			}
		}
		require.Equal(t, strings.Repeat("green yellow red ", 4), colours)
	}
	require.Greater(t, waited, 100, "else nothing was tested")
	require.Greater(t, passed, 100)
}

func TestNobodyPassesBeforeTheFirstGreen(t *testing.T) {
	clock := netpoll.NewVirtualClock()
	var out strings.Builder
	require.NoError(t, run(&out, 2, 0, time.Second, 1, clock.Now, gevent.WithClock(clock)))
	require.Empty(t, out.String())
}
