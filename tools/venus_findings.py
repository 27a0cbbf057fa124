"""Write docs/findings/venus.md: each claim that is false of a deployed Venus pool, with the trace that shows it.

python tools/venus_findings.py             the document, from the golden traces
python tools/venus_findings.py --traces    the golden traces first, found anew
python tools/venus_findings.py --evm       what the contracts' bytecode confirms of them first
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

from venus_losses import Done, Noting, by_last_step

from poolproof.invariants.deployed.venus import VENUS as CATALOGUE
from poolproof.models.deployed.venus.model import VENUS
from poolproof.models.deployed.venus.rewards import REWARD_ACTIONS
from poolproof.proofs import registry
from poolproof.proofs.campaign import initial_state
from poolproof.proofs.counterexamples import counterexample, tried
from poolproof.proofs.replay import ReplayedStep, ReplayReport, recorded_scenario, replay
from poolproof.proofs.traces import Trace, calls_of, read_trace, start_state, traced
from poolproof.proofs.trial import run_scenario
from poolproof.spec.action import perform
from poolproof.spec.invariant import Invariant
from poolproof.spec.loading import load_protocol
from poolproof.spec.protocol import Protocol, VTokenConfig
from poolproof.timeline import Units, decimal, percent, sentence

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "findings" / "venus.md"
TEXTS = Path(__file__).with_suffix(".toml")
GOLDEN = ROOT / "tests" / "golden" / "venus"
CONFIRMED = GOLDEN / "confirmed.json"
PROTOCOL = "venus-bsc-liquid-staked-bnb"
POOLS = tuple(
    f"venus-bsc-{name}"
    for name in ("btc", "defi", "gamefi", "liquid-staked-bnb", "liquid-staked-eth", "meme", "stablecoins", "tron")
)
CLASSES = {
    "money": "Money that others lose",
    "stuck": "Money or actions that are stuck",
    "rounding": "Roundings and bookkeeping",
}
"""The classes of findings, the gravest first."""
SMALL = ("bound", "dust")
"""The natures of findings whose runs have made-up prices or times: their figures at full size would say nothing."""
MOST_DIGITS = 3


@dataclass(frozen=True)
class Texts:
    """What is written by hand of one finding."""

    severity: str
    nature: str
    line: str
    """What is wrong."""
    loser: str
    """Who loses, or is stopped, in a few words."""
    bears: str
    """Who bears it, and how it grows."""
    when: str
    """Under which parameters and in which states it happens."""


@dataclass(frozen=True)
class Finding:
    """One false claim with its trace."""

    invariant: Invariant
    texts: Texts
    trace: Trace
    confirmed: dict[str, Any]


# --- what there is -------------------------------------------------------------------------------------------------


def refuted() -> list[Invariant]:
    """The claims that come with a run that violates them."""
    return [invariant for invariant in CATALOGUE if invariant.counterexamples]


def golden(name: str) -> Path:
    """The file of a golden trace."""
    return GOLDEN / f"{name}.json.gz"


def read_golden(name: str) -> Trace:
    """A golden trace."""
    return read_trace(golden(name), lambda model: registry.find(model)[0])


def write_traces() -> None:
    """Find the trace of each claim anew."""
    protocol = load_protocol(PROTOCOL)
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for invariant in refuted():
        found = tried(VENUS, protocol, invariant)
        if found is None:
            message = f"no run of {invariant.id} violates it in {PROTOCOL}"
            raise SystemExit(message)
        text = json.dumps(found.to_json(), separators=(",", ":")).encode()
        golden(invariant.id).write_bytes(gzip.compress(text, mtime=0))


def write_confirmations() -> None:
    """Run each golden trace on the contracts."""
    from poolproof.evm.confirm import confirm  # noqa: PLC0415  # needs the extra

    told = {invariant.id: confirm(read_golden(invariant.id)).to_json() for invariant in refuted()}
    CONFIRMED.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def findings() -> list[Finding]:
    """Every finding, the gravest class first.

    Refuses: a false claim without a text, a text without a false claim.
    """
    texts = {name: Texts(**of) for name, of in tomllib.loads(TEXTS.read_text(encoding="utf-8")).items()}
    confirmed = json.loads(CONFIRMED.read_text(encoding="utf-8"))
    if odd := set(texts) ^ {invariant.id for invariant in refuted()}:
        message = f"{TEXTS.name} and the catalogue differ in {', '.join(sorted(odd))}"
        raise SystemExit(message)
    found = [Finding(each, texts[each.id], read_golden(each.id), confirmed[each.id]) for each in refuted()]
    return sorted(found, key=lambda each: ([*CLASSES].index(each.texts.severity), each.invariant.id))


def as_written(name: str) -> dict[str, Fraction]:
    """What the last step changes of the run that the trace was made from [dollars]."""
    initial = initial_state(VENUS, pool_of(PROTOCOL), None)
    found = counterexample(VENUS, pool_of(PROTOCOL), CATALOGUE[name], initial)
    return {} if found is None or found.scenario is not None else by_last_step(initial, found.calls)


@cache
def pool_of(name: str) -> Protocol:
    """A shipped pool."""
    return load_protocol(name)


def found_on(invariant: Invariant) -> list[str]:
    """The shipped pools on which a run of the claim violates it."""
    return [name for name in POOLS if shown_false(invariant, pool_of(name))]


def shown_false(invariant: Invariant, protocol: Protocol) -> bool:
    """Whether a run of the claim violates it there."""
    return counterexample(VENUS, protocol, invariant, initial_state(VENUS, protocol, None)) is not None


# --- figures in words ----------------------------------------------------------------------------------------------


def dollars(amount: Fraction) -> str:
    """An amount with its sign: to the cent, or its first digits where it is less than a cent."""
    sign = "+" if amount > 0 else "-"
    size = abs(amount)
    if size >= Fraction(1, 100):
        return f"{sign}{float(size):,.2f} USD"
    return f"{sign}{float(size):.{MOST_DIGITS - 1}e} USD"


def parties(changed: dict[str, Fraction]) -> str:
    """Who has more and who has less, in one line."""
    return ", ".join(f"{party} {dollars(amount)}" for party, amount in changed.items())


def change_lines(units: Units, step: ReplayedStep) -> Iterator[str]:
    """What a step changed, each market or record in a line."""
    places: dict[str, list[str]] = {}
    for change in step.changes:
        place = change.path[1] if len(change.path) > 2 else ""
        if change.path[2:3] == ("underlying",) and change.path[3:] == (place,):
            continue  # the market's own tokens: its cash
        where = list(change.path[2:] or change.path)
        old, new = units.field(change.path, change.old), units.field(change.path, change.new)
        field = " of ".join((where[0].replace("_", " "), *where[1:]))
        places.setdefault(place, []).append(f"{field} {old} -> {new}")
    for place, parts in places.items():
        yield f"{place}: {'; '.join(parts)}" if place else "; ".join(parts)


def in_words(units: Units, done: Done) -> str:
    """An action of a scenario, and how it ended."""
    domains = done.action.domains
    if done.action in REWARD_ACTIONS:  # amounts of the reward token, not of the market's
        domains = {name: replace(domain, of="distributor") for name, domain in domains.items()}
    step = ReplayedStep(traced(done.action, done.arguments), domains, None, None)
    words = sentence(units, step)
    if done.refusal is not None:
        return f"{words}: refused, {done.refusal.name} ({done.refusal})"
    got = [f"{account} {amount:+,} of the reward token's units" for account, amount in done.rewarded.items()]
    told = "; ".join(filter(None, (parties(done.changed), *got)))
    return f"{words} ({told})" if told else words


def scenario_of(trace: Trace) -> Noting | None:
    """The scenario at the end of a trace, run; None where there is none."""
    if trace.violation is None or "scenario" not in trace.violation.values:
        return None
    pool = start_state(trace, VENUS)
    for step in trace.runs[0]:
        perform(pool, VENUS.action(step.action), tuple(step.args.values()))
    found = recorded_scenario(trace, trace.violation, VENUS, [CATALOGUE[trace.invariant]], pool)
    if found is None:
        message = f"{trace.invariant} has no such scenario"
        raise SystemExit(message)
    noting = Noting()
    run_scenario(VENUS, *found[:1], pool, found[1], noting)
    return noting


# --- the document --------------------------------------------------------------------------------------------------

HEAD = """\
# Claims that are false of the Venus isolated pools, with traces

