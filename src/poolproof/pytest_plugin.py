"""The pytest plugin: with `--poolproof`, each invariant of each protocol file is a test.

A file is decided once in a run, for the tests of it that were selected, whichever worker of pytest-xdist asks
first.  Without `--poolproof` the plugin adds its options and nothing else, so what it needs is imported late.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from hashlib import sha256
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

if TYPE_CHECKING:
    import sqlite3

    from poolproof.proofs.verdicts import Decision

    from .checking import Report

PROTOCOLS = "*.poolproof.toml"
"""What protocol files are called, unless the ini option `poolproof_protocols` says something else."""

SCOPE = "poolproof_scope"
"""The property of a test that says what no verdict on it speaks of; JUnit XML has it too."""

_ONE_DAY = 86_400.0
"""Longest wait for another worker that decides the same file [s]; its end, however it comes, ends the wait."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--poolproof`, and what an ini file can say."""
    group = parser.getgroup("poolproof", "lending protocols")
    group.addoption("--poolproof", action="store_true", help="test each invariant of each protocol file")
    parser.addini("poolproof_protocols", "globs of protocol files, matched from the right", "linelist", [PROTOCOLS])
    parser.addini("poolproof_only", "test only these invariants", "linelist", [])
    parser.addini("poolproof_budget", "solver resources for one obligation", default="")
    parser.addini("poolproof_seed", "seed of random choices", default="0")


def pytest_configure(config: pytest.Config) -> None:
    """Name the marker that every test of a protocol file has."""
    config.addinivalue_line("markers", "poolproof: an invariant of a protocol file")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Take the files that the globs match, and any `.toml` file that the command line names."""
    config = parent.config
    if not config.getoption("poolproof") or file_path.suffix != ".toml":
        return None
    globs = config.getini("poolproof_protocols")
    if parent.session.isinitpath(file_path) or any(file_path.match(glob) for glob in globs):
        return ProtocolFile.from_parent(parent, path=file_path)
    return None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what the verdicts do not speak of, once for all tests."""
    lines: dict[str, None] = {}
    for reports in terminalreporter.stats.values():
        for report in reports:
            lines.update((text, None) for name, text in getattr(report, "user_properties", ()) if name == SCOPE)
    if lines:
        terminalreporter.section("poolproof: not in the model", sep="-")
        for line in "\n".join(lines).splitlines():
            terminalreporter.write_line(f"- {line}")


class NotProvedError(Exception):
    """An invariant of which something else than a proof is reported; the argument is the text for people."""


class Found(NamedTuple):
    """What a check found: the decisions by id, what became of the acceptances, and the scope of the model."""

    decisions: dict[str, Decision]
    notes: dict[str, str]
    scope: str


class ProtocolFile(pytest.File):
    """A protocol file, with a test for each invariant that is claimed of its model."""

    _outcome: Found | Exception | None = None

    def collect(self) -> Iterator[Invariant]:
        """One test for each invariant.

        Refuses: an ill-formed file, and an id that is not in the catalogue, as an error of the collection.
        """
        from poolproof.spec.errors import UsageError

        from .checking import ids_to_decide
        from .inputs import open_protocol

        try:
            protocol, _, catalogue = open_protocol(self.shown)
            _check_options(self.config)
            ids = ids_to_decide(protocol, catalogue, self.config.getini("poolproof_only"))
        except UsageError as wrong:
            raise self.CollectError(str(wrong)) from None
        for name in ids:
            yield Invariant.from_parent(self, name=name, file=self)

    @property
    def shown(self) -> str:
        """The path from where pytest runs, if it is below."""
        here = Path.cwd()
        return str(self.path.relative_to(here) if self.path.is_relative_to(here) else self.path)

    def found(self) -> Found:
        """What the check of the selected tests says; an error of it is every test's."""
        if self._outcome is None:
            try:
                self._outcome = self._decide()
            except Exception as error:  # noqa: BLE001 - raised again, below, for each test
                self._outcome = error
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return self._outcome

    def _decide(self) -> Found:
        """Check the file, or read what another worker has found."""
        selected = [item.name for item in self.session.items if item.parent is self]
        with _shared(self.config, self.nodeid) as store:
            if (text := store.get()) is None:
                text = json.dumps(_to_json(self._check(selected)))
                store.put(text)
        return _from_json(json.loads(text))

    def _check(self, selected: list[str]) -> Report:
        """The report on some invariants."""
        from poolproof.spec.loading import load_protocol

        from .checking import check
        from .evidence import Options

        budget, seed = _check_options(self.config)
        report = check(load_protocol(self.shown), only=selected, options=Options(budget=budget, seed=seed))
        if report.interrupted:
            raise KeyboardInterrupt
        return report


