"""What counts as evidence, and for what: the keys under which decisions and answers are kept.

Two levels.  A decision is kept under a digest of the sources that it rests on, so that a later run needs
neither the solver nor the symbolic reading.  Below it, the answer to each obligation is kept under its text,
its budget and the solver's version, so that an edit elsewhere costs no solving.

A theorem, a claim proved by induction over the whole admissible region, serves every protocol inside the
region.  Everything else is about one protocol with the options that were given.  What was not decided is not
kept: it would end the next attempt before it began.
"""

from __future__ import annotations

import importlib
import inspect
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib import metadata
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from poolproof.proofs.tasks import Result, Task
from poolproof.proofs.verdicts import Decision, Verdict
from poolproof.spec.invariant import Catalogue
from poolproof.spec.model import Model
from poolproof.spec.protocol import Protocol

from .cache import Cache
from .documents import decision_from_json, decision_to_json

ENGINE_PACKAGES = ("poolproof.spec", "poolproof.models", "poolproof.invariants", "poolproof.proofs")
"""Whose sources every decision rests on, those of the model and of the invariants themselves apart."""

_DISTRIBUTIONS = {"z3": "z3-solver", "cvc5": "cvc5"}
_KEPT = (Verdict.PROVED, Verdict.REFUTED, Verdict.HOLDS_TO_DEPTH)


@cache
def solver_version(solver: str) -> str:
    """The installed version of the solver behind a strategy: `z3-simple` is one of z3's."""
    try:
        return metadata.version(_DISTRIBUTIONS[solver.partition("-")[0]])
    except (KeyError, metadata.PackageNotFoundError):
        return "none"


def sources_digest(model: Model, catalogue: Catalogue) -> str | None:
    """A digest of every source file that a decision can depend on; None where a source cannot be read.

    Coarse on purpose: whole folders, and the whole package of a model that is not built in, so that no
    import can be overlooked.  Line ends are normalised, because a checkout may change them.

    Limits: a model's imports from a third distribution are not seen.
    """
    modules = {each.__module__ for each in (model.build, model.accrue, model.admissible, model.market) if each}
    modules |= {action.run.__module__ for action in model.actions}
    modules |= {clause.check.__module__ for invariant in catalogue for clause in invariant.clauses}
    digest = sha256()
    try:
        for invariant in catalogue:
            clauses = ",".join(clause.name for clause in invariant.clauses)
            digest.update(f"{invariant.id}/{invariant.claim}/{clauses}\0".encode())
        homes = {(package, False) for package in ENGINE_PACKAGES}.union(*map(_homes_of, modules))
        for folder, recursive in sorted(homes):
            for name, content in _sources(folder, recursive=recursive):
                digest.update(f"{folder}/{name}\0{len(content)}\0".encode())
                digest.update(content)
    except (ImportError, OSError, TypeError):
        return None
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Options:
    """What a user may ask that can change what is decided; ``state`` is the state to start from, as JSON."""

    engines: tuple[str, ...] = ()
    budget: int | None = None
    seed: int = 0
    second_opinion: bool = False
    state: dict[str, Any] | None = None