Generated by `tools/venus_findings.py` from the traces in `tests/golden/venus` and the sentences in
`tools/venus_findings.toml`; change those, not this file.

Each row is a claim of the catalogue that does not hold of the contracts (isolated-pools 4.4.0), with the shortest run
that was found. The runs start from the pool "Liquid Staked BNB" with the parameters of its deployment and round
prices; amounts are as small as they can be, so that the figures of a run say who loses, not how much could be
lost: what it grows with is said beside them. Nothing here says that somebody did this, or that it pays.

What a finding is: **matters**: others can lose, or be stopped, by what users do with usual parameters; **needs a
vote**: governance has to do or allow something first; **by design**: the contracts mean to do it, and the claim is
of another design; **bound**: it takes a state at the edge of a limit, or a long silence, and is small otherwise;
**dust**: a few units or one vToken, whatever the amounts. A step in which bad debt is recorded, or interest counted,
leaves claims of suppliers that nothing covers: these are counted separately, because the contracts' exchange rate
goes on to count them as assets.
"""


def document() -> str:
    """The whole text."""
    found = findings()
    confirmed = sum(is_confirmed(each) for each in found)
    lines = [
        HEAD,
        f"{len(found)} findings; the contracts' bytecode confirms {confirmed} of them, step by step and value by value.\n",
        "| id | what is wrong | what it is | who loses | steps | bytecode |",
        "|---|---|---|---|---|---|",
    ]
    lines += [row(each) for each in found]
    for severity, title in CLASSES.items():
        lines.append(f"\n## {title}")
        lines += [section(each) for each in found if each.texts.severity == severity]
    return "\n".join(lines) + "\n"


def is_confirmed(finding: Finding) -> bool:
    """Whether the bytecode did everything that the model does."""
    return bool(finding.confirmed["confirmed"] and finding.confirmed["left_out"] is None)


def row(finding: Finding) -> str:
    """A finding in the table."""
    name, steps = finding.invariant.id, len(finding.trace.runs[0])
    bytecode = "confirmed" if is_confirmed(finding) else "not confirmed"
    link = f"[{name}](#{name.lower()})"
    return f"| {link} | {finding.texts.line} | {finding.texts.nature} | {finding.texts.loser} | {steps} | {bytecode} |"


def figures(trace: Trace, nature: str) -> list[str]:
    """Who has more and who has less at the end of a trace, line by line."""
    units = Units.of(trace.parsed_protocol())
    noting = scenario_of(trace)
    if noting is None:
        told = parties(by_last_step(start_state(trace, VENUS), calls_of(trace, VENUS)))
        written = "" if nature in SMALL else parties(as_written(trace.invariant))
        lines = [f"By the last step: {told or 'nobody has more or less'}."]
        return lines + [f"- By the run as it is written, before it is made small: {written}."] * (
            written not in ("", told)
        )
    copies = {done.copy for done in noting.done}
    lines = [
        f"{f'on copy {done.copy + 1}: ' if len(copies) > 1 else ''}{in_words(units, done)}" for done in noting.done
    ]
    return ["What then happens:", *(f"  - {line}" for line in lines)]


def section(finding: Finding) -> str:
    """A finding, whole."""
    invariant, texts, trace = finding.invariant, finding.texts, finding.trace
    report = replayed(trace)
    units = Units.of(trace.parsed_protocol())
    violation = report.violation
    if violation is None:
        message = f"the golden trace of {invariant.id} records no violation"
        raise SystemExit(message)
    clause = next(each for each in invariant.clauses if each.name == violation.clause)
    parts = [f"\n### {invariant.id}\n", f"*{invariant.claim}*\n", f"**{texts.line}** ({texts.nature})\n"]
    steps = report.runs[0]
    parts += [f"{number + 1}. {sentence(units, step)}" for number, step in enumerate(steps)]
    if not steps:
        parts.append("No step is needed: it is so from the start.")
    parts += ["", f"- Broken: {' '.join((clause.check.__doc__ or clause.name).split())}"]
    parts.append(f"  Here: {violation.message}.")
    if steps and "scenario" not in violation.values:
        parts += ["- The last step changed:", *(f"  - {line}" for line in change_lines(units, steps[-1]))]
    first, *more = figures(trace, texts.nature)
    parts += [f"- {first}", *more]
    parts.append(f"- Who bears it: {texts.bears}")
    parts.append(f"- When: {texts.when.format(product=largest_product(), share=seize_shares())} {on_pools(invariant)}")
    parts.append(f"- {weaker(invariant)}")
    parts.append(f"- Again: `poolproof replay {golden(invariant.id).relative_to(ROOT)}`; {on_bytecode(finding)}")
    return "\n".join(parts)


def replayed(trace: Trace) -> ReplayReport:
    """A trace run on the model, as it was recorded.

    Refuses: a trace that does not break as recorded.
    """
    report = replay(trace, registry.find)
    if report.differences:
        message = f"the golden trace of {trace.invariant} does not replay: {report.differences[0]}"
        raise SystemExit(message)
    return report


def on_pools(invariant: Invariant) -> str:
    """On which of the shipped pools a run violates the claim."""
    found = found_on(invariant)
    if len(found) == len(POOLS):
        return "A run of it is found on all eight deployed pools."
    missing = ", ".join(name for name in POOLS if name not in found)
    return f"A run of it is found on {len(found)} of the eight deployed pools; on {missing} none of ours shows it."


def largest_product() -> str:
    """The largest threshold x incentive of the deployed pools, and where it is."""
    products = {
        f"{market.asset} in {name}": market.liquidation_threshold * pool_of(name).pools[0].liquidation_incentive
        for name in POOLS
        for market in pool_of(name).pools[0].markets
    }
    most = max(products.values())
    return f"{decimal(most, 36)}, of {' and '.join(place for place, each in products.items() if each == most)}"


def seize_shares() -> str:
    """The protocol seize shares of the deployed pools."""
    markets = [market for name in POOLS for market in pool_of(name).pools[0].markets]
    shares = {(market.venus or VTokenConfig()).protocol_seize_share for market in markets}
    return " or ".join(percent(share) for share in sorted(shares))


def weaker(invariant: Invariant) -> str:
    """The claim that is made instead."""
    name = f"{invariant.id}-w"
    if name not in CATALOGUE:
        return "Instead: no weaker claim is made."
    return f"Instead, {name}: {CATALOGUE[name].claim}."


def on_bytecode(finding: Finding) -> str:
    """What the contracts did."""
    told = finding.confirmed
    if is_confirmed(finding):
        return f"with `--evm` the bytecode confirms it, {told['values']:,} values equal."
    return f"the bytecode does not confirm it: {told['left_out'] or told['differences'][0]}."


def main(arguments: Iterable[str] | None = None) -> int:
    """Write what is asked for, and the document."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--traces", action="store_true", help="find the golden traces anew")
    parser.add_argument("--evm", action="store_true", help="run the golden traces on the contracts")
    asked = parser.parse_args(None if arguments is None else list(arguments))
    if asked.traces:
        write_traces()
    if asked.evm:
        write_confirmations()
    DOCUMENT.parent.mkdir(parents=True, exist_ok=True)
    DOCUMENT.write_text(document(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
