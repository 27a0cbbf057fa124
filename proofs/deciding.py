"""Deciding: from obligations to verdicts.

Each obligation climbs a ladder of slices and strategies until one decides it.  An invariant is proved when all its
obligations are, and everything that they rest on is.  What is not proved is attacked: by random runs, by a symbolic
search and by small worlds, until a trace from the initial state shows it false.  A first short attack comes before the
proofs: what is plainly false costs none.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from poolproof.models.isolated_pool import TREASURY, Pool
from poolproof.spec.errors import UsageError
from poolproof.spec.invariant import Catalogue, Invariant
from poolproof.spec.loading import load_protocol
from poolproof.spec.model import Model
from poolproof.spec.protocol import Protocol

from . import registry
from .attack import Attack
from .clauses import CUT
from .fuzz import initial_state
from .generation import Found, Generate, Part, found_in
from .induction import Obligation
from .inductions import Inductions
from .progress import Event, Listener
from .smt import FROM_CUTS, text_of
from .snapshots import state_to_json
from .tasks import Result, Submit, Task
from .traces import Trace
from .verdicts import Decision, Outcome, Verdict
from .witnesses import Witnesses

ENGINES = ("prove", "search", "explore", "fuzz", "crosshair")
"""The engines that can be named; all but crosshair take part unless some are."""
CVC5_SHARE = 50
"""One unit of cvc5's resources is this many of z3's, about."""
ASSUMED = ("region:", "environment:", "horizon:", "arguments:")
"""How the tags of hypotheses begin that are neither lemmas nor definitions: every one of them is printed."""
PLAIN = "plain"
"""The name under which a verdict lists what needed no solver: both sides are the same polynomial."""
DEFAULT_BUDGET = 1_000_000
"""The unit of the rungs' shares: solver resources."""


@dataclass(frozen=True, slots=True)
class Rung:
    """One attempt: which slice, read how, with which part of the budget, by which strategy."""

    rounds: int | None
    linear: bool
    share: float
    strategy: str


LADDER = (
    Rung(0, linear=True, share=0.02, strategy="z3-light"),
    Rung(FROM_CUTS, linear=True, share=0.03, strategy="z3-light"),
    Rung(0, linear=False, share=0.03, strategy="z3-light"),
    Rung(1, linear=True, share=0.05, strategy="z3-light"),
    Rung(FROM_CUTS, linear=False, share=0.1, strategy="z3-light"),
    Rung(1, linear=False, share=0.15, strategy="z3-light"),
    Rung(None, linear=False, share=0.3, strategy="z3-light"),
    Rung(0, linear=False, share=0.3, strategy="z3-nla"),
    Rung(None, linear=False, share=1.0, strategy="z3"),
    Rung(1, linear=False, share=2.0, strategy="z3-simple"),
    Rung(None, linear=False, share=10.0, strategy="z3"),
)
"""From the smallest text to the whole one; a slice that is satisfiable proves nothing, only the whole text refutes."""


@dataclass(slots=True)
class Pending:
    """An obligation on its way up the ladder."""

    obligation: Obligation
    owners: tuple[str, ...]
    outcome: Outcome | None = None
    last: Result | None = None
    without_cuts: bool = False
    seconds: float = 0.0
    uses: tuple[str, ...] = ()
    rung: Rung | None = None

    def text(self, rung: Rung) -> tuple[str, tuple[str, ...]]:
        """The text of an attempt, and the tags of the hypotheses in it."""
        goal = without(self.obligation.goal) if self.without_cuts else self.obligation.goal
        return text_of(goal, rung.rounds, linear=rung.linear)


Tried: TypeAlias = defaultdict[int, set[tuple[str, str]]]
"""By obligation: the texts that were tried, by their digests, with the strategies."""


@dataclass(slots=True)
class Proof:
    """What induction found of one invariant."""

    outcomes: list[Outcome] = field(default_factory=list)
    uses: set[str] = field(default_factory=set)
    failed: list[Pending] = field(default_factory=list)
    reason: str | None = None


