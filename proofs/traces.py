"""Traces: a sequence of actions that shows a violation, as a file that replays alone.

A trace embeds the whole protocol.  Amounts are decimal strings.  A trace is data from strangers: reading
one runs no code, and ends in a ``Trace`` or in a ``UsageError`` that names the place, the value, the rule
and the cure.
"""

from __future__ import annotations

import json
import stat
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from poolproof.spec.action import Action, Domain
from poolproof.spec.errors import UsageError, shown, shown_path, shown_plain
from poolproof.spec.loading import read_protocol
from poolproof.spec.model import Model
from poolproof.spec.protocol import Protocol

from .snapshots import read_integer, require_keys, require_table, set_state

SCHEMA = "poolproof.trace/1"
"""What `schema` says: the format of a trace, and its version."""
LARGEST_TRACE = 2**24
"""Largest trace file, and its text where it is compressed [bytes]."""
_GZIP = b"\x1f\x8b"
"""How a file begins that is compressed."""
MOST_STEPS = 100_000
"""Most actions of one run."""
MOST_RUNS = 2
LARGEST_AMOUNT = 2**112
"""Largest number of a domain that sets no bound."""

Call: TypeAlias = tuple[Action, tuple[Any, ...]]
"""An action with its arguments, in the order of its domains."""


