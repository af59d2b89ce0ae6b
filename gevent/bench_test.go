package gevent_test

import (
	"runtime"
	"sync"
	"testing"

	"github.com/baton-go/baton/gevent"
)

func BenchmarkSleepZeroAmong1000(b *testing.B) {
	b.ReportAllocs()
	err := gevent.Run(func() {
		const n = 1000
		left := b.N
		gs := make([]gevent.Joinable, n)
		for i := range gs {
			gs[i] = gevent.Spawn(func() {
				for left > 0 {
					left--
					gevent.Sleep(0)
				}
			})
		}
		gevent.Sleep(0)
		b.ResetTimer()
		gevent.JoinAll(gs...)
		b.StopTimer()
	})
	if err != nil {
		b.Fatal(err)
	}
}

func BenchmarkGoschedAmong1000(b *testing.B) {
	const n = 1000
	var wg sync.WaitGroup
	per := b.N/n + 1
	start := make(chan struct{})
	for range n {
		wg.Add(1)
		go func() {
			defer wg.Done()
			<-start
			for range per {
				runtime.Gosched()
			}
		}()
	}
	runtime.Gosched()
	b.ResetTimer()
	close(start)
	wg.Wait()
}

func BenchmarkSpawnRunFinish(b *testing.B) {
	b.ReportAllocs()
	err := gevent.Run(func() {
		done := 0
		f := func() { done++ }
		for i := 0; i < b.N; i++ {
			gevent.Spawn(f)
			if i%1000 == 999 {
				gevent.Sleep(0)
			}
		}
		for done < b.N {
			gevent.Sleep(0)
		}
	})
	if err != nil {
		b.Fatal(err)
	}
}

func BenchmarkSpawnJoinOneByOne(b *testing.B) {
	b.ReportAllocs()
	err := gevent.Run(func() {
		for i := 0; i < b.N; i++ {
			gevent.Spawn(func() {}).Join()
		}
	})
	if err != nil {
		b.Fatal(err)
	}
}

func BenchmarkGoWaitGroup(b *testing.B) {
	b.ReportAllocs()
	for i := 0; i < b.N; i++ {
		var wg sync.WaitGroup
		wg.Add(1)
		go func() { wg.Done() }()
		wg.Wait()
	}
}