def decide(
    protocol: Protocol,
    *,
    only: tuple[str, ...] = (),
    engines: tuple[str, ...] = (),
    budget: int | None = None,
    seed: int = 0,
    submit: Submit,
    on_event: Listener = lambda _: None,
    state: dict[str, Any] | None = None,
    second_opinion: bool = False,
    find: Callable[[str], tuple[Model, Catalogue]] | None = None,
    generate: Generate | None = None,
) -> list[Decision]:
    """The verdicts on the invariants named, or on all.

    ``submit`` answers solver tasks; ``generate`` finds obligations elsewhere than in this process; ``state`` starts the
    concrete engines elsewhere than at the initial state.
    Refuses: an unknown engine.
    """
    for engine in engines:
        if engine not in ENGINES:
            raise UsageError(f'"{engine}" is not an engine', "--engine", f"name one of {', '.join(ENGINES)}")
    model, catalogue = registry.of(protocol, find)
    chosen = [invariant for invariant in catalogue if not only or invariant.id in only]
    attack = Attack(model, protocol, engines, seed, state, on_event)
    outside = attack.outside_region()
    initial = initial_state(model, protocol, state)
    proofs: dict[str, Proof] = {}
    decisions: list[Decision] = []
    for invariant, found in attack.at_first(chosen):
        decisions.append(undecided(invariant, protocol, None, found, {}, outside, initial))
        on_event(Event(found.engine, len(decisions), len(chosen), decisions[-1]))
    false = {decision.invariant for decision in decisions}
    asked, chosen = len(chosen), [invariant for invariant in chosen if invariant.id not in false]
    readable = [invariant for invariant in chosen if not invariant.counterexamples]
    if readable and (not engines or "prove" in engines):
        lemmas = {i.id for i in catalogue if any(c.lemma for c in i.clauses)}
        wanted = ({i.id for i in readable} | lemmas) - false
        prover = Prover(model, catalogue, wanted, budget or DEFAULT_BUDGET, submit, on_event, second_opinion, outside)
        if generate is not None and find is None:
            prover.found_by(generate, protocol)
        try:
            proofs = prover.prove()
        except KeyboardInterrupt:
            announce(prover.so_far(), outside, chosen, catalogue, on_event)
            raise
        proofs |= {name: Proof(reason="it is refuted") for name in lemmas & false}
        attack.base_case(prover.induction.lemmas, proofs)
    unsupported = failing(proofs, outside)
    shown_by = protocol if model.example is None else load_protocol(model.example)
    witnesses = Witnesses(model, shown_by, readable, seed) if proofs else None
    open_ones: list[Invariant] = []
    for invariant in chosen:
        proof = proofs.get(invariant.id)
        if proof is None or invariant.id in unsupported:
            open_ones.append(invariant)
            continue
        decision = proved(invariant, proof, catalogue, witnesses)
        decisions.append(decision)
        on_event(Event("prove", len(decisions), asked, decision))
    hints = {
        i.id: tuple(dict.fromkeys(name for p in proofs[i.id].failed for name in named_by(p.obligation)))
        for i in open_ones
        if i.id in proofs
    }
    for invariant, found in attack.on(open_ones, hints):
        decision = undecided(invariant, protocol, proofs.get(invariant.id), found, unsupported, outside, initial)
        decisions.append(decision)
        on_event(Event(found.engine, len(decisions), asked, decision))
    return decisions


def named_by(obligation: Obligation) -> tuple[str, str]:
    """The action and the clause of an obligation, for who looks for a run."""
    return obligation.action, re.split(r"\W", obligation.clause, maxsplit=1)[0]


def announce(
    proofs: dict[str, Proof],
    outside: list[str],
    chosen: list[Invariant],
    catalogue: Catalogue,
    on_event: Listener,
) -> None:
    """Tell what was decided before an interrupt."""
    unsupported = failing(proofs, outside)
    done = [invariant for invariant in chosen if invariant.id not in unsupported]
    for number, invariant in enumerate(done, start=1):
        on_event(Event("prove", number, len(chosen), proved(invariant, proofs[invariant.id], catalogue, None)))


def failing(proofs: dict[str, Proof], outside: list[str]) -> dict[str, str]:
    """The invariants that are not proved here, with why: their own obligations, the region, or what they rest on."""
    failed: dict[str, str] = {}
    for name, proof in proofs.items():
        if proof.failed or proof.reason:
            needs = f"; the theorem needs {', '.join(outside)}" if outside else ""
            failed[name] = f"{proof.reason or 'not inductive'}{needs}"
    grown = True
    while grown:
        grown = False
        for name, proof in proofs.items():
            if name not in failed and (missing := proof.uses & failed.keys()):
                failed[name] = f"rests on {', '.join(sorted(missing))}, which is not proved"
                grown = True
    return failed


