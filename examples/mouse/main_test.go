package main

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// lines runs the program and returns what the handlers printed, and what the
// program printed about itself.
func lines(t *testing.T, hardware func(func(event)) error) (handlers []string, events, slept, woken int) {
	t.Helper()
	var out strings.Builder
	require.NoError(t, run(&out, hardware))
	handlers = strings.Split(strings.TrimSpace(out.String()), "\n")
	end := len(handlers) - 2
	_, err := fmt.Sscanf(handlers[end], "%d events, for which the loop slept %d times and was woken %d times", &events, &slept, &woken)
	require.NoError(t, err, out.String())
	require.Contains(t, handlers[end+1], " of processor time in ")
	return handlers[:end], events, slept, woken
}

func TestHandlersRunInTheOrderOfTheirRegistration(t *testing.T) {
	got, events, _, _ := lines(t, typed(strings.NewReader(`move 10 20
down 10 20
move 15 25
up 15 25
down 15 25
key a
`)))
	require.Equal(t, []string{
		"onMouseMove: moved from 0,0 to 10,20",
		"onMouseDown: button pressed at 10,20",
		"onMouseDown: press number 1",
		"onMouseMove: dragged from 10,20 to 15,25",
		"onMouseUp: button released at 15,25",
		"onMouseDown: button pressed at 15,25",
		"onMouseDown: press number 2",
		"onKeyDown: a",
	}, got)
	require.Equal(t, 6, events)
}

func TestTheSameSeedMakesTheSameEvents(t *testing.T) {
	one, events, _, _ := lines(t, madeUp(7, 5, 0))
	require.Equal(t, 16, events)
	require.Len(t, one, 5*4+1, "a press has two handlers")
	again, _, _, _ := lines(t, madeUp(7, 5, 0))
	require.Equal(t, one, again)
	other, _, _, _ := lines(t, madeUp(8, 5, 0))
	require.NotEqual(t, one, other)
}

func TestTheLoopIdlesWhileNothingHappens(t *testing.T) {
	_, events, slept, woken := lines(t, madeUp(1, 1, 50*time.Millisecond))
	require.Equal(t, 4, events)
	require.Greater(t, slept, 0)
	require.LessOrEqual(t, slept, 2*events+2, "it woke for nothing")
	require.LessOrEqual(t, woken, events+1)
}

func TestQEndsTheProgramAtOnce(t *testing.T) {
	r, w := io.Pipe()
	defer w.Close() // the keyboard stays there
	go io.WriteString(w, "key q\nkey a\n")
	got, _, _, _ := lines(t, typed(r))
	require.Equal(t, []string{"onKeyDown: q"}, got)
}

func TestALineThatIsNoEvent(t *testing.T) {
	const usage = ": want move X Y, down X Y, up X Y or key NAME"
	for line, want := range map[string]string{
		"":         `mouse: "" is none of move, down, up and key`,
		"wheel 1":  `mouse: "wheel" is none of move, down, up and key`,
		"move 1":   `mouse: "move 1"` + usage,
		"down x y": `mouse: "down x y"` + usage,
		"key":      `mouse: "key"` + usage,
	} {
		t.Run(line, func(t *testing.T) {
			var out strings.Builder
			err := run(&out, typed(strings.NewReader("key a\n"+line+"\nkey b\n")))
			require.EqualError(t, err, want)
			require.Contains(t, out.String(), "onKeyDown: a")
			require.NotContains(t, out.String(), "onKeyDown: b")
		})
	}
}
