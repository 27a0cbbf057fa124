"""Where a command's words go: results, messages and progress, and the JSON for other programs."""

from __future__ import annotations

import errno
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
    """The streams of one command, and the files that it writes.

    ``out`` shows results: on standard output, unless a file goes there.  ``err`` shows messages and
    progress.  ``files`` are the files that options name besides `--json`, by option; ``-`` is standard output.

    Refuses: before any work is done, what cannot be written, and two options with one file.
    """

    def __init__(self, json_to: str | None, files: Mapping[str, str | None] | None = None) -> None:
        self.json_to = json_to
        named = {"--json": json_to, **(files or {})}
        self.files = {option: to for option, to in named.items() if to is not None}
        self.err = _stream(stderr=True)
        self.out = self.err if "-" in self.files.values() else _stream(stderr=False)
        taken: dict[object, str] = {}
        for option, to in self.files.items():
            if to != "-":
                _refuse_bad_target(option, to)
            target: object = to if to == "-" else Path(to).resolve()
            if target in taken and not (to != "-" and Path(to).exists() and not Path(to).is_file()):
                rule = f"{taken[target]} and {option} name the same file"
                raise UsageError(rule, f"{option} {shown_plain(to)}", "name another file for one of them")
            taken[target] = option

    def write_json(self, content: Mapping[str, Any]) -> None:
        """Write the command's JSON, if it was asked for: whole, or not at all."""
        if self.json_to is not None:
            self.write("--json", json.dumps(content, indent=1) + "\n")

    def write(self, option: str, text: str) -> None:
        """Write a text into the file that an option names: whole, or not at all."""
        to = self.files[option]
        if to == "-":
            sys.stdout.write(text)
            sys.stdout.flush()
            return
        try:
            write_whole(Path(to), text)
        except OSError as error:
            raise _unwritable(option, to, error) from None

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


def _refuse_bad_target(option: str, to: str) -> None:
    """Refuse early what could not be written at the end."""
    path = Path(to)
    where = f"{option} {shown_plain(to)}"
    try:
        if path.is_dir():
            raise UsageError("this is a directory", where, "name a file in it")
        if not path.parent.is_dir():
            raise UsageError("the folder of this file does not exist", where, "create it, or name another")
        with suppress(FileNotFoundError):
            path.stat()  # a name that no file can have
        is_device = path.exists() and not path.is_file()
        if not os.access(path if is_device else path.resolve().parent, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except (OSError, ValueError) as error:
        raise _unwritable(option, to, error) from None


def _unwritable(option: str, to: str, error: OSError | ValueError) -> UsageError:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    where = f"{option} {shown_plain(to)}"
    return UsageError(f"the file cannot be written ({reason.lower()})", where, "name another file")
