"""Does what the Go side of the comparison does, with Python's asyncio.

usage: workloads.py asyncio|uvloop

Reads lines "WORKLOAD N" and answers each with the nanoseconds that one of N
operations took, until the end of its input.
"""
import asyncio
import sys
import time

CROWD = 1000


class Meter:
    def start(self):
        self.began = time.perf_counter_ns()

    def stop(self):
        self.took = time.perf_counter_ns() - self.began


async def queue_handover(meter, n):
    there, back = asyncio.Queue(), asyncio.Queue()

    async def other():
        while True:
            await back.put(await there.get())

    task = asyncio.create_task(other())
    await asyncio.sleep(0)
    meter.start()
    for _ in range(0, n, 2):
        await there.put(1)
        await back.get()
    meter.stop()
    task.cancel()


async def lock_handover(meter, n):
    lock = asyncio.Lock()

    async def other():
        await lock.acquire()
        while True:
            lock.release()
            await lock.acquire()

    await lock.acquire()
    task = asyncio.create_task(other())
    await asyncio.sleep(0)
    meter.start()
    for _ in range(0, n, 2):
        lock.release()
        await lock.acquire()
    meter.stop()
    task.cancel()


async def sleep_zero(meter, n):
    async def sleeper():
        for _ in range(n // CROWD + 1):
            await asyncio.sleep(0)

    tasks = [asyncio.create_task(sleeper()) for _ in range(CROWD)]
    await asyncio.sleep(0)
    meter.start()
    for task in tasks:
        await task
    meter.stop()


async def life(meter, n):
    async def trivial():
        return 1

    meter.start()
    tasks = [asyncio.create_task(trivial()) for _ in range(n)]
    for task in tasks:
        await task
    meter.stop()


WORKLOADS = {
    "task-queue-handover": queue_handover,
    "task-lock-handover": lock_handover,
    "task-sleep-zero": sleep_zero,
    "task-life": life,
}


def main():
    if sys.argv[1] == "uvloop":
        import uvloop
        new_loop = uvloop.new_event_loop
    else:
        new_loop = asyncio.new_event_loop
    print("ready", sys.version.split()[0], flush=True)
    loop = new_loop()
    asyncio.set_event_loop(loop)
    for line in sys.stdin:
        name, n = line.split()
        meter = Meter()
        loop.run_until_complete(WORKLOADS[name](meter, int(n)))
        loop.run_until_complete(asyncio.sleep(0))
        print(meter.took / int(n), flush=True)
    loop.close()


main()