class Invariant(pytest.Item):
    """One invariant of a protocol file."""

    def __init__(self, *, file: ProtocolFile, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.file = file
        self.add_marker(pytest.mark.poolproof)

    def runtest(self) -> None:
        """Pass where it is proved; an accepted finding is an expected failure; all else fails."""
        found = self.file.found()
        decision, note = found.decisions[self.name], found.notes.get(self.name)
        self.user_properties += [
            ("poolproof_verdict", str(decision.verdict)),
            ("poolproof_engine", decision.engine),
            ("poolproof_assumes", "\n".join(decision.assumes)),
            (SCOPE, found.scope),
        ]
        if note is not None and not decision.accepted:
            self.warn(pytest.PytestWarning(f"{self.nodeid}: {note}"))
        if decision.verdict == "PROVED":
            return
        if decision.accepted:
            pytest.xfail(f"{decision.verdict}: {note}")  # does nothing under --runxfail
        raise NotProvedError(_told(decision, note))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> str | Any:
        """Show a finding as the command does; the traceback of an error of ours as pytest does."""
        if isinstance(excinfo.value, NotProvedError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """The heading of a failure."""
        return self.path, 0, f"{self.name} of {self.file.shown}"


class _Store:
    """Where the first worker that decides a file leaves what it found; without a connection, nowhere."""

    def __init__(self, connection: sqlite3.Connection | None) -> None:
        self._connection = connection

    def get(self) -> str | None:
        """What is there."""
        if self._connection is None:
            return None
        self._connection.execute("CREATE TABLE IF NOT EXISTS found (text TEXT NOT NULL)")
        row = self._connection.execute("SELECT text FROM found").fetchone()
        return None if row is None else str(row[0])

    def put(self, text: str) -> None:
        """Leave it for the others."""
        if self._connection is not None:
            self._connection.execute("INSERT INTO found VALUES (?)", (text,))


@contextmanager
def _shared(config: pytest.Config, nodeid: str) -> Iterator[_Store]:
    """The store that all workers of one run share for one file, held alone."""
    basetemp = config.getoption("basetemp") if hasattr(config, "workerinput") else None
    if not basetemp:
        yield _Store(None)
        return
    import sqlite3

    name = sha256(nodeid.encode(errors="surrogateescape")).hexdigest()
    path = Path(basetemp).parent / f"poolproof-{name}.sqlite"
    with closing(sqlite3.connect(path, timeout=_ONE_DAY, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield _Store(connection)
        connection.execute("COMMIT")


def _to_json(report: Report) -> dict[str, Any]:
    """A report, for the other workers."""
    from .documents import decision_to_json

    return {
        "decisions": [decision_to_json(decision) for decision in report.decisions],
        "notes": {judgement.invariant: judgement.note for judgement in report.judgements},
        "scope": "\n".join(report.model.scope),
    }


def _from_json(data: dict[str, Any]) -> Found:
    """What `_to_json` wrote."""
    from .documents import decision_from_json

    decisions = {}
    for each in data["decisions"]:
        decision = decision_from_json(each)
        decision.accepted = each["accepted"]
        decisions[decision.invariant] = decision
    return Found(decisions, data["notes"], data["scope"])


def _told(decision: Decision, note: str | None) -> str:
    """A finding as `poolproof check` tells it, and why an acceptance does not cover it."""
    from rich.console import Console

    from .console import LOG_WIDTH
    from .report import print_finding
    from .trace_files import show_trace

    text = StringIO()
    width = None if os.environ.get("COLUMNS") else LOG_WIDTH
    console = Console(file=text, width=width, markup=False, emoji=False, highlight=False, color_system=None)
    print_finding(console, decision, show_trace)
    if note is not None:
        console.print(f"\n{note}")
    return "\n".join(line.rstrip() for line in text.getvalue().strip().splitlines())


def _check_options(config: pytest.Config) -> tuple[int | None, int]:
    """The budget and the seed of the ini file.

    Refuses: what is not a whole number, a budget of nothing and a negative seed.
    """
    budget = _number(config, "poolproof_budget", 1)
    return budget, _number(config, "poolproof_seed", 0) or 0


def _number(config: pytest.Config, name: str, least: int) -> int | None:
    """A whole number of the ini file; None where there is none."""
    from poolproof.spec.errors import UsageError, shown_text

    text = str(config.getini(name)).strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 18 and int(text) >= least):
        raise UsageError(f"{shown_text(text)} is not a whole number from {least} on", name, "write one like 1000000")
    return int(text)
