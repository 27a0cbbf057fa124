"""The runner: independent tasks on an executor, where a lost worker costs at most its own task.

When a worker of a process pool dies, by a signal or for want of memory, the pool is broken and forgets what
its other workers were doing.  So a broken pool is replaced, and each task that was in flight runs again,
alone in a fresh process: the innocent ones finish there, and the one that kills its worker a second time is
reported as lost, with the reason.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    wait,
)
from contextlib import suppress
from multiprocessing.process import BaseProcess
from operator import itemgetter
from types import TracebackType
from typing import Generic, Self, TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")

MEMORY = 3 * 2**29
"""Address space of one worker [bytes]: 1.5 GiB."""

PATIENCE = 900.0
"""Longest silence of all workers before they are taken for stuck [s].

Budgets are counted by the solver itself, so this ends only what no longer counts; no verdict rests on it.
"""

GRACE = 10.0
"""Time in which the tasks of a pool that was stopped are told so [s]."""


def available_jobs() -> int:
    """The number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Runner(Generic[Task, Result]):
    """Runs tasks by ``work``, a function that can be pickled, as can tasks and results.

    A result is not None.  ``lost(task, reason)`` makes the result of a task that got no answer.
    ``executor`` replaces the processes; if it breaks, what it lost is tried once more on a process of our
    own, and so is everything after it.  Leaving the context stops the workers at once.
    """

    def __init__(
        self,
        work: Callable[[Task], Result],
        lost: Callable[[Task, str], Result],
        *,
        jobs: int | None = None,
        executor: Executor | None = None,
        memory: int | None = MEMORY,
        patience: float = PATIENCE,
    ) -> None:
        self.work = work
        self.lost = lost
        self.jobs = jobs or available_jobs()
        self.memory = memory
        self.patience = patience
        self._foreign = executor
        self._pool: Executor | None = executor

    def run(self, tasks: Iterable[Task], on_done: Callable[[Task, Result], None] | None = None) -> list[Result]:
        """The results, in the order of the tasks; ``on_done`` hears of each as it comes.

        A task is taken when a worker is about to be free for it, so that tasks can be made while others run.
        """
        results: dict[int, Result] = {}
        waiting = enumerate(tasks)
        in_flight: dict[Future[Result], tuple[int, Task]] = {}

        def keep(index: int, task: Task, result: Result) -> None:
            results[index] = result
            if on_done is not None:
                on_done(task, result)

        try:
            while True:
                suspects = self._fill(waiting, in_flight)
                healthy = not suspects
                if not in_flight and healthy:
                    break
                ended, _ = wait(in_flight, timeout=self.patience, return_when=FIRST_COMPLETED)
                if not healthy or not ended or any(_was_lost(future) for future in ended):
                    self._replace_pool()
                    wait(in_flight, timeout=GRACE)
                    ended = set(in_flight)
                for future in ended:
                    index, task = in_flight.pop(future)
                    result = self._answer(future, task)
                    if result is None:
                        suspects.append((index, task))
                    else:
                        keep(index, task, result)
                for index, task in sorted(suspects, key=itemgetter(0)):
                    keep(index, task, self._alone(task))
        finally:
            for future in in_flight:
                future.cancel()
        return [results[index] for index in range(len(results))]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop(self._pool)
        self._pool = self._foreign

    def _fill(
        self, waiting: Iterator[tuple[int, Task]], in_flight: dict[Future[Result], tuple[int, Task]]
    ) -> list[tuple[int, Task]]:
        """Keep every worker busy with one task and one more in line; the task that a broken pool did not take."""
        while len(in_flight) < 2 * self.jobs:
            following = next(waiting, None)
            if following is None:
                break
            if self._pool is None:
                self._pool = self._new_pool(self.jobs)
            try:
                future = self._pool.submit(self.work, following[1])
            except BrokenExecutor:
                return [following]
            in_flight[future] = following
        return []

    def _answer(self, future: Future[Result], task: Task) -> Result | None:
        """The result of a task, or None where it has to be tried again alone."""
        if not future.done() or _was_lost(future):
            return None
        try:
            return future.result()
        except MemoryError:
            return None
        except Exception as error:  # noqa: BLE001 - whatever a task raises is its own answer
            return self.lost(task, _failure(error))

    def _alone(self, task: Task) -> Result:
        """Run one task in a fresh process of its own; a second failure is final."""
        pool = self._new_pool(1)
        try:
            future = pool.submit(self.work, task)
            processes = _processes(pool)
            wait([future], timeout=self.patience)
            result = self._answer(future, task)
            if result is not None:
                return result
            if not future.done():
                reason = f"no answer within {self.patience:.0f} s, although the budget bounds the work"
            elif isinstance(future.exception(), MemoryError):
                reason = f"out of memory: {_in_mebibytes(self.memory)} for a worker"
            else:
                pool.shutdown()  # its own thread reads the exit code, which can be read only once
                reason = f"the worker process was lost twice, the second time {_end_of(processes)}"
            return self.lost(task, reason)
        finally:
            self._stop(pool)

    def _new_pool(self, jobs: int) -> ProcessPoolExecutor:
        """Start processes that share nothing with this one: a fork would copy its threads' locks."""
        method = "spawn" if sys.platform == "win32" else "forkserver"
        return ProcessPoolExecutor(
            jobs, multiprocessing.get_context(method), initializer=_prepare_worker, initargs=(self.memory,)
        )

    def _replace_pool(self) -> None:
        """Stop what is left of a broken pool; the next task starts another, of our own."""
        self._stop(self._pool)
        self._pool = self._foreign = None

    def _stop(self, pool: Executor | None) -> None:
        """Stop a pool of our own at once; the caller's own executor is the caller's to stop."""
        if pool is None or pool is self._foreign:
            return
        if isinstance(pool, ProcessPoolExecutor):
            for process in _processes(pool):
                process.kill()
        pool.shutdown(wait=False, cancel_futures=True)


def _prepare_worker(memory: int | None) -> None:
    """Leave Ctrl-C to the parent, which ends its workers; bound the memory."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if memory is not None and sys.platform != "win32":
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        bound = memory if hard == resource.RLIM_INFINITY else min(memory, hard)
        with suppress(ValueError, OSError):  # a system that knows no such limit
            resource.setrlimit(resource.RLIMIT_AS, (bound, hard))


def _was_lost(future: Future[Result]) -> bool:
    """Whether the worker of a task that has ended was lost."""
    return future.cancelled() or isinstance(future.exception(timeout=0), BrokenExecutor)


def _processes(pool: ProcessPoolExecutor) -> list[BaseProcess]:
    """The living workers.  Python 3.14 can kill a pool's workers, but only all of this is in 3.11."""
    return list((pool._processes or {}).values())  # noqa: SLF001 - see above


def _end_of(processes: list[BaseProcess]) -> str:
    """How the process of a task that ran alone ended."""
    for process in processes:
        process.join(timeout=5)
        code = process.exitcode
        if code is not None and code < 0:
            return f"by {signal.Signals(-code).name}"
        if code is not None:
            return f"with exit code {code}"
    return "for a reason that the system does not tell"


def _failure(error: Exception) -> str:
    """An exception of a task, on one line."""
    text = " ".join(str(error).split())[:300]
    return f"the task failed: {type(error).__name__}: {text}" if text else f"the task failed: {type(error).__name__}"


def _in_mebibytes(memory: int | None) -> str:
    return "no limit" if memory is None else f"{memory // 2**20} MiB"