@dataclass(frozen=True, slots=True)
class TracedStep:
    """One action of a run, and how it ended: ``refusal`` is the reason's name where it did not complete."""

    action: str
    args: dict[str, Any]
    ok: bool = True
    refusal: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The step as JSON data."""
        args = {name: value if isinstance(value, str) else str(value) for name, value in self.args.items()}
        return {"action": self.action, "args": args, "ok": self.ok, "refusal": self.refusal}


@dataclass(frozen=True, slots=True)
class Violated:
    """Where a run breaks the invariant: after step ``step`` of run ``run`` (-1: in the initial state).

    ``values`` are texts by name: the clause, the market or account, the numbers; of a scenario, its
    arguments.
    """

    run: int
    step: int
    message: str
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Trace:
    """A violation of an invariant, from the initial state or from ``start``."""

    protocol: str
    config: dict[str, Any]
    invariant: str
    runs: list[list[TracedStep]]
    violation: Violated | None = None
    start: dict[str, Any] | None = None
    vary: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """The trace as JSON data, as `check` embeds it and a trace file holds it."""
        violation = self.violation
        return {
            "schema": SCHEMA,
            "protocol": self.protocol,
            "config": self.config,
            "invariant": self.invariant,
            "start": self.start,
            "runs": [[step.to_json() for step in run] for run in self.runs],
            "vary": self.vary,
            "violation": violation
            and {
                "run": violation.run,
                "step": violation.step,
                "message": violation.message,
                "values": violation.values,
            },
        }

    def parsed_protocol(self) -> Protocol:
        """The embedded protocol."""
        return read_protocol(self.config, f"{self.invariant} config")


def traced(action: Action, arguments: Iterable[Any], refusal: str | None = None) -> TracedStep:
    """An action that was carried out, as a step of a trace."""
    return TracedStep(action.name, dict(zip(action.domains, arguments, strict=True)), refusal is None, refusal)


def calls_of(trace: Trace, model: Model, run: int = 0) -> list[Call]:
    """The actions of a run with their arguments, refused ones included."""
    return [(model.action(step.action), tuple(step.args.values())) for step in trace.runs[run]]


def start_state(trace: Trace, model: Model) -> Any:
    """The state in which the runs of a trace begin."""
    state = model.build(trace.parsed_protocol())
    if trace.start is not None:
        set_state(state, trace.start, "start")
    return state


# --- reading ----------------------------------------------------------------------------------------------


def write_trace(trace: Trace, path: Path) -> None:
    """Write a trace file."""
    path.write_text(json.dumps(trace.to_json(), indent=1) + "\n", encoding="utf-8")


def read_trace(path: str | Path, find: Callable[[str], Model]) -> Trace:
    """Read a trace file, compressed with gzip or not; ``find`` gives the model of a name.

    Refuses: a path that is no regular file, a file above ``LARGEST_TRACE``, and what ``parse_trace`` refuses.
    """
    where = shown_path(str(path))
    try:
        status = Path(path).stat()
        if not stat.S_ISREG(status.st_mode):
            raise UsageError("this is not a regular file", where, "name the JSON file of a trace")
        if status.st_size > LARGEST_TRACE:
            raise UsageError(f"the file is larger than {LARGEST_TRACE} bytes", where, "shrink the trace first")
        content = _unpacked(Path(path).read_bytes(), where)
    except FileNotFoundError:
        raise UsageError("there is no such file", where, "check the path") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        cure = "check the path and its permissions"
        raise UsageError(f"the file cannot be read ({reason.lower()})", where, cure) from None
    return parse_trace(content, where, find)


def _unpacked(content: bytes, where: str) -> bytes:
    """The text of a file that may be compressed with gzip.

    Refuses: more than ``LARGEST_TRACE`` bytes of text, and what is cut or damaged.
    """
    if not content.startswith(_GZIP):
        return content
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        text = unpacker.decompress(content, LARGEST_TRACE + 1)
    except zlib.error:
        raise UsageError("the compressed file is damaged", where, "copy or record the trace again") from None
    if len(text) > LARGEST_TRACE:
        raise UsageError(f"the text is larger than {LARGEST_TRACE} bytes", where, "shrink the trace first")
    if not unpacker.eof:
        raise UsageError("the compressed file is cut", where, "copy or record the trace again")
    return text


def parse_trace(content: bytes | str, where: str, find: Callable[[str], Model]) -> Trace:
    """Read the text of a trace.

    Refuses: text that is not JSON (a truncated file, say), and what ``trace_from_json`` refuses.
    """
    try:
        data = json.loads(content if isinstance(content, str) else content.decode("utf-8"))
    except UnicodeDecodeError:
        raise UsageError("the file is not UTF-8 text", where, "save the trace as UTF-8") from None
    except json.JSONDecodeError as error:
        rule = f"line {error.lineno}, column {error.colno}: this is not JSON: {error.msg.lower()}"
        raise UsageError(rule, where, "the file may have been cut; record the trace again") from None
    except (RecursionError, ValueError):
        raise UsageError("the JSON nests too deeply or has a number of thousands of digits", where) from None
    return trace_from_json(data, where, find)


_KEYS = ("schema", "protocol", "config", "invariant", "start", "runs", "violation")


def trace_from_json(data: Any, where: str, find: Callable[[str], Model]) -> Trace:
    """Read a trace from JSON data.

    Refuses: another format, a missing or unknown key, an ill-formed protocol, an action or argument that
    the protocol's model does not have, an account or asset that the protocol does not have, a number that
    is not a plain decimal string or outside its domain.
    """
    require_table(data, where)
    if data.get("schema") != SCHEMA:
        rule = f"{shown(data.get('schema'))} is not a format that this version reads"
        raise UsageError(rule, f"{where}: schema", f'name a file with "schema": "{SCHEMA}"')
    require_keys(data, _KEYS, f"{where}: trace", optional=("vary", "version"))
    require_table(data["config"], f"{where}: config")
    protocol = read_protocol(data["config"], f"{where}: config")
    model = find(protocol.model).of(protocol)
    runs = data["runs"]
    if not isinstance(runs, list) or not 1 <= len(runs) <= MOST_RUNS:
        raise UsageError("this is not a list of one or two runs", f"{where}: runs", "record the trace again")
    reader = _StepReader(model, protocol, model.build(protocol))
    trace = Trace(
        protocol=_text(data["protocol"], f"{where}: protocol"),
        config=protocol.canonical_json(),
        invariant=_text(data["invariant"], f"{where}: invariant"),
        runs=[reader.run(run, f"{where}: runs[{position}]") for position, run in enumerate(runs)],
        start=data["start"],
        vary=_texts(data.get("vary", []), f"{where}: vary"),
    )
    if trace.start is not None:
        set_state(model.build(protocol), trace.start, f"{where}: start")
    trace.violation = _violation(data["violation"], trace.runs, f"{where}: violation")
    return trace


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value.isprintable():
        raise UsageError(f"{shown(value)} is not a line of text", where, "write a string")
    return value


def _texts(value: Any, where: str) -> list[str]:
    if not isinstance(value, list):
        raise UsageError(f"{shown(value)} is not a list", where, "write a list of strings")
    return [_text(entry, f"{where}[{position}]") for position, entry in enumerate(value)]


def _count(value: Any, least: int, below: int, where: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value < below:
        raise UsageError(f"{shown(value)} is not an integer from {least} to {below - 1}", where, "correct it")
    return value


def _violation(data: Any, runs: list[list[TracedStep]], where: str) -> Violated | None:
    if data is None:
        return None
    require_keys(data, ("run", "step", "message", "values"), where)
    run = _count(data["run"], 0, len(runs), f"{where}.run")
    step = _count(data["step"], -1, len(runs[run]), f"{where}.step")
    require_table(data["values"], f"{where}.values")
    values: dict[str, Any] = {}
    for name, value in data["values"].items():
        place = f"{where}.values.{shown_plain(name)}"
        if isinstance(value, dict):
            values[name] = {key: _text(entry, f"{place}.{shown_plain(key)}") for key, entry in value.items()}
        else:
            values[name] = _text(value, place)
    return Violated(run, step, _text(data["message"], f"{where}.message"), values)


class _StepReader:
    """Reads the steps of runs on one protocol."""

    def __init__(self, model: Model, protocol: Protocol, state: Any) -> None:
        self.actions = {action.name: action for action in model.actions}
        self.names = names_of(protocol, state)

    def run(self, data: Any, where: str) -> list[TracedStep]:
        if not isinstance(data, list):
            raise UsageError(f"{shown(data)} is not a list of steps", where, "write a list")
        if len(data) > MOST_STEPS:
            raise UsageError(f"a run of more than {MOST_STEPS} actions", where, "shrink the trace first")
        return [self.step(step, f"{where}[{position}]") for position, step in enumerate(data)]

    def step(self, data: Any, where: str) -> TracedStep:
        require_keys(data, ("action", "args", "ok", "refusal"), where)
        name = data["action"]
        action = self.actions.get(name) if isinstance(name, str) else None
        if action is None:
            cure = f"write one of {', '.join(self.actions)}"
            raise UsageError(f"{shown(name)} is not an action of this model", f"{where}.action", cure)
        require_keys(data["args"], tuple(action.domains), f"{where}.args")
        args = {
            argument: self.argument(data["args"][argument], domain, f"{where}.args.{argument}")
            for argument, domain in action.domains.items()
        }
        refusal = data["refusal"]
        if not isinstance(data["ok"], bool) or data["ok"] != (refusal is None):
            rule = "a step is ok exactly when it has no refusal"
            raise UsageError(rule, f"{where}.ok", "write true and null, or false and the refusal's name")
        return TracedStep(action.name, args, data["ok"], refusal and _text(refusal, f"{where}.refusal"))

    def argument(self, value: Any, domain: Domain, where: str) -> Any:
        return read_argument(value, domain, self.names, where)


NOUNS = {"user": "a user", "asset": "an asset", "pool": "a pool"}
"""What the names are that an action takes."""


def names_of(protocol: Protocol, state: Any) -> dict[str, tuple[str, ...]]:
    """The names that an argument may take, by the kind of its domain; a system's markets are named "pool/asset"."""
    return {"user": protocol.users, "asset": tuple(state.markets), "pool": tuple(getattr(state, "pools", ()))}


def read_argument(value: Any, domain: Domain, names: dict[str, tuple[str, ...]], where: str) -> str | int:
    """Read one argument of an action from its text.

    Refuses: an unknown account, asset or pool, a number that is not a plain decimal string or not in its domain.
    """
    if not domain.is_number:
        known = names[domain.kind]
        if value not in known:
            raise UsageError(
                f"{shown(value)} is not {NOUNS[domain.kind]} of the protocol", where, f"write one of {', '.join(known)}"
            )
        return str(value)
    number = read_integer(value, where, signed=False)
    high = LARGEST_AMOUNT if domain.high is None else domain.high
    if not domain.low <= number <= high:
        raise UsageError(f"{number} is not between {domain.low} and {high}", where, "write a number in that range")
    return number
