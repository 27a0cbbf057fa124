"""`python -m poolproof.ci`: what the action and the hooks run, on the protocol files of a change.

`gate` compares each changed file with what it was: `poolproof gate` for a changed or renamed one, `poolproof check`
for an added one; a removed one is told.  `check` decides files by name, `load` only reads them.  The exit code is
the worst of all files'.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import secrets
import shlex
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, NoReturn

from poolproof.spec.errors import UsageError, shown_path

from .changed import STAGED, Change, changes, matches

PROTOCOLS = "*.poolproof.toml"
"""What protocol files are called, unless `--protocols` says something else."""

WORST_FIRST = (130, 4, 3, 1, 2, 0)
"""Exit codes: interrupted, our own error, a wrong file, closed or refuted, undecided, open."""
MEANINGS = {0: "open", 1: "closed", 2: "undecided", 3: "a file is wrong", 4: "poolproof failed", 130: "interrupted"}

FORGIVEN: dict[str, tuple[int, ...]] = {"proved": (), "refuted": (2,), "report": (1, 2)}
"""What a policy lets pass: nothing; what is undecided; that, and what is closed."""

FORMATS = {"sarif": "sarif", "junit": "xml", "markdown": "md", "html": "html", "json": "json"}
"""The reports of a gate, and how their files end."""

LARGEST_SUMMARY = 1_000_000
"""Largest summary of a step [bytes]; GitHub shows none above 1 MiB."""

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(slots=True)
class Outcome:
    """What became of one file: its path, what was asked, the exit code and the Markdown for people."""

    path: str
    asked: str
    code: int
    markdown: str
    files: dict[str, Path] = field(default_factory=dict)


def worst(codes: Iterable[int]) -> int:
    """The worst of some exit codes; one that is not ours, as a signal's, is an error of ours."""
    known = {code if code in WORST_FIRST else 4 for code in codes}
    return next((code for code in WORST_FIRST if code in known), 0)


def gate(base: str, head: str, globs: Sequence[str], only: Sequence[str], reports: Path) -> list[Outcome]:
    """Gate each changed protocol file; the reports go into a folder."""

    def chosen(path: str) -> bool:
        return path in only if only else matches(path, globs)

    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory() as scratch:
        for change in changes(base, head, chosen):
            outcomes.append(_judge(change, Path(scratch), reports))
            if outcomes[-1].code == 130:
                break
    return outcomes


def _judge(change: Change, scratch: Path, reports: Path) -> Outcome:
    """Gate, check or tell one change.

    The file keeps its path below a folder in which the command runs, so that reports name it as the repository does.
    """
    title = f"### {_code(change.path)}\n\n"
    if change.new_path is None:
        return Outcome(change.path, "removed", 0, f"{title}removed: no longer checked\n")
    if change.new is None:
        return Outcome(change.path, "no file", 3, f"{title}a link or a submodule: commit the protocol file itself\n")
    here, before = scratch / "head", scratch / "base"
    _write(here, change.new_path, change.new)
    name = _UNSAFE.sub("_", change.new_path)[-100:] + "-" + sha256(os.fsencode(change.new_path)).hexdigest()[:8]
    if change.old_path is None or change.old is None:
        files = {"json": reports / f"{name}.json"}
        words = ["check", f"--json={files['json']}", f"--traces={reports / name}", "--", change.new_path]
        code, text = _poolproof(words, here)
        told = f"{title}added: {MEANINGS.get(code, MEANINGS[4])}\n\n{_fenced(text)}\n"
        return Outcome(change.path, "check", code, told, files)
    _write(before, change.old_path, change.old)
    files = {kind: reports / f"{name}.{suffix}" for kind, suffix in FORMATS.items()}
    options = [f"--{kind}={file}" for kind, file in files.items()]
    code, text = _poolproof(["gate", *options, "--", str(before / change.old_path), change.new_path], here)
    told = title
    if change.old_path != change.new_path:
        told += f"renamed from {_code(change.old_path)}\n\n"
    if files["markdown"].is_file():
        told += files["markdown"].read_text(encoding="utf-8")
    else:
        told += f"{MEANINGS.get(code, MEANINGS[4])}\n\n{_fenced(text)}\n"
    return Outcome(change.path, "gate", code, told, {kind: file for kind, file in files.items() if file.is_file()})


