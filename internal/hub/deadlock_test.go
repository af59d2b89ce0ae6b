package hub_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/baton-go/baton/internal/hub"
)

// held is something that others have.
type held struct {
	name   string
	by     []*hub.Proc
	needed int // 0: one
}

func (h *held) String() string { return h.name }

func (h *held) HeldBy() []*hub.Proc { return h.by }

func (h *held) Needed() int { return max(h.needed, 1) }

// waits starts a greenlet that waits for what others have, to be named afterwards.
func waits(h *hub.Hub, name string) (*hub.Proc, *held) {
	on := &held{name: "what " + name + " wants"}
	p := spawn(h, func(p *hub.Proc) {
		f, _ := hub.Here()
		_, _ = p.Park(f, hub.Wait{Op: "test", On: on})
	})
	p.SetName(name)
	return p, on
}

func TestDeadlocksAreFound(t *testing.T) {
	inside(t, func(h *hub.Hub) {
		var procs []*hub.Proc
		var ons []*held
		for _, name := range []string{"A", "B", "C", "D", "E"} {
			p, on := waits(h, name)
			procs, ons = append(procs, p), append(ons, on)
		}
		over := spawn(h, func(*hub.Proc) {})
		over.SetName("Over")
		yield(t)
		able := spawn(h, func(p *hub.Proc) {
			f, _ := hub.Here()
			_, _ = p.Park(f, hub.Wait{Op: "able"})
		})
		yield(t)
		for _, c := range []struct {
			name   string
			by     string // for A to E: whom each waits for; o: who has ended, a: who may act, ?: not known
			needed string // for A to E
			want   string
		}{
			{"nobody waits for anybody known", "- - - - -", "11111", ""},
			{"a chain to one who may act", "B C D E a", "11111", ""},
			{"two", "B A - - -", "11111", "A>B "},
			{"oneself", "A - - - -", "11111", "A "},
			{"five", "B C D E A", "11111", "A>B>C>D>E "},
			{"two pairs", "B A D C -", "11111", "A>B C>D "},
			{"those behind", "B C B A D", "11111", "B>C(A,D,E) "},
			{"one that has ended", "o A - - -", "11111", "A!Over(B) "},
			{"two who wait for one that has ended", "o o - - -", "11111", "A!Over(B) "},
			{"one of two is enough, and may act", "Ba A - - -", "11111", ""},
			{"both are needed, and one may act", "Ba A - - -", "21111", "A>B "},
			{"one of two is enough, and neither can act", "BC A A - -", "11111", "A>B(C) "},
			{"two of three are needed, and one may act", "BCa A A - -", "21111", "A>B(C) "},
			{"two of three are needed, and two may act", "Baa A - - -", "21111", ""},
			{"somebody not known may act", "B? A - - -", "11111", ""},
		} {
			by := strings.Fields(c.by)
			for i, on := range ons {
				on.by, on.needed = nil, int(c.needed[i]-'0')
				for _, r := range by[i] {
					switch r {
					case '-':
					case 'o':
						on.by = append(on.by, over)
					case 'a':
						on.by = append(on.by, able)
					case '?':
						on.by = append(on.by, nil)
					default:
						on.by = append(on.by, procs[r-'A'])
					}
				}
			}
			var got strings.Builder
			for _, d := range h.Deadlocks(true) {
				var names []string
				for _, w := range d.Waits {
					names = append(names, w.Name)
				}
				got.WriteString(strings.Join(names, ">"))
				if d.Ended != "" {
					got.WriteString("!" + d.Ended)
				}
				if len(d.Behind) > 0 {
					fmt.Fprintf(&got, "(%s)", strings.Join(d.Behind, ","))
				}
				got.WriteString(" ")
			}
			require.Equal(t, c.want, got.String(), c.name)
		}
	})
}

func TestWhoMayWakeByItselfIsInNoDeadlock(t *testing.T) {
	inside(t, func(h *hub.Hub) {
		on := &held{name: "a lock"}
		p := spawn(h, func(p *hub.Proc) {
			f, _ := hub.Here()
			_, _ = p.ParkFor(f, hub.Wait{Op: "test", On: on}, time.Hour)
			_, _ = p.Park(f, hub.Wait{Op: "test", On: on})
		})
		on.by = []*hub.Proc{p}
		yield(t)
		require.Empty(t, h.Deadlocks(false), "it waits for an hour")
		p.Wake()
		yield(t)
		require.Len(t, h.Deadlocks(false), 1)
		p.Interrupt(errKilled)
		require.Empty(t, h.Deadlocks(false), "it is about to be killed")
	})
}

func TestALongChainBehindADeadlockTakesNoTime(t *testing.T) {
	inside(t, func(h *hub.Hub) {
		const n = 50_000
		procs := make([]*hub.Proc, n)
		ons := make([]*held, n)
		for i := range procs {
			procs[i], ons[i] = waits(h, fmt.Sprint(i))
		}
		yield(t)
		for i, on := range ons {
			on.by = []*hub.Proc{procs[(i+1)%n]}
		}
		require.Len(t, h.Deadlocks(false)[0].Waits, n)
		ons[n-1].by = []*hub.Proc{procs[n/2]}
		d := h.Deadlocks(false)
		require.Len(t, d, 1)
		require.Len(t, d[0].Waits, n/2)
		require.Len(t, d[0].Behind, n/2)
		require.Contains(t, d[0].String(), fmt.Sprintf("and %d more wait for them", n/2))
		ons[n-1].by = []*hub.Proc{h.Root()}
		require.Empty(t, h.Deadlocks(false))
	})
}
