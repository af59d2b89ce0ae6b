package greenlet_test

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/baton-go/baton/greenlet"
)

// Two greenlets switch to each other by hand. The second one stays suspended,
// and Run ends it.
func Example() {
	greenlet.Run(func() {
		var gr1, gr2 *greenlet.Greenlet
		gr1 = greenlet.New(func(args ...any) (any, error) {
			x, y := args[0].(string), args[1].(string)
			z, err := gr2.Switch(x + y)
			fmt.Println(z)
			return nil, err
		})
		gr2 = greenlet.New(func(args ...any) (any, error) {
			fmt.Println(args[0])
			return gr1.Switch(42)
		})
		gr1.Switch("hello", " world")
	})
	// Output:
	// hello world
	// 42
}

func Example_order() {
	greenlet.Run(func() {
		var gr1, gr2 *greenlet.Greenlet
		gr1 = greenlet.New(func() {
			fmt.Print("12 ")
			gr2.Switch()
			fmt.Print("34 ")
			gr2.Switch()
		})
		gr2 = greenlet.New(func() {
			fmt.Print("56 ")
			gr1.Switch()
			fmt.Println("78")
		})
		gr1.Switch()
	})
	// Output: 12 56 34 78
}

// What is sent is what Switch returns: nothing is nil, one argument is itself,
// several are Args.
func ExampleGreenlet_Switch_packing() {
	greenlet.Run(func() {
		main := greenlet.Current()
		gr := greenlet.New(func() {
			for {
				z, err := main.Switch()
				if err != nil {
					return
				}
				fmt.Printf("%T %v\n", z, z)
			}
		})
		gr.Switch()
		gr.Switch(42)
		gr.Switch("how", "are", "you")
		gr.Switch(map[string]string{"language": "en"})
		gr.Switch()
	})
	// Output:
	// int 42
	// greenlet.Args [how are you]
	// map[string]string map[language:en]
	// <nil> <nil>
}

// A dead greenlet stands for its parent.
func ExampleGreenlet_Switch_dead() {
	outer := greenlet.New(func() {
		inner := greenlet.New(func(...any) (any, error) { return 42, nil })
		fmt.Println(inner.Switch())
		fmt.Println(inner.Switch())
		fmt.Println(inner.Dead(), inner.Parent() == greenlet.Current())
	})
	outer.Switch()
	// Output:
	// 42 <nil>
	// <nil> <nil>
	// true true
}

// The result of a greenlet goes to its parent, which is started by it if need be.
func ExampleWithParent() {
	parent := greenlet.New(func(args ...any) (any, error) {
		fmt.Println("In the parent, with", args[0])
		return nil, nil
	})
	child := greenlet.New(func(...any) (any, error) {
		fmt.Println("In the child.")
		return "a result", nil
	}, greenlet.WithParent(parent))
	child.Switch()
	// Output:
	// In the child.
	// In the parent, with a result
}

func ExampleGreenlet_Throw() {
	main := greenlet.Current()
	careful := greenlet.New(func(...any) (any, error) {
		_, err := main.Switch()
		fmt.Println("Caught in the greenlet:", err)
		return "survived", nil
	})
	careful.Switch()
	fmt.Println(careful.Throw(errors.New("a problem")))

	careless := greenlet.New(func(...any) (any, error) { return main.Switch() })
	careless.Switch()
	fmt.Println(careless.Throw(errors.New("a problem")))

	// ErrExit ends a greenlet and arrives as a value.
	patient := greenlet.New(func(...any) (any, error) { return main.Switch() })
	patient.Switch()
	fmt.Println(patient.Throw(nil))
	// Output:
	// Caught in the greenlet: a problem
	// survived <nil>
	// <nil> a problem
	// greenlet: exit <nil>
}