def _write(folder: Path, path: str, content: bytes) -> None:
    """Put a file where it stands in the repository, below a folder."""
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


def _poolproof(words: Sequence[str], folder: Path) -> tuple[int, str]:
    """Run the command, or the one that `POOLPROOF_COMMAND` names; its exit code, and what it said.

    Nothing is imported from the folder in which it runs.  On GitHub, nothing that it says is taken for a command.
    """
    command = shlex.split(os.environ.get("POOLPROOF_COMMAND", "")) or [sys.executable, "-P", "-m", "poolproof"]
    done = subprocess.run(  # noqa: S603 - a list of words, and no shell
        [*command, *words],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    text = done.stdout.decode(errors="replace")
    with _no_commands():
        sys.stdout.write(text)
    return done.returncode, text


@contextmanager
def _no_commands() -> Iterator[None]:
    """Have GitHub's runner take no line of the output for a command."""
    token = secrets.token_hex(16) if os.environ.get("GITHUB_ACTIONS") else None
    if token:
        sys.stdout.write(f"::stop-commands::{token}\n")
    yield
    if token:
        sys.stdout.write(f"\n::{token}::\n")
    sys.stdout.flush()


def _code(text: str) -> str:
    """Text as code in Markdown, whatever is in it."""
    return _ticked(shown_path(text), 1, " ")


def _fenced(text: str) -> str:
    """Lines as a block of code in Markdown, whatever is in them."""
    return _ticked(text.strip("\n"), 3, "\n")


def _ticked(text: str, least: int, gap: str) -> str:
    """Text between more backticks than it has in a row."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    ticks = "`" * max(least, longest + 1)
    return f"{ticks}{gap}{text}{gap}{ticks}"


def write_sarif(outcomes: Sequence[Outcome], file: Path) -> Path | None:
    """One SARIF log of all gates, each run in a category of its own, as code scanning asks for; None without a run."""
    log: dict[str, Any] | None = None
    for outcome in outcomes:
        if "sarif" not in outcome.files:
            continue
        path = outcome.path.encode(errors="backslashreplace").decode()
        one = json.loads(outcome.files["sarif"].read_text(encoding="utf-8"))
        for run in one["runs"]:
            run["automationDetails"] = {**run.get("automationDetails", {}), "id": f"poolproof/{path}/"}
        if log is None:
            log = one
        else:
            log["runs"] += one["runs"]
    if log is None:
        return None
    file.write_text(json.dumps(log, indent=1) + "\n", encoding="utf-8")
    return file


def summary(outcomes: Sequence[Outcome]) -> str:
    """The Markdown of all files, the verdict first; what is too long for GitHub is cut, and says so."""
    code = worst(outcome.code for outcome in outcomes)
    head = f"## poolproof: {MEANINGS[code]}\n\n" if outcomes else "## poolproof: no protocol file has changed\n"
    text = head + "\n".join(outcome.markdown for outcome in outcomes)
    if len(text.encode()) > LARGEST_SUMMARY:
        cut = text.encode()[:LARGEST_SUMMARY].decode(errors="ignore")
        text = f"{cut}\n\nThe rest is cut; the reports have all of it.\n"
    return text


def run_gate(asked: argparse.Namespace) -> int:
    """Gate what has changed, write the reports, and tell GitHub where it runs us.

    What pre-commit compares by `--from-ref` and `--to-ref` goes before what is staged.
    """
    globs = [line.strip() for line in asked.protocols.splitlines() if line.strip()] or [PROTOCOLS]
    head = STAGED if asked.staged and not os.environ.get("PRE_COMMIT_TO_REF") else asked.head
    with tempfile.TemporaryDirectory() as scratch:
        reports = Path(asked.reports or scratch).resolve()
        reports.mkdir(parents=True, exist_ok=True)
        outcomes = gate(asked.base, head, globs, asked.files, reports)
        sarif = write_sarif(outcomes, reports / "poolproof.sarif")
    code = worst(outcome.code for outcome in outcomes)
    for outcome in outcomes:
        print(f"{outcome.asked}  {shown_path(outcome.path)}: {MEANINGS[worst([outcome.code])]}")
    if not outcomes:
        print("no protocol file has changed")
    _append("GITHUB_STEP_SUMMARY", summary(outcomes))
    values = {"open": str(code == 0).lower(), "code": code, "reports": reports, "sarif": sarif or ""}
    _append("GITHUB_OUTPUT", "".join(_assigned(name, str(value)) for name, value in values.items()))
    return 0 if code in FORGIVEN[asked.policy] else code


def _assigned(name: str, value: str) -> str:
    """One output of a step, whatever is in its value."""
    mark = secrets.token_hex(16)
    return f"{name}<<{mark}\n{value}\n{mark}\n"


def _append(variable: str, text: str) -> None:
    """Add text to the file that GitHub's runner names, where there is one."""
    if name := os.environ.get(variable):
        with Path(name).open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)


