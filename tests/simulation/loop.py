"""An event loop in simulated time: no sockets, no threads, and the same order of everything for the same seed.

Time stands still while anything is ready, and then jumps to the next timer. Callbacks that are ready run first in,
first out, as asyncio promises; timers of the same instant run in an order that chance decides, since there it promises
nothing. Each callback belongs to the process that caused it, or to the world, so that a process can be stopped, as by
SIGSTOP, or killed, while time goes on for the others.
"""

import asyncio
import contextvars
import heapq
import itertools
import random
from collections.abc import Callable
from typing import Any

STEPS_AT_ONE_INSTANT = 200_000
"""More than this without time going on is a livelock."""

_PROCESS: contextvars.ContextVar["Process | None"] = contextvars.ContextVar("process", default=None)


class StuckError(Exception):
    """The simulation does not get on: nothing will ever happen again, or nothing ends."""


class Process:
    """What can be stopped and killed as a whole.

    Attributes:
        context: What runs in it, and whatever that starts, belongs to this process.
        wall_step: By how many seconds somebody has set the wall clock of its machine.
        state: Of a stopped process callbacks wait until it is continued, of a killed one for ever.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.state = "running"
        self.wall_step = 0.0
        self.parked: list[asyncio.Handle] = []
        self.context = contextvars.Context()
        self.context.run(_PROCESS.set, self)


class SimulatedLoop(asyncio.BaseEventLoop):
    """The loop.

    Attributes:
        steps: Callbacks that have run.
        failures: What was told to the exception handler.
    """

    def __init__(self, rng: random.Random, *, start: float = 1_000.0, max_steps: int = 20_000_000) -> None:
        super().__init__()
        self.steps = 0
        self.failures: list[str] = []
        self.world = contextvars.Context()
        """The context of what belongs to no process: wires, the database, time itself."""
        self.tasks: list[asyncio.Task[Any]] = []
        """All that are not over. Kept, so that none of a killed process is collected, and so ends, by itself."""
        self._processes: list[Process] = []
        self._now = start
        self._rng = rng
        self._max_steps = max_steps
        self._timers: list[tuple[float, float, int, asyncio.TimerHandle]] = []
        self._numbers = itertools.count()
        self._last_jump = 0
        self._n_pruned = 0
        self.set_debug(enabled=False)
        self.set_task_factory(self._task)
        self.set_exception_handler(lambda _loop, context: self.failures.append(repr(context)))

    def time(self) -> float:
        """Simulated seconds."""
        return self._now

    def call_at(
        self, when: float, callback: Callable[..., object], *args: Any, context: contextvars.Context | None = None
    ) -> asyncio.TimerHandle:
        self._check_closed()
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        heapq.heappush(self._timers, (when, self._rng.random(), next(self._numbers), handle))
        return handle

    def process(self, name: str) -> Process:
        """A new process."""
        process = Process(name)
        self._processes.append(process)
        return process

    def stop_process(self, process: Process) -> None:
        """Let nothing of `process` run until it is continued."""
        if process.state == "running":
            process.state = "stopped"

    def continue_process(self, process: Process) -> None:
        """Go on. What had come from outside meanwhile is looked at before timers, as by a loop that was stopped."""
        if process.state != "stopped":
            return
        process.state = "running"
        parked, process.parked = process.parked, []
        timers = [handle for handle in parked if isinstance(handle, asyncio.TimerHandle)]
        self._ready.extend(handle for handle in parked if not isinstance(handle, asyncio.TimerHandle))
        self._ready.extend(sorted(timers, key=lambda handle: handle.when()))

    def kill_process(self, process: Process) -> None:
        """Nothing of `process` ever runs again; nothing is cleaned up."""
        process.state = "killed"

    def dispose(self) -> None:
        """End all tasks, those of killed processes too; what they do on the way is of no account."""
        for process in self._processes:
            process.state = "running"
            # A task whose waking was withheld cannot even be cancelled.
            self._ready.extend(process.parked)
        for _ in range(20):
            left = [task for task in self.tasks if not task.done()]
            if not left:
                break
            for task in left:
                task.cancel()
            self.call_later(10.0, self.stop, context=self.world)
            self.run_forever()
        self.close()

    def run_in_executor(self, *_args: Any) -> Any:
        raise RuntimeError("there are no threads in the simulation")

    def _task(self, loop: asyncio.AbstractEventLoop, coro: Any, **kwargs: Any) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=loop, **kwargs)
        self.tasks.append(task)
        if len(self.tasks) > 1_000 + 2 * self._n_pruned:
            self.tasks = [task for task in self.tasks if not task.done()]
            self._n_pruned = len(self.tasks)
        return task

    def _run_once(self) -> None:
        ready = self._ready
        if not ready:
            self._jump()
        for _ in range(len(ready)):
            handle = ready.popleft()
            if handle._cancelled:
                continue
            process = handle._context.get(_PROCESS)
            if process is not None and process.state != "running":
                process.parked.append(handle)
                continue
            self.steps += 1
            handle._run()
        if self.steps - self._last_jump > STEPS_AT_ONE_INSTANT or self.steps > self._max_steps:
            raise StuckError(f"{self.steps} steps, {self.steps - self._last_jump} of them at {self._now}")

    def _jump(self) -> None:
        """Go to the next instant for which a timer is set."""
        timers = self._timers
        while timers and timers[0][-1]._cancelled:
            heapq.heappop(timers)
        if not timers:
            if self._stopping:
                return
            raise StuckError("nothing will ever happen again")
        self._now = max(self._now, timers[0][0])
        self._last_jump = self.steps
        while timers and timers[0][0] <= self._now:
            self._ready.append(heapq.heappop(timers)[-1])

    def _write_to_self(self) -> None:
        """Nobody waits for anything outside."""

    def _process_events(self, event_list: Any) -> None:
        """There are none."""


def process_now() -> Process | None:
    """The process that the present callback belongs to."""
    return _PROCESS.get()