// A loop that reads its input by calling a function is driven by callbacks, as a
// program with a graphical interface has them.
func Example_callbacks() {
	main := greenlet.Current()
	readNextChar := func() byte {
		v, _ := main.Switch("blocking in readNextChar")
		return v.(byte)
	}
	readLine := func() string {
		var line strings.Builder
		for {
			c := readNextChar()
			if c == '\n' {
				return line.String()
			}
			line.WriteByte(c)
		}
	}
	processor := greenlet.New(func() {
		for {
			line := readLine()
			fmt.Println("<<<", line)
			if line == "quit" {
				fmt.Println("Are you sure?")
				if readNextChar() == 'y' {
					fmt.Println("(Exiting loop.)")
					return
				}
			} else {
				fmt.Printf("(Processing command: %s)\n", line)
			}
		}
	})
	keyDown := func(key byte) { processor.Switch(key) }

	fmt.Println(processor.Switch())
	for _, key := range []byte("hello\nquit\ny") {
		keyDown(key)
	}
	fmt.Println(processor.Dead())
	// Output:
	// blocking in readNextChar <nil>
	// <<< hello
	// (Processing command: hello)
	// <<< quit
	// Are you sure?
	// (Exiting loop.)
	// true
}

func ExampleSetTrace() {
	var origin, target *greenlet.Greenlet
	target = greenlet.New(func(...any) (any, error) { return origin.Switch() }, greenlet.WithName("target"))
	origin = greenlet.New(func() {
		target.Switch()
		target.Throw(nil)
	}, greenlet.WithName("origin"))
	name := func(g *greenlet.Greenlet) string {
		if g.Parent() == nil {
			return "main"
		}
		return g.Name()
	}
	previous := greenlet.SetTrace(func(e greenlet.Event, from, to *greenlet.Greenlet) error {
		fmt.Println(e, "from", name(from), "to", name(to))
		return nil
	})
	origin.Switch() // the parent of target is main, since it was made there
	greenlet.SetTrace(previous)
	origin.Throw(nil)
	// Output:
	// switch from main to origin
	// switch from origin to target
	// switch from target to origin
	// throw from origin to target
	// switch from target to main
}

// A greenlet starts with an empty context unless it is given one.
func ExampleContext() {
	type key struct{}
	ctx := context.WithValue(context.Background(), key{}, 1)
	show := func() { fmt.Println(greenlet.Context().Value(key{})) }
	greenlet.Run(func() {
		greenlet.Current().SetContext(ctx)
		show()
		greenlet.New(show).Switch()
		greenlet.New(show, greenlet.WithContext(greenlet.Context())).Switch()
	})
	// Output:
	// 1
	// <nil>
	// 1
}

func ExampleLocal() {
	var user greenlet.Local[string]
	greenlet.Run(func() {
		user.Set("root")
		greenlet.New(func() {
			fmt.Println(user.Get())
			user.Set("guest")
			fmt.Println(user.Get())
		}).Switch()
		fmt.Println(user.Get())
	})
	// Output:
	//  false
	// guest true
	// root true
}

// At the end of Run the deferred functions of suspended greenlets run.
func ExampleRun() {
	greenlet.Run(func() {
		main := greenlet.Current()
		greenlet.New(func() {
			defer fmt.Println("cleaned up")
			_, err := main.Switch()
			fmt.Println(err)
		}).Switch()
		fmt.Println(len(greenlet.Live()), "suspended")
	})
	fmt.Println(greenlet.LiveCount(), "suspended")
	// Output:
	// 1 suspended
	// greenlet: exit
	// cleaned up
	// 0 suspended
}

// A generator needs nothing but greenlets: each item is a switch to whoever
// asked for it.
func Example_generator() {
	generate := func(n int) func() (int, bool) {
		var caller *greenlet.Greenlet
		g := greenlet.New(func() {
			for i := range n {
				caller.Switch(i)
			}
		})
		return func() (int, bool) {
			caller = greenlet.Current()
			v, _ := g.Switch()
			if g.Dead() {
				return 0, false
			}
			return v.(int), true
		}
	}
	next := generate(3)
	for v, ok := next(); ok; v, ok = next() {
		fmt.Println(v)
	}
	// Output:
	// 0
	// 1
	// 2
}
