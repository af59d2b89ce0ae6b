// Greenlet-pingpong lets two greenlets switch to each other by hand. Each goes on
// where it left off, so that their lines alternate.
package main

import (
	"fmt"
	"io"
	"os"

	"github.com/baton-go/baton/greenlet"
)

func main() {
	pingPong(os.Stdout, "12", "56", "34", "78")
	pingPong(os.Stdout, "ok1", "ok2", "ok3", "ok4")
}

// pingPong makes two greenlets, of which one prints the first and the third line
// and the other one the second and the fourth.
func pingPong(w io.Writer, first, second, third, fourth string) {
	greenlet.Run(func() {
		var gr1, gr2 *greenlet.Greenlet
		gr1 = greenlet.New(func() {
			fmt.Fprintln(w, first)
			gr2.Switch() // starts gr2
			fmt.Fprintln(w, third)
			gr2.Switch() // goes on in gr2, and never comes back
		})
		gr2 = greenlet.New(func() {
			fmt.Fprintln(w, second)
			gr1.Switch() // goes on in gr1
			fmt.Fprintln(w, fourth)
			// The end of gr2 gives control to its parent, which is the main greenlet.
		})
		gr1.Switch() // returns when gr2 has ended
		// Gr1 still waits in its second Switch. Run ends it: Switch returns
		// greenlet.ErrExit there.
	})
}
