// Package cases holds what is compared: pairs of bodies that do the same thing,
// one with Baton and one with plain Go.
package cases

// A Meter measures a part of a Body.
type Meter interface {
	// Start begins the measurement.
	Start()
	// Stop ends it.
	Stop()
}

// A Body does its operation n times between m.Start and m.Stop, which it calls
// once each; what it does before and after is not measured. It runs on a
// goroutine that belongs to no thread and leaves none behind.
type Body func(m Meter, n int)

// A Case is a pair of bodies, and what their ratio should be.
type Case struct {
	Name  string // short, for regular expressions and benchmark names
	What  string // one operation of ours, and one of the other
	Ours  Body
	Other Body

	// Least is how many operations there must be for what the bodies measure
	// beside them not to count: the beginning and the end of a crowd.
	Least int

	// Budget is how much time ours may take for each unit of the other's. Zero
	// means that there is no budget, for allocations neither.
	Budget float64
	// Allocs is how many times ours may allocate in one operation.
	Allocs float64
	// Nanos is how many nanoseconds ours may take, whatever the other does. Zero
	// means that there is no such bound.
	Nanos float64
}

// All is the table of cases.
var All = []Case{
	{
		Name: "switch", What: "greenlet switch / transfer over an unbuffered channel",
		Ours: greenletSwitch, Other: channelTransfer, Budget: 0.30,
	},
	{
		Name: "generator-next", What: "generator's Next / iter.Pull's next",
		Ours: generatorNext, Other: pullNext, Budget: 1.15,
	},
	{
		Name: "generator-range", What: "item of a range over All / iter.Pull's next",
		Ours: generatorRange, Other: pullNext, Budget: 0.15,
	},
	{
		Name: "greenlet-life", What: "greenlet made, run and finished / go + WaitGroup",
		Ours: greenletLife, Other: goroutineLife, Budget: 0.35, Allocs: 1,
	},
	{
		Name: "spawn-batch", What: "one of 1,000 Spawn + JoinAll / one of 1,000 go + WaitGroup",
		Ours: spawnBatch, Other: goroutineBatch, Budget: 0.35, Allocs: 1,
	},
	{
		Name: "spawn-parked", What: "one of 1,000 Spawn, parked once, woken, JoinAll / one of 1,000 go, blocked once, woken, WaitGroup",
		Ours: spawnParked, Other: goroutineParked,
	},
	{
		Name: "sleep-zero", What: "Sleep(0) among 1,000 greenlets / Gosched among 1,000 goroutines",
		Ours: sleepZero, Other: gosched, Least: 200 * crowd, Budget: 0.75,
	},
	{
		Name: "post", What: "goroutine to loop and back by Post / goroutine to goroutine and back",
		Ours: postRoundTrip, Other: channelRoundTrip, Budget: 1.5, Allocs: 1,
	},
	{
		Name: "post-descriptor", What: "the same if the loop watches a descriptor / goroutine to goroutine and back",
		Ours: postRoundTripDescriptor, Other: channelRoundTrip, Budget: 1.5, Allocs: 1,
	},
	{
		Name: "post-stream", What: "one of many Posts from another goroutine / one of many sends to a buffered channel",
		Ours: postStream, Other: channelStream, Budget: 2, Allocs: 1, Nanos: 150,
	},

	{
		Name: "queue-handover", What: "item through a Queue to a parked greenlet / transfer over an unbuffered channel",
		Ours: queueHandover, Other: channelTransfer, Budget: 0.60,
	},
	{
		Name: "channel-handover", What: "item through a Channel to a parked greenlet / transfer over an unbuffered channel",
		Ours: channelHandover, Other: channelTransfer,
	},
	{
		Name: "semaphore-handover", What: "permit released for a parked greenlet / transfer over an unbuffered channel",
		Ours: semaphoreHandover, Other: channelTransfer,
	},
	{
		Name: "event-handover", What: "Event set for a parked greenlet, and cleared / transfer over an unbuffered channel",
		Ours: eventHandover, Other: channelTransfer,
	},
	{
		Name: "event-wake-all", What: "one of 100,000 greenlets woken by one Event / one of 100,000 goroutines woken by a close",
		Ours: eventWakeAll, Other: closeWakeAll, Least: eventCrowd,
	},

	// Package asyncio next to package gevent.
	{
		Name: "task-queue-handover", What: "asyncio's Queue between two tasks / gevent's between two greenlets",
		Ours: taskQueueHandover, Other: queueHandover, Budget: 1.5,
	},
	{
		Name: "task-lock-handover", What: "asyncio's Lock passed between two tasks / gevent's Semaphore between two greenlets",
		Ours: taskLockHandover, Other: semaphoreHandover, Budget: 1.5,
	},
	{
		Name: "task-sleep-zero", What: "asyncio's Sleep(0) among 1,000 tasks / gevent's among 1,000 greenlets",
		Ours: taskSleepZero, Other: sleepZero, Least: 200 * crowd, Budget: 1.5,
	},
	{
		Name: "task-life", What: "one of 100,000 CreateTask + Await / one of 100,000 Spawn + Join",
		Ours: taskLife, Other: greenletCrowdLife, Least: taskCrowd, Budget: 1.5, Allocs: 1,
	},

	// What the first, the fourth and the sixth stand on: no program can be faster
	// that switches stacks with iter.Pull.
	{Name: "floor-switch", What: "half of an iter.Pull's next / transfer over an unbuffered channel", Ours: pullTransfer, Other: channelTransfer},
	{Name: "floor-life", What: "iter.Pull's next and 128 bytes allocated / go + WaitGroup", Ours: pullAndAllocate, Other: goroutineLife},
	{Name: "floor-sleep-zero", What: "half of a next among 1,000 iter.Pulls / Gosched among 1,000 goroutines", Ours: pullCrowd, Other: gosched, Least: 200 * crowd},

	{Name: "switch-value", What: "greenlet switch with a value / the value over an unbuffered channel", Ours: valueSwitch, Other: valueTransfer},
	{Name: "switch-ring", What: "switch in a ring of 8 greenlets / transfer in a ring of 8 goroutines", Ours: ringSwitch, Other: ringTransfer},
	{Name: "switch-in-generator", What: "generator whose body pings a greenlet / iterator whose body pings a goroutine", Ours: pingInGenerator, Other: pingInPull},
	{Name: "coroutine-send", What: "coroutine's Send / iter.Pull's next", Ours: coroutineSend, Other: pullNext},
	{Name: "yield-from", What: "Next through YieldFrom 10 deep / next through 10 iterators in one iter.Pull", Ours: yieldFrom, Other: pullNested},
	{Name: "coroutine-life", What: "coroutine made, run and finished / iter.Pull made, run and finished", Ours: coroutineLife, Other: pullLife},
	{Name: "coroutine-life-in-run", What: "the same in greenlet.Run / iter.Pull made, run and finished", Ours: coroutineLifeInRun, Other: pullLife},
	{Name: "spawn-join", What: "Spawn + Join one by one / go + WaitGroup", Ours: spawnJoin, Other: goroutineLife},
	{Name: "offload", What: "Offload / go + channel", Ours: offload, Other: goAndChannel},
	{Name: "post-awake", What: "Post to a loop that is awake, and run / send to a buffered channel, and receive", Ours: postAwake, Other: bufferedChannel},
	{Name: "timer-fire", What: "timer armed and fired among 10,000 / time.Timer reset and fired among 10,000", Ours: timerFire, Other: timeTimerFire},
	{Name: "timer-stop", What: "timer armed and disarmed among 10,000 / time.Timer reset and stopped among 10,000", Ours: timerStop, Other: timeTimerStop},
}