def proved(invariant: Invariant, proof: Proof, catalogue: Catalogue, witnesses: Witnesses | None) -> Decision:
    """The decision on an invariant all of whose obligations hold; vacuous if nothing shows that it is about something."""
    lemmas = tuple(sorted(name for name in proof.uses if name in catalogue and name != invariant.id))
    assumed = tuple(sorted(name for name in proof.uses if name.startswith(ASSUMED)))
    missing = witnesses.missing(invariant) if witnesses is not None else ()
    verdict, reason = Verdict.PROVED, None
    if missing:
        verdict, reason = Verdict.VACUOUS, f"no run was found that it speaks of: {', '.join(missing)}"
    return Decision(
        invariant.id, invariant.claim, invariant.kind, verdict, "prove",
        assumes=tuple(dict.fromkeys((*invariant.assuming, *assumed))), lemmas=lemmas,
        seconds=sum(outcome.seconds for outcome in proof.outcomes), obligations=proof.outcomes, reason=reason,
    )  # fmt: skip


def undecided(
    invariant: Invariant,
    protocol: Protocol,
    proof: Proof | None,
    found: Any,
    unsupported: dict[str, str],
    outside: list[str],
    initial: Any,
) -> Decision:
    """The decision on an invariant that is not proved: refuted by a trace, held to a depth, or unknown with the reason."""
    decision = Decision(
        invariant.id, invariant.claim, invariant.kind, Verdict.UNKNOWN, found.engine,
        assumes=invariant.assuming, seconds=found.seconds, obligations=proof.outcomes if proof else [],
    )  # fmt: skip
    if found.trace is not None:
        decision.verdict, decision.trace = Verdict.REFUTED, found.trace.to_json()
        decision.depth = max(len(run) for run in found.trace.runs)
        return decision
    if found.depth is not None:
        decision.verdict, decision.depth = Verdict.HOLDS_TO_DEPTH, found.depth
    known_false = "it comes with runs that violate it elsewhere, so nothing tries to prove it; here none of them does"
    reasons = [known_false] if invariant.counterexamples else []
    reasons += [f"outside the admissible region: {', '.join(outside)}"] if outside and not proof else []
    reasons += [unsupported[invariant.id]] if invariant.id in unsupported else []
    if proof is not None and proof.failed:
        first = proof.failed[0]
        where = f"{first.obligation.action} [{first.obligation.case}], {first.obligation.clause}"
        status = first.last.status if first.last else "unknown"
        reasons.append(f"the induction fails at {where}: {status}; no run from the initial state was found")
        if first.last is not None and first.last.model and isinstance(initial, Pool):
            decision.trace = pre_state(invariant, protocol, initial, first)
            reasons.append("the state before is attached")
    decision.reason = "; ".join([*reasons, *found.reasons]) or "no engine decided it"
    return decision


def pre_state(invariant: Invariant, protocol: Protocol, initial: Any, failed: Pending) -> dict[str, Any]:
    """The state from which an induction fails, as the solver gave it, in place of a trace's start.

    Its markets take the places of the protocol's first ones, its accounts those of the users.
    """
    model = (failed.last.model or {}) if failed.last else {}
    start = state_to_json(initial)
    start |= {name: str(model[name]) for name in initial.scalars if name in model}
    assets, users = iter(initial.markets), iter(protocol.users)
    place: dict[str, str] = {}
    person: dict[str, str] = {}
    for name, value in sorted(model.items()):
        symbolic, _, rest = name.partition(".")
        ledger, _, account = rest.partition("[")
        if symbolic not in place and rest in ("cash", "price"):
            place[symbolic] = next(assets, "")
        asset = place.get(symbolic)
        if not asset:
            continue
        feed, market = start["feeds"][asset], start["markets"][asset]
        if rest in market and isinstance(market[rest], str):
            market[rest] = str(value)
        elif rest in feed:
            feed[rest] = str(value)
        elif account and ledger in market:
            owner = account.rstrip("]")
            if not owner.startswith("pool:") and owner not in person:
                person[owner] = owner if owner == TREASURY else next(users, owner)
            entry = bool(value) if ledger == "entered" else str(value)
            market[ledger][person.get(owner, next(k for k in market["tokens"] if ":" in k))] = entry
    return Trace(protocol.name, protocol.canonical_json(), invariant.id, [[]], start=start).to_json()


