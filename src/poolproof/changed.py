"""Which protocol files a change touches, and what they are on both sides of it, as git knows it.

Contents are read from git's objects, by their ids: no file of the working tree is opened, no link is followed, and
no name of a file or of a branch is taken for an option or a command.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from poolproof.spec.errors import UsageError, shown_text

STAGED = ""
"""In place of the later revision: what is staged for the next commit."""

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_FILE = "100"
"""How the mode of a regular file begins; that of a link or a submodule does not."""


@dataclass(frozen=True, slots=True)
class Change:
    """One changed file: its path before and after, None where there is none; its content, None where it is no file."""

    old_path: str | None
    old: bytes | None
    new_path: str | None
    new: bytes | None

    @property
    def path(self) -> str:
        """What people call the file."""
        return self.new_path or self.old_path or ""


def changes(base: str, head: str, chosen: Callable[[str], bool]) -> Iterator[Change]:
    """The chosen files that differ between ``head`` and the commit where it left ``base``; a renamed one is one change.

    Its path after the change is asked for, and only where there is none the path before.  A ``base`` of zeros is an
    empty tree.  Where the common ancestor is not at hand, as in a shallow clone, ``base`` itself is compared.

    Refuses: a revision that git does not know, and that cannot be fetched; a folder that is in no repository.
    """
    _git("rev-parse", "--git-dir")  # git's own words where it is in no repository, or in one that it does not trust
    old = _base(base)
    if head == STAGED:
        sides = ["--cached", old]
    else:
        new = _commit(head)
        if new is None:
            raise UsageError(f"{shown_text(head)} is not a commit of this repository", "--head", "name another")
        sides = [_output("merge-base", old, new) or old, new]
    raw = _git("diff", "--raw", "-z", "--no-abbrev", "--find-renames", "--no-ext-diff", *sides, "--")
    for about, before, after in _entries(raw):
        old_mode, new_mode, old_id, new_id, status = about.lstrip(":").split(" ")
        old_path = None if status == "A" else before
        new_path = None if status == "D" else after
        if chosen(new_path or before):
            yield Change(
                old_path,
                _content(old_mode, old_id),
                new_path,
                _content(new_mode, new_id),
            )


def matches(path: str, globs: Sequence[str]) -> bool:
    """Whether one of some globs matches a path from the right, as `lending/*.toml` matches `x/lending/a.toml`."""
    return any(PurePosixPath(path).match(glob) for glob in globs)


def _entries(raw: bytes) -> Iterator[tuple[str, str, str]]:
    """What `git diff --raw -z` lists: modes, ids and status; the path before; the path after."""
    fields = iter([os.fsdecode(field) for field in raw.split(b"\0")[:-1]])
    for about in fields:
        before = next(fields)
        renamed = about.rpartition(" ")[2].startswith("R")
        yield about, before, next(fields) if renamed else before


def _content(mode: str, blob: str) -> bytes | None:
    """The content of a regular file by its id; None for a link, a submodule, and no file at all."""
    return _git("cat-file", "blob", blob) if mode.startswith(_FILE) else None


def _base(name: str) -> str:
    """The tree or commit to compare with: of this clone, of a branch of origin, or fetched from there.

    Before the first commit it is the empty tree, which GitHub calls by zeros.
    """
    if (name and not name.strip("0")) or (name == "HEAD" and _commit(name) is None):
        return _git("hash-object", "-t", "tree", os.devnull).decode().strip()
    found = _commit(name) or _commit(f"refs/remotes/origin/{name}")
    if found is None:
        wanted = name if _COMMIT.fullmatch(name) else f"refs/heads/{name}"
        if wanted == name or _output("check-ref-format", wanted) is not None:
            fetched = _output("fetch", "--quiet", "--no-tags", "--depth=1", "origin", wanted)
            found = None if fetched is None else _commit("FETCH_HEAD")
    if found is None:
        cure = "name another, or check out more of the history (actions/checkout: fetch-depth: 0)"
        raise UsageError(f"{shown_text(name)} is not a commit of this repository", "--base", cure)
    return found


def _commit(name: str) -> str | None:
    """The id of the commit that a revision names."""
    return _output("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}") if name else None


def _output(*words: str) -> str | None:
    """What git prints, or None where it fails."""
    done = _run(words)
    return done.stdout.decode().strip() if done.returncode == 0 else None


def _git(*words: str) -> bytes:
    """What git prints.

    Refuses: whatever git refuses, in its own words.
    """
    done = _run(words)
    if done.returncode != 0:
        said = " ".join(done.stderr.decode(errors="replace").split())
        raise UsageError(f"git does not answer: {shown_text(said)}", f"git {words[0]}", "run this in a git repository")
    return done.stdout


def _run(words: Sequence[str]) -> subprocess.CompletedProcess[bytes]:
    """Run git, which asks nobody anything."""
    if any("\0" in word for word in words):
        raise UsageError("a name holds a null character", f"git {words[0]}", "name another")
    try:
        return subprocess.run(  # noqa: S603 - a list of words, and no shell
            ["git", *words],  # noqa: S607 - the caller's git
            env={**os.environ, "GIT_TERMINAL_PROMPT": "0"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    except FileNotFoundError:
        raise UsageError("there is no program of this name", "git", "install git") from None
