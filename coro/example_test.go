package coro_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/baton-go/baton/coro"
)

func Example() {
	fibonacci := coro.Generate(func(yield func(int) error) error {
		for a, b := 0, 1; ; a, b = b, a+b {
			if err := yield(a); err != nil {
				return err
			}
		}
	})
	for n := range fibonacci.All() {
		if n > 20 {
			break
		}
		fmt.Print(n, " ")
	}
	fmt.Println(fibonacci.State())
	// Output: 0 1 1 2 3 5 8 13 closed
}

// A generator that is sent values and answers each of them.
func ExampleNew() {
	mean := coro.New(func(yield func(float64) (float64, error)) (int, error) {
		sum, n := 0.0, 0
		for mean := 0.0; ; mean = sum / float64(n) {
			x, err := yield(mean)
			if err != nil {
				return n, nil
			}
			sum, n = sum+x, n+1
		}
	})
	mean.Next()
	for _, x := range []float64{10, 20, 60} {
		m, _ := mean.Send(x)
		fmt.Println(m)
	}
	mean.Close()
	n, _ := mean.Result()
	fmt.Println(n, "numbers")
	// Output:
	// 10
	// 15
	// 30
	// 3 numbers
}

// A consumer that is a generator, too: the producer pushes lines into it.
func ExampleCoroutine_Send() {
	consumer := coro.New(func(yield func(struct{}) (string, error)) (int, error) {
		for n := 0; ; n++ {
			line, err := yield(struct{}{})
			if err != nil {
				return n, nil
			}
			fmt.Println("consumed", line)
		}
	})
	consumer.Next()
	for line := range strings.SplitSeq("one two three", " ") {
		consumer.Send(line)
	}
	consumer.Close()
	n, _ := consumer.Result()
	fmt.Println(n, "lines")
	// Output:
	// consumed one
	// consumed two
	// consumed three
	// 3 lines
}

func ExampleCoroutine_Throw() {
	errReset := errors.New("reset")
	counter := coro.Generate(func(yield func(int) error) error {
		for n := 0; ; n++ {
			if err := yield(n); errors.Is(err, errReset) {
				n = -1
			} else if err != nil {
				return err
			}
		}
	})
	defer counter.Close()
	fmt.Println(counter.Next())
	fmt.Println(counter.Next())
	fmt.Println(counter.Throw(errReset))
	fmt.Println(counter.Throw(errors.New("enough")))
	fmt.Println(counter.Next())
	// Output:
	// 0 <nil>
	// 1 <nil>
	// 0 <nil>
	// 0 enough
	// 0 coro: the generator is finished
}

// What is sent goes through the delegating generator, and so does what comes back.
func ExampleYieldFrom() {
	word := func() *coro.Coroutine[string, string, int] {
		return coro.New(func(yield func(string) (string, error)) (int, error) {
			length := 0
			for prompt := "letter?"; ; prompt = "more?" {
				letter, err := yield(prompt)
				if err != nil || letter == "." {
					return length, err
				}
				length++
			}
		})
	}
	lengths := coro.New(func(yield func(string) (string, error)) ([]int, error) {
		var all []int
		for range 2 {
			n, err := coro.YieldFrom(yield, word())
			if err != nil {
				return nil, err
			}
			all = append(all, n)
		}
		return all, nil
	})
	fmt.Println(lengths.Next())
	for _, letter := range []string{"g", "o", ".", "!", "."} {
		fmt.Println(lengths.Send(letter))
	}
	fmt.Println(lengths.Result())
	// Output:
	// letter? <nil>
	// more? <nil>
	// more? <nil>
	// letter? <nil>
	// more? <nil>
	//  coro: the generator is finished
	// [2 1] <nil>
}

// Stages that each draw from the one before, one value at a time.
func ExampleGenerate_pipeline() {
	type ints = coro.Generator[int]
	from := func(n int) *ints {
		return coro.Generate(func(yield func(int) error) error {
			for ; ; n++ {
				if err := yield(n); err != nil {
					return err
				}
			}
		})
	}
	keep := func(source *ints, good func(int) bool) *ints {
		return coro.Generate(func(yield func(int) error) error {
			for n := range source.All() {
				if !good(n) {
					continue
				}
				if err := yield(n); err != nil {
					return err
				}
			}
			return nil
		})
	}
	// The sieve of Eratosthenes: each prime adds a stage.
	sieve := from(2)
	for range 8 {
		defer sieve.Close()
		prime, _ := sieve.Next()
		fmt.Print(prime, " ")
		sieve = keep(sieve, func(n int) bool { return n%prime != 0 })
	}
	fmt.Println()
	// Output: 2 3 5 7 11 13 17 19
}

func permutations(items []string) *coro.Generator[[]string] {
	return coro.Generate(func(yield func([]string) error) error {
		if len(items) == 0 {
			return yield(nil)
		}
		for i, first := range items {
			rest := slices.Concat(items[:i], items[i+1:])
			for p := range permutations(rest).All() {
				if err := yield(append([]string{first}, p...)); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// Recursion: a generator that ranges over generators of its own kind.
func ExampleCoroutine_All_recursion() {
	for p := range permutations([]string{"a", "b", "c"}).All() {
		fmt.Println(strings.Join(p, ""))
	}
	// Output:
	// abc
	// acb
	// bac
	// bca
	// cab
	// cba
}

func ExampleFromSeq() {
	words := coro.FromSeq(slices.Values([]string{"to", "be", "or", "not"}))
	first, _ := words.Next()
	fmt.Println("first:", first)
	fmt.Println("rest:", slices.Collect(words.All()))
	// Output:
	// first: to
	// rest: [be or not]
}

func ExampleFromSeq2() {
	ages := coro.FromSeq2(maps.All(map[string]int{"Ann": 41}))
	for name, age := range coro.Pairs(ages) {
		fmt.Println(name, age)
	}
	// Output: Ann 41
}

// An error ends the loop and stands in Result, as a bufio.Scanner keeps its own.
func ExampleCoroutine_Result() {
	lines := coro.Generate(func(yield func(string) error) error {
		if err := yield("all is well"); err != nil {
			return err
		}
		return errors.New("the disk is full")
	})
	for line := range lines.All() {
		fmt.Println(line)
	}
	if _, err := lines.Result(); err != nil {
		fmt.Println("failed:", err)
	}
	// Output:
	// all is well
	// failed: the disk is full
}