class Evidence:
    """The evidence for one check of one protocol; ``new_answers`` counts what was added for later runs."""

    def __init__(self, cache: Cache, model: Model, catalogue: Catalogue, protocol: Protocol, options: Options) -> None:
        self.cache = cache
        self.new_answers = 0
        self._theorem: list[Any] | None = None
        self._case: list[Any] | None = None
        digest = sources_digest(model, catalogue)
        if digest is None:
            return
        solvers = ("z3", "cvc5") if options.second_opinion else ("z3",)
        ground = [model.name, digest, [solver_version(one) for one in solvers]]
        engines = sorted(set(options.engines))
        inside = all(holds for _, holds in model.admissible(model.build(protocol)))
        if inside and options.state is None and (not engines or "prove" in engines):
            self._theorem = ["theorem", *ground]
        asked = [engines, options.budget, options.seed, options.second_opinion, options.state]
        self._case = ["case", *ground, protocol.canonical_json(), *asked]

    def decision(self, invariant: str, *, whole: bool = True) -> Decision | None:
        """The decision that is kept, as a theorem or for this very case.

        ``whole``: with its obligations, which take longer to read than all the rest.
        """
        for ground in (self._theorem, self._case):
            if ground is None:
                continue
            key = _key(invariant, ground)
            data = self.cache.get("decision", key)
            if data is None:
                continue
            try:
                obligations: Any = self.cache.get("obligations", key) if whole else {"obligations": []}
                return decision_from_json({**data, **obligations})
            except (KeyError, TypeError, ValueError):
                continue  # written by nothing of ours: decide it again
        return None

    def keep(self, decision: Decision) -> None:
        """Keep a decision, a theorem for all protocols of the region."""
        is_theorem = decision.verdict is Verdict.PROVED and decision.engine == "prove"
        ground = self._theorem if is_theorem and self._theorem is not None else self._case
        if ground is not None and decision.verdict in _KEPT:
            key, data = _key(decision.invariant, ground), decision_to_json(decision)
            self.cache.put("obligations", key, {"obligations": data.pop("obligations")})
            self.cache.put("decision", key, data)

    def answer(self, task: Task) -> Result | None:
        """The answer to an obligation that is kept."""
        data = self.cache.get("outcome", answer_key(task))
        if not isinstance(data, dict) or data.get("status") not in ("unsat", "sat", "unknown"):
            return None
        return Result(
            task.key,
            data["status"],
            solver=data.get("solver"),
            seconds=float(data.get("seconds", 0.0)),
            reason=data.get("reason"),
            model=data.get("model"),
            cached=True,
        )

    def keep_answer(self, task: Task, result: Result) -> None:
        """Keep an answer that tells of the text, not of this run's circumstances."""
        if not result.evidence:
            return
        data = {
            "status": result.status,
            "solver": result.solver,
            "seconds": round(result.seconds, 3),
            "reason": result.reason,
            "model": result.model,
        }
        kept = {key: value for key, value in data.items() if value is not None}
        if self.cache.put("outcome", answer_key(task), kept):
            self.new_answers += 1


def answer_key(task: Task) -> str:
    """The digest of a task's text, its budget, and the solvers that may answer, with their versions."""
    solvers = [[solver, solver_version(solver)] for solver in task.solvers]
    return _digest([task.key, task.budget, solvers])


def _key(invariant: str, ground: list[Any]) -> str:
    return _digest([invariant, ground])


def _digest(data: Any) -> str:
    return sha256(json.dumps(data, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _homes_of(module: str) -> Iterator[tuple[str, bool]]:
    """Where a module's sources are: its folder and those above it, or the whole package of one that is not built in."""
    if not module.startswith("poolproof."):
        yield module.partition(".")[0], True
        return
    folder = module if hasattr(sys.modules[module], "__path__") else module.rpartition(".")[0]
    while folder != "poolproof":
        yield folder, False
        folder = folder.rpartition(".")[0]


def _sources(module: str, *, recursive: bool) -> Iterator[tuple[str, bytes]]:
    """The Python files of a package by name, in its folder or also below it; of a module, the one file."""
    if not hasattr(importlib.import_module(module), "__path__"):
        yield f"{module}.py", inspect.getsource(sys.modules[module]).encode()
        return
    pending: list[tuple[str, Traversable]] = [("", files(module))]
    while pending:
        prefix, folder = pending.pop()
        for entry in sorted(folder.iterdir(), key=lambda each: each.name):
            if entry.name.endswith(".py"):
                yield prefix + entry.name, entry.read_bytes().replace(b"\r\n", b"\n")
            elif recursive and entry.is_dir():
                pending.append((f"{prefix}{entry.name}/", entry))