def run_check(asked: argparse.Namespace) -> int:
    """Decide each file."""
    return worst(_poolproof(["check", "--", str(Path(file).resolve())], Path.cwd())[0] for file in asked.files)


def run_load(asked: argparse.Namespace) -> int:
    """Read each file, and say which parameters lie outside the region for which theorems hold: 2, nothing is decided."""
    from .inputs import open_model

    codes = []
    for file in asked.files:
        try:
            protocol, model, _ = open_model(f"./{file}" if file.startswith("-") else file)
        except UsageError as wrong:
            print(wrong)
            codes.append(3)
            continue
        outside = dict.fromkeys(text for text, holds in model.admissible(model.build(protocol)) if not holds)
        for condition in outside:
            print(f"{shown_path(file)}: outside the region of the theorems, which need {condition}")
        codes.append(2 if outside else 0)
    return worst(codes)


class _Parser(argparse.ArgumentParser):
    """A parser whose refusals end with the exit code of wrong usage."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, self.prog, f"ask {self.prog} --help")


def main(words: Sequence[str] | None = None) -> int:
    """Run a command, and turn every way to end into its exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    parser = _Parser(prog="poolproof.ci", description="Gate, check or load the protocol files of a change.")
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("gate", help="compare changed protocol files with what they were")
    one.add_argument("--base", default=os.environ.get("PRE_COMMIT_FROM_REF") or "HEAD", help="before the change")
    one.add_argument("--head", default=os.environ.get("PRE_COMMIT_TO_REF") or "HEAD", help="after the change")
    one.add_argument("--staged", action="store_true", help="the change is what is staged for the next commit")
    one.add_argument("--protocols", default=PROTOCOLS, help="globs of protocol files, one a line")
    one.add_argument("--policy", default="proved", choices=list(FORGIVEN), help="what has to be known to pass")
    one.add_argument("--reports", default="", help="folder of the reports")
    one.add_argument("files", nargs="*", help="only these, in place of the globs")
    one.set_defaults(run=run_gate)
    for name, run, told in (("check", run_check, "decide files"), ("load", run_load, "read files, and decide nothing")):
        other = commands.add_parser(name, help=told)
        other.add_argument("files", nargs="+")
        other.set_defaults(run=run)
    try:
        asked = parser.parse_args(words)
        code: int = asked.run(asked)
    except UsageError as wrong:
        print(f"error: {wrong}", file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        return 130
    except Exception:  # noqa: BLE001 - whatever else happens is an error of ours, and not a closed gate
        traceback.print_exc()
        return 4
    return code


if __name__ == "__main__":
    sys.exit(main())
