package queue_test

import (
	"fmt"

	"github.com/baton-go/baton/gevent"
	"github.com/baton-go/baton/gevent/queue"
)

func ExampleQueue() {
	_ = gevent.Run(func() {
		jobs := queue.New[int](2)
		for _, name := range []string{"a", "b"} {
			gevent.Spawn(func() {
				for job := range jobs.All() {
					fmt.Println(name, "does", job)
					gevent.Sleep(0)
					jobs.TaskDone()
				}
			})
		}
		for job := range 4 {
			_ = jobs.Put(job)
		}
		jobs.Join()
		jobs.Shutdown(false)
		fmt.Println("all done")
	})
	// Output:
	// a does 0
	// b does 1
	// a does 2
	// b does 3
	// all done
}

func ExampleNewPriority() {
	_ = gevent.Run(func() {
		q := queue.NewPriority(0, 3, 1, 2)
		q.Shutdown(false)
		for v := range q.All() {
			fmt.Println(v)
		}
	})
	// Output:
	// 1
	// 2
	// 3
}

func ExampleChannel() {
	_ = gevent.Run(func() {
		ch := queue.NewChannel[string]()
		gevent.Spawn(func() {
			_ = ch.Put("hello") // waits until somebody takes it
			fmt.Println("taken")
		})
		v, _ := ch.Get()
		fmt.Println(v)
		gevent.Sleep(0)
	})
	// Output:
	// hello
	// taken
}
