package threadpool_test

import (
	"crypto/sha256"
	"fmt"
	"runtime"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/threadpool"
)

// Sums are computed on all cores but one while other greenlets go on: if every core
// computed, the Go scheduler would let the thread run 20 to 40 ms late.
func Example() {
	_ = gevent.Run(func() {
		pool := threadpool.New(max(1, runtime.NumCPU()-1))
		sums, err := threadpool.Map(pool, func(s string) (string, error) {
			return fmt.Sprintf("%x", sha256.Sum256([]byte(s)))[:8], nil
		}, []string{"a", "b", "c"})
		fmt.Println(sums, err)
	})
	// Output: [ca978112 3e23e816 2e7d2c03] <nil>
}

func ExampleExecutor() {
	_ = gevent.Run(func() {
		e := threadpool.NewExecutor(2)
		defer e.Shutdown(true, false)
		f, err := threadpool.Submit(e, func() (int, error) { return 6 * 7, nil })
		if err != nil {
			fmt.Println(err)
			return
		}
		f.AddDoneCallback(func(f *threadpool.Future[int]) { fmt.Println("successful:", f.Successful()) })
		fmt.Println(f.Get())
	})
	// Output:
	// successful: true
	// 42 <nil>
}
