"""What the workers of test_runner.py do; a module of its own, because a worker imports it by name."""

import os
import signal
import time
from pathlib import Path


def work(task: str) -> str:
    """Carry out `verb:argument`."""
    verb, _, argument = task.partition(":")
    match verb:
        case "echo":
            return argument
        case "pid":
            return str(os.getpid())
        case "die":
            os.kill(os.getpid(), signal.SIGKILL)
        case "die-once":
            if not Path(argument).exists():
                Path(argument).touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return "second life"
        case "exit":
            os._exit(int(argument))
        case "hog":
            return str(len(bytearray(int(argument))))
        case "fail":
            raise ValueError(argument)
        case "sleep":
            time.sleep(float(argument))
    return task


def lost(task: str, reason: str) -> str:
    """What a lost task is reported as."""
    return f"lost {task}: {reason}"