class Prover:
    """Runs the obligations of the invariants wanted, and of what they rest on, up the ladder."""

    def __init__(
        self,
        model: Model,
        catalogue: Catalogue,
        wanted: set[str],
        budget: int,
        submit: Submit,
        on_event: Listener,
        second_opinion: bool,
        outside: list[str],
    ) -> None:
        self.induction, self.dropped = Inductions(model, catalogue, dropped=outside), tuple(outside)
        self.catalogue, self.wanted, self.budget = catalogue, wanted, budget
        self.submit, self.on_event, self.second_opinion = submit, on_event, second_opinion
        self.pending: list[Pending] = []
        self.climbing: list[Pending] = []
        self.plain: set[tuple[str, str]] = set()
        self.generated = False
        units = list(self.induction.units(lambda invariant: invariant.id in wanted))
        self.parts = len(units)
        self.found: Iterable[Found] = map(found_in, units)

    def found_by(self, generate: Generate, protocol: Protocol) -> None:
        """Let the obligations be found elsewhere, of the model that the protocol names."""
        wanted, dropped = frozenset(self.wanted), self.dropped
        self.found = generate([Part(protocol, wanted, dropped, position) for position in range(self.parts)])

    def prove(self) -> dict[str, Proof]:
        """What induction finds of each invariant wanted."""
        proofs = {invariant.id: Proof() for invariant in self.catalogue if invariant.id in self.wanted}
        self.pending = pending = []
        self.plain = plain = set()
        for number, found in enumerate(self.found, start=1):
            pending += [Pending(each, tuple(each.invariant.split("+"))) for each in found.obligations]
            plain |= found.plain
            if found.problem is not None:
                for proof in proofs.values():
                    proof.reason = found.problem
            self.on_event(Event("obligations", number, self.parts))
        self.generated = True
        self._climb(pending)
        broken_cuts = {(p.owners, p.obligation.action) for p in pending if p.outcome is None and is_cut(p)}
        if broken_cuts:
            again = [p for p in pending if CUT in p.uses or p.outcome is None]
            for each in again:
                each.without_cuts, each.outcome, each.uses = True, None, ()
            self._climb([each for each in again if not is_cut(each)])
            pending = [each for each in pending if not (is_cut(each) and each.outcome is None)]
        if self.second_opinion:
            self._ask_again(pending)
        self.pending = pending
        return self._noted(proofs)

    def so_far(self) -> dict[str, Proof]:
        """What is known at this moment: an obligation that was not decided counts as failed."""
        proofs = {invariant.id: Proof() for invariant in self.catalogue if invariant.id in self.wanted}
        if not self.generated:
            for proof in proofs.values():
                proof.reason = "interrupted"
        return self._noted(proofs)

    def _noted(self, proofs: dict[str, Proof]) -> dict[str, Proof]:
        for name, action in sorted(self.plain):
            if name in proofs:
                proofs[name].outcomes.append(Outcome(action, Verdict.PROVED, PLAIN))
        for each in self.pending:
            self._note(each, proofs)
        return proofs

    def _climb(self, pending: list[Pending]) -> None:
        """Let every obligation climb the ladder: first one of each clause and action, then the others.

        The others begin where the first one was decided: what bears on a claim is mostly the same in all its cases.
        """
        self.climbing = [each for each in pending if each.outcome is None]
        tried: Tried = defaultdict(set)
        first, *above = LADDER
        groups: dict[tuple[str, str], list[Pending]] = defaultdict(list)
        for each in self._attempt(first, self.climbing, tried):
            groups[each.obligation.clause, each.obligation.action].append(each)
        leaders = [group[0] for group in groups.values()]
        for rung in above:
            leaders = self._attempt(rung, leaders, tried)
        for rung in above:
            self._attempt(
                rung, [each for group in groups.values() if group[0].rung is rung for each in group[1:]], tried
            )
        left = [each for group in groups.values() for each in group if each.outcome is None and not refuted(each)]
        for rung in above:
            left = self._attempt(rung, left, tried)
        self._tell("prove")

    def _tell(self, stage: str) -> None:
        """Tell how many obligations are decided."""
        decided = sum(each.outcome is not None or refuted(each) for each in self.climbing)
        self.on_event(Event(stage, decided, len(self.climbing)))

    def _attempt(self, rung: Rung, those: list[Pending], tried: Tried) -> list[Pending]:
        """Try one rung; what is neither proved nor refuted after it."""
        if not those:
            return []
        self._tell("prove")
        asked: list[tuple[Pending, tuple[str, ...]]] = []
        for (each, tags), result in zip(asked, self.submit(self._tasks(those, rung, tried, asked)), strict=True):
            each.seconds += result.seconds
            if result.status == "unsat":
                each.uses, each.rung = tags, rung
                each.outcome = Outcome(
                    each.obligation.action, Verdict.PROVED, result.solver, each.seconds, result.cached,
                    uses=tags, digest=result.key,
                )  # fmt: skip
            elif rung.rounds is None and not rung.linear:
                each.last = result
        return [each for each in those if each.outcome is None and not refuted(each)]

    def _tasks(
        self,
        left: list[Pending],
        rung: Rung,
        tried: Tried,
        asked: list[tuple[Pending, tuple[str, ...]]],
    ) -> Iterator[Task]:
        """The tasks of a rung, each made when it is asked for and noted then with the tags of its hypotheses."""
        for each in left:
            if rung.rounds == FROM_CUTS and (each.without_cuts or not has_cuts(each)):
                continue
            text, tags = each.text(rung)
            task = Task.of(text, int(self.budget * rung.share), (rung.strategy,))
            if (task.key, rung.strategy) not in tried[id(each)]:
                tried[id(each)].add((task.key, rung.strategy))
                asked.append((each, tags))
                yield task

    def _ask_again(self, pending: list[Pending]) -> None:
        """Put every text that z3 proved to cvc5; a contradiction is an unknown, an unknown changes nothing."""
        proved_ones = [(each, each.rung) for each in pending if each.outcome is not None and each.rung is not None]
        tasks = (Task.of(each.text(rung)[0], self.budget // CVC5_SHARE, ("cvc5",)) for each, rung in proved_ones)
        for (each, _), result in zip(proved_ones, self.submit(tasks), strict=True):
            if each.outcome is None:
                continue
            if result.status == "sat":
                each.outcome = None
                each.last = Result(result.key, "unknown", reason="z3 and cvc5 contradict each other")
            elif result.status == "unsat":
                each.outcome.solver = f"{each.outcome.solver}+cvc5"

    def _note(self, each: Pending, proofs: dict[str, Proof]) -> None:
        outcome = each.outcome
        if outcome is None:
            last = each.last
            outcome = Outcome(
                each.obligation.action, Verdict.UNKNOWN, last.solver if last else None, each.seconds,
                reason=f"{each.obligation.clause} [{each.obligation.case}]: "
                + (last.reason or last.status if last else "no attempt decided it"),
                pre_state=dict(last.model) if last and last.model else None,
            )  # fmt: skip
        for owner in each.owners:
            if owner in proofs:
                proofs[owner].outcomes.append(outcome)
                proofs[owner].uses |= set(each.uses)
                if each.outcome is None:
                    proofs[owner].failed.append(each)


def refuted(each: Pending) -> bool:
    """Whether the whole text was satisfiable: climbing on is useless."""
    return each.last is not None and each.last.status == "sat"


def is_cut(each: Pending) -> bool:
    """Whether the obligation is an intermediate claim of a proof."""
    return each.obligation.cut


def has_cuts(each: Pending) -> bool:
    """Whether intermediate claims stand among the facts."""
    return any(fact.tag == CUT for fact in each.obligation.goal.facts)


def without(goal: Any) -> Any:
    """The goal without intermediate claims among its facts."""
    from .paths import Goal

    return Goal(
        goal.node,
        goal.name,
        tuple(fact for fact in goal.facts if fact.tag != CUT),
        goal.conditions,
        goal.atoms,
        goal.cut,
    )
