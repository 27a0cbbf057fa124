"""The runner: a lost worker costs at most its own task."""

import importlib
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from poolproof.runner import Runner, available_jobs

HERE = Path(__file__).parent


@pytest.fixture
def runner(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Runner[str, str]]:
    """Make a runner whose workers can import the module of this folder."""
    monkeypatch.syspath_prepend(str(HERE))
    workers = importlib.import_module("workers")

    def make(**options: Any) -> Runner[str, str]:
        options.setdefault("jobs", 2)
        return Runner(workers.work, workers.lost, **options)

    return make


def test_results_come_in_the_order_of_the_tasks(runner: Callable[..., Runner[str, str]]) -> None:
    """A slow task does not move its result."""
    tasks = ["sleep:0.3", *(f"echo:{number}" for number in range(20))]
    heard: list[str] = []
    with runner() as run:
        results = run.run(tasks, lambda task, _: heard.append(task))
    assert results == ["sleep:0.3", *(str(number) for number in range(20))]
    assert sorted(heard) == sorted(tasks)
    assert heard[0] != "sleep:0.3"


def test_no_task_gives_no_result(runner: Callable[..., Runner[str, str]]) -> None:
    """An empty list starts nothing."""
    with runner() as run:
        assert run.run([]) == []


def test_a_killed_worker_costs_only_its_own_task(runner: Callable[..., Runner[str, str]]) -> None:
    """The pool is rebuilt, the neighbours run again, the guilty one is named with its signal."""
    tasks = [f"echo:{number}" for number in range(30)]
    tasks[7] = "die"
    with runner() as run:
        results = run.run(tasks)
    assert results[7] == "lost die: the worker process was lost twice, the second time by SIGKILL"
    assert [result for index, result in enumerate(results) if index != 7] == [
        str(number) for number in range(30) if number != 7
    ]


def test_a_worker_killed_once_costs_nothing(runner: Callable[..., Runner[str, str]], tmp_path: Path) -> None:
    """A task that lost its worker is tried once more, alone."""
    with runner() as run:
        assert run.run(["echo:a", f"die-once:{tmp_path / 'died'}", "echo:b"]) == ["a", "second life", "b"]


def test_a_worker_that_exits_is_lost_with_its_code(runner: Callable[..., Runner[str, str]]) -> None:
    """An exit inside a library is told from a signal."""
    with runner() as run:
        (result,) = run.run(["exit:7"])
    assert result == "lost exit:7: the worker process was lost twice, the second time with exit code 7"


def test_several_deaths_are_each_charged_to_their_own_task(
    runner: Callable[..., Runner[str, str]],
) -> None:
    """Also where two workers die at the same time."""
    tasks = ["die", "die", "echo:a", "die", "echo:b"]
    with runner() as run:
        results = run.run(tasks)
    assert [result.startswith("lost die") for result in results] == [True, True, False, True, False]
    assert (results[2], results[4]) == ("a", "b")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux holds a process to its address space")
def test_a_task_beyond_the_memory_limit_is_lost_alone(runner: Callable[..., Runner[str, str]]) -> None:
    """Out of memory is reported as such, and the neighbours are answered."""
    with runner(memory=2**29) as run:
        results = run.run(["echo:a", f"hog:{2**30}", "echo:b", f"hog:{2**20}"])
    assert results == ["a", f"lost hog:{2**30}: out of memory: 512 MiB for a worker", "b", str(2**20)]


def test_an_exception_is_the_tasks_answer(runner: Callable[..., Runner[str, str]]) -> None:
    """It is not tried again: the same text fails in the same way."""
    with runner() as run:
        assert run.run(["fail:no such sort", "echo:a"]) == [
            "lost fail:no such sort: the task failed: ValueError: no such sort",
            "a",
        ]


def test_a_stuck_task_ends(runner: Callable[..., Runner[str, str]]) -> None:
    """A worker that ignores its budget does not hold up the rest for ever."""
    begin = time.monotonic()
    with runner(patience=1.0) as run:
        results = run.run(["sleep:600", "echo:a"])
    assert results == [
        "lost sleep:600: no answer within 1 s, although the budget bounds the work",
        "a",
    ]
    assert time.monotonic() - begin < 30


def test_workers_live_on_between_runs(runner: Callable[..., Runner[str, str]]) -> None:
    """A second run of tasks pays for no second start."""
    with runner(jobs=1) as run:
        assert run.run(["pid"]) == run.run(["pid"])


def test_an_executor_of_the_caller_is_used_and_left_running(
    runner: Callable[..., Runner[str, str]],
) -> None:
    """A cluster's executor, for example."""
    with ThreadPoolExecutor(2) as executor:
        with runner(executor=executor) as run:
            assert run.run(["echo:a", "fail:x"]) == ["a", "lost fail:x: the task failed: ValueError: x"]
        assert executor.submit(int, "5").result() == 5


class Broken(Executor):
    """An executor whose cluster has gone."""

    def __init__(self, *, at_once: bool) -> None:
        self.at_once = at_once

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Refuse, or accept and fail."""
        if self.at_once:
            raise BrokenExecutor
        future: Future[Any] = Future()
        future.set_exception(BrokenExecutor())
        return future


@pytest.mark.parametrize("at_once", [True, False])
def test_a_broken_executor_of_the_caller_is_replaced_by_processes(
    runner: Callable[..., Runner[str, str]], *, at_once: bool
) -> None:
    """What it lost is answered here."""
    with runner(executor=Broken(at_once=at_once)) as run:
        assert run.run(["echo:a", "echo:b", "die"]) == [
            "a",
            "b",
            "lost die: the worker process was lost twice, the second time by SIGKILL",
        ]


INTERRUPTED = """
import signal, sys, threading, time
sys.path.insert(0, {here!r})
import workers
from poolproof.runner import Runner
def main():
    kept = []
    try:
        with Runner(workers.work, workers.lost, jobs=2) as run:
            run.run(["echo:a", "echo:b", "sleep:600", "sleep:600"], lambda task, result: note(kept, result))
    except KeyboardInterrupt:
        print("kept", *sorted(kept))
        return 130
def note(kept, result):
    kept.append(result)
    if len(kept) == 2:
        print("ready", flush=True)
if __name__ == "__main__":
    sys.exit(main())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a process group")
def test_an_interrupt_stops_the_workers_and_keeps_what_was_done(tmp_path: Path) -> None:
    """As Ctrl-C does: the signal goes to the whole group, and nothing is left running or printed."""
    import os
    import signal

    script = tmp_path / "interrupted.py"
    script.write_text(INTERRUPTED.format(here=str(HERE)), encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.5)  # both workers are asleep in their tasks by now
    begin = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    output, errors = process.communicate(timeout=30)
    assert (process.returncode, output, errors) == (130, "kept a b\n", "")
    assert time.monotonic() - begin < 10
    with pytest.raises(ProcessLookupError):  # nobody is left in the group
        _until_gone(process.pid)


def _until_gone(group: int) -> None:
    """Signal 0 to a group raises as soon as the group has no member."""
    import os

    for _ in range(100):
        os.killpg(group, 0)
        time.sleep(0.05)


def test_available_jobs_is_positive() -> None:
    """At least one worker runs."""
    assert available_jobs() >= 1
