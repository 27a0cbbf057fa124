"""Where a command's words go: results, messages and progress, and the JSON for other programs."""

from __future__ import annotations

import json
import os
import stat
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from poolproof.proofs.progress import Event, Listener
from poolproof.spec.errors import UsageError, shown_plain

LOG_WIDTH = 120
"""Width where there is no terminal and `COLUMNS` does not say [characters]."""


class Stream(Console):
    """A console that takes text as it is, and leaves a closed pipe to the command that wrote into it."""

    def on_broken_pipe(self) -> None:
        """Raise what the base class would turn into an exit with 1, which is a verdict."""
        raise BrokenPipeError


class Output:
    """The streams of one command.

    ``out`` shows results: on standard output, unless the JSON goes there.  ``err`` shows messages and
    progress.

    Refuses: a JSON file in a folder that does not exist, before any work is done.
    """

    def __init__(self, json_to: str | None) -> None:
        self.json_to = json_to
        self.err = _stream(stderr=True)
        self.out = self.err if json_to == "-" else _stream(stderr=False)
        if json_to is not None and json_to != "-":
            _refuse_bad_target(json_to)

    def write_json(self, content: Mapping[str, Any]) -> None:
        """Write the command's JSON, if it was asked for: whole, or not at all."""
        if self.json_to is None:
            return
        text = json.dumps(content, indent=1) + "\n"
        if self.json_to == "-":
            sys.stdout.write(text)
            sys.stdout.flush()
            return
        try:
            write_whole(Path(self.json_to), text)
        except OSError as error:
            raise _unwritable(self.json_to, error) from None

    @contextmanager
    def progress(self) -> Iterator[Listener]:
        """Show events on a terminal; elsewhere, and in CI, stay quiet."""
        if not self.err.is_terminal or os.environ.get("CI"):
            yield lambda _event: None
            return
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, TimeElapsedColumn(), console=self.err, transient=True) as bar:
            line = bar.add_task("starting", total=None)

            def listen(event: Event) -> None:
                last = f"  {event.invariant} {event.verdict}" if event.decision else ""
                bar.update(line, description=event.stage + last, completed=event.done, total=event.total or None)

            yield listen


def write_whole(path: Path, text: str) -> None:
    """Write a file so that nobody sees half of it; a device or a pipe is written to as it is."""
    if path.exists() and not stat.S_ISREG(path.stat().st_mode):
        path.write_text(text, encoding="utf-8")
        return
    target = path.resolve()
    handle, name = tempfile.mkstemp(prefix=f".{target.name[:100]}.", dir=target.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).chmod(0o666 & ~_umask())
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _umask() -> int:
    """The permissions that new files do not get; reading them means setting them."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def _stream(*, stderr: bool) -> Stream:
    """Standard output or error; nothing in what is printed is markup."""
    to = sys.stderr if stderr else sys.stdout
    width = None if to.isatty() or os.environ.get("COLUMNS") else LOG_WIDTH
    return Stream(stderr=stderr, markup=False, emoji=False, highlight=False, width=width)


def _refuse_bad_target(json_to: str) -> None:
    """Refuse early what could not be written at the end."""
    path = Path(json_to)
    where = f"--json {shown_plain(json_to)}"
    try:
        if path.is_dir():
            raise UsageError("this is a directory", where, "name a file in it")
        if not path.parent.is_dir():
            raise UsageError("the folder of this file does not exist", where, "create it, or name another")
        with suppress(FileNotFoundError):
            path.stat()  # a name that no file can have
    except (OSError, ValueError) as error:
        raise _unwritable(json_to, error) from None


def _unwritable(json_to: str, error: OSError | ValueError) -> UsageError:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    where = f"--json {shown_plain(json_to)}"
    return UsageError(f"the file cannot be written ({reason.lower()})", where, "name another file")
