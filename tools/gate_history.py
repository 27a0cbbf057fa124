"""Run the gate over a history of proposals: every pair of protocol files of a folder or an archive.

python tools/gate_history.py [FOLDER|ARCHIVE]      a line per proposal; the history of Venus, if none is named
python tools/gate_history.py --document docs/findings/venus-governance.md --traces tests/golden/governance

A pair is a folder with base.toml and head.toml.  Theorems come from the evidence that there is; what it does not have
is proved anew, and the line of the proposal says how many obligations a solver was asked.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from gate_pairs import Judged, folder_of, judged, judged_under, just_beyond, needed, pairs_of, policy_for, spirals
from venus_findings import POOLS
from venus_governance import fraction, replaced

from poolproof.gate.conditions import Place, markets_of
from poolproof.gate.files import Change
from poolproof.gate.judging import ChangeReport, Closing, GateReport
from poolproof.gate.report import bound, cells_of
from poolproof.gate.theorems import Theorems
from poolproof.spec.arithmetic import WAD
from poolproof.spec.loading import load_protocol

ROOT = Path(__file__).parents[1]
HISTORY = ROOT / "tests" / "governance" / "venus.tar.xz"
GOLDEN = "../../tests/golden/governance"
NEAREST = 5
"""How many markets are listed of those that are nearest to a threshold x incentive of 1."""
PASSED = 93 * 10**16
PASSED_IN = "vip-375-bscmainnet", "LiquidStakedBNB", "stkBNB"
"""A threshold that a proposal passes along and its text does not call new, as a note on the row says, and where."""


# --- Markdown ------------------------------------------------------------------------------------------------------


def table(columns: str, rows: Iterable[Iterable[object]]) -> list[str]:
    """A table; ``columns`` are its header's names, of which those that end in : are aligned to the right."""
    names = columns.split(" | ")
    rule = "".join("---:|" if name.endswith(":") else "---|" for name in names)
    head = "".join(f" {name.removesuffix(':')} |" for name in names)
    return [f"|{head}", f"|{rule}", *("| " + " | ".join(map(str, row)) + " |" for row in rows)]


def named(change: Change) -> str:
    """A change by its market and key."""
    return f"{change.pool}/{change.asset} {change.parameter}"


def at_of(change: Change) -> tuple[str | None, str | None]:
    """The pool and the asset of a change."""
    return change.pool, change.asset


def counted(number: int, word: str) -> str:
    """A number of things."""
    return f"{number} {word}{'' if number == 1 else 's'}"


def ends_of(report: GateReport, each: ChangeReport) -> tuple[str, str]:
    """What binds a change below and above."""
    if each.safe is None:
        return "", ""
    below, above = ("; ".join(bound(report, at) for at in sorted(ends)) for ends in (each.safe.below, each.safe.above))
    return below, above


# --- the parts of the document -------------------------------------------------------------------------------------


def verdicts(history: list[Judged]) -> list[str]:
    """A row per proposal."""
    rows = []
    for each in history:
        broken = Counter(closing.invariants[0] for closing in each.report.closings if closing.closes)
        closes = ", ".join(f"{name} ({count})" for name, count in broken.items())
        rows.append((each.name, each.verdict, len(each.report.changes), each.closed or "", closes))
    changes, closed = sum(len(each.report.changes) for each in history), sum(each.closed for each in history)
    rows.append(("together", f"{sum(each.report.open for each in history)} OPEN", changes, closed, ""))
    return table("proposal | verdict | changes: | closed: | what closes it", rows)


def closings(history: list[Judged]) -> list[str]:
    """Each change on which the gate closes: whose account, by how much, and from which value on."""
    lines: list[str] = []
    for each in history:
        for closing in each.report.closings:
            if closing.closes and closing.by_itself:
                lines += ["", *one_closing(each, closing)]
    return lines[1:]


def one_closing(each: Judged, closing: Closing) -> list[str]:
    """A closed change with its range, the run as proposed, and the run at the first value that is not safe."""
    report, change = each.report, closing.changes[0]
    of_change = next(other for other in report.changes if other.change is change)
    _, old, new, safe, *_ = cells_of(report, of_change)
    below, above = ends_of(report, of_change)
    lines = [f"**{each.name}: {named(change)}, {old} -> {new}**", ""]
    lines += [f"- safe: {safe}; below it {below}; above it {above}"]
    market = next(each for pool, each in markets_of(report.proposal.base) if (pool.id, each.asset) == at_of(change))
    lent = fraction(str(market.ltv))
    most = share(change.old - change.new, change.old)
    lines += [
        f"- hit: whose debt is above {new} and at most {old} of this collateral; the factor in force lends {lent}"
    ]
    lines += [f"- as proposed: {closing.message}; at most {most} of a debt on this collateral"]
    lines += [
        f"- from {fraction(str(value))} on: {message}"
        for place, value, message in just_beyond(report, of_change)
        if place == closing.place and message is not None
    ]
    name = trace_name(each.name, closing)
    lines += [f"- the run: [{name}]({GOLDEN}/{name}), of {len((closing.trace or {})['runs'][0])} steps"]
    return lines


def share(part: int, whole: int) -> str:
    """A share in per cent, to two digits, rounded down."""
    hundredths = part * 10_000 // whole
    return f"{hundredths // 100}.{hundredths % 100:02d} %"


def binding(history: list[Judged]) -> list[str]:
    """How often which condition binds which parameter."""
    found = Counter(
        (each.change.parameter, *ends_of(one.report, each)) for one in history for each in one.report.changes
    )
    rows = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    return table("parameter | changes: | below | above", ((of[0], count, *of[1:]) for of, count in rows))


def ranges(history: list[Judged]) -> list[str]:
    """Every changed value with what is safe, folded by proposal."""
    lines: list[str] = []
    for one in history:
        rows = [
            (f"{each.change.pool}/{each.change.asset}", each.change.parameter, *cells_of(one.report, each)[1:5])
            for each in one.report.changes
        ]
        lines += ["", f"<details><summary>{one.name}: {counted(len(rows), 'change')}</summary>", ""]
        lines += [*table("market | parameter | from: | to: | safe | bound by", rows), "", "</details>"]
    return lines[1:]


def together(history: list[Judged]) -> list[str]:
    """The changes that break a condition by themselves, and the change that they need."""
    rows = []
    for one in history:
        for each, places, others in needed(one.report):
            breaks = "; ".join(f"{place.label} ({place.where})" for place in places)
            rows.append((one.name, named(each), breaks, ", ".join(map(named, others)) or "no single other change"))
    return table("proposal | change | breaks by itself | needs", rows)


def policies(history: list[Judged], folder: Path) -> list[str]:
    """The least policy under which each closed proposal opens, and what the gate then says."""
    lines: list[str] = []
    for one in history:
        if one.report.open:
            continue
        policy = policy_for(one.report)
        again = judged_under(policy, folder / one.name)
        lifted = sum(closing.lifted for closing in again.report.closings)
        verdict = "OPEN" if again.report.open else "CLOSED"
        lines += ["", f"{one.name}, with this in both files: {verdict}, {lifted} allowed by the policy in force.", ""]
        lines += ["```toml", policy.rstrip(), "```"]
    return lines[1:]


def tried(history: list[Judged]) -> list[str]:
    """One unit beyond every end with a *: how often a run shows a loss there, and where none does."""
    with_run: Counter[str] = Counter()
    without: Counter[tuple[str, str, str]] = Counter()
    for one in history:
        for each in one.report.changes:
            for place, _, message in just_beyond(one.report, each):
                if message is not None:
                    with_run[place.label] += 1
                else:
                    without[one.name, place.label, why_none(one.report, place)] += 1
    labels = sorted({*with_run, *(label for _, label, _ in without)})
    sums = {label: sum(count for (_, of, _), count in without.items() if of == label) for label in labels}
    lines = table("condition | a run: | none:", ((label, with_run[label], sums[label]) for label in labels))
    lines += ["", "Where there is none:", ""]
    return lines + table("proposal | condition | ends: | because", ((*of[:2], n, of[2]) for of, n in without.items()))


def why_none(report: GateReport, place: Place) -> str:
    """Why a run may not show what one unit does."""
    pool = next(each for each in report.proposal.head.pools if each.id == place.pool)
    market = next(each for each in pool.markets if each.asset == place.asset)
    if market.supply_cap == 0:
        return "nothing can be supplied any more, so that no run begins"
    return f"no run was found in {place.where}"


def surprises(history: list[Judged]) -> list[str]:
    """What the reports say that a reader would not expect, in figures."""
    lines = []
    for one in history:
        for each in one.report.changes:
            for place in each.enters:
                old, new, safe = cells_of(one.report, each)[1:4]
                lines.append(
                    f"- {one.name} begins outside what a setter takes: not {place.label} in {place.where}, where "
                    f"{each.change.parameter} is {old} and should be {safe}. The proposal sets {new}, which repairs it."
                )
    highest = [
        (each.safe.high, f"{named(each.change)} of {one.name}")
        for one in history
        for each in one.report.changes
        if each.safe is not None and each.change.parameter.startswith("rate_model.") and each.safe.above
    ]
    (low, first), (high, last) = min(highest), max(highest)
    lines.append(
        f"- The ends of {len(highest)} rates are between {tens(low)} ({first}) and {tens(high)} ({last}), where 1 is "
        "100 % a year."
    )
    for one in history:
        for pool, market in markets_of(one.proposal.base):
            if (one.name, pool.id, market.asset) == PASSED_IN:
                shown = spirals(one.proposal, Place("", pool.id, market.asset), PASSED)
                product = fraction(str(PASSED * pool.liquidation_incentive // WAD))
                lines.append(
                    f"- {one.name} passes {fraction(str(PASSED))} as the threshold of {pool.id}/{market.asset}, says a "
                    f"note on its row: x {fraction(str(pool.liquidation_incentive))}, the incentive of the deployment, "
                    f"it is {product}, above 1. A run with both: {shown}."
                )
    return lines


def tens(value: int) -> str:
    """A wad to two digits behind the point, rounded down."""
    return f"{value // 10**16 / 100:,.2f}"


def nearest() -> list[str]:
    """The markets of the deployment whose threshold x incentive is nearest to 1."""
    found = [
        (market.liquidation_threshold * pool.liquidation_incentive, f"{pool.id}/{market.asset}", pool, market)
        for name in POOLS
        for pool, market in markets_of(load_protocol(name))
    ]
    found.sort(key=lambda row: (-row[0], row[1]))
    rows = [
        (
            place,
            fraction(str(market.liquidation_threshold)),
            fraction(str(pool.liquidation_incentive)),
            fraction(str(product // WAD)),
            fraction(str(WAD * WAD // pool.liquidation_incentive)),
        )
        for product, place, pool, market in found[:NEAREST]
    ]
    return table("market | threshold: | incentive: | product: | largest safe threshold:", rows)


def findings(history: list[Judged], folder: Path) -> str:
    """The generated part of the document, times aside."""
    parts = {
        "Verdicts": verdicts(history),
        "What the gate closes on": closings(history),
        "A policy under which the closed ones open": policies(history, folder),
        "What is valid only together": together(history),
        "What binds": binding(history),
        "Every changed value": ranges(history),
        "One unit beyond": tried(history),
        "What surprises": surprises(history),
        "The markets nearest to threshold x incentive = 1": nearest(),
    }
    return "\n".join(line for heading, lines in parts.items() for line in (f"### {heading}", "", *lines, ""))


def measured(history: list[Judged]) -> str:
    """The times, and where the theorems came from: what another machine or other evidence would change."""
    rows: list[tuple[object, ...]] = [
        (one.name, len(one.report.changes), one.theorems, one.from_evidence, one.solver_calls, f"{one.seconds:.1f}")
        for one in history
    ]
    changes, calls = sum(len(one.report.changes) for one in history), sum(one.solver_calls for one in history)
    rows.append(("together", changes, "", "", calls, f"{sum(one.seconds for one in history):.1f}"))
    lines = table("proposal | changes: | theorems: | from evidence: | solver calls: | seconds:", rows)
    return "\n".join([*lines, ""])


# --- the output ----------------------------------------------------------------------------------------------------


def trace_name(name: str, closing: Closing) -> str:
    """The file of the trace of what the gate closes on."""
    return f"{name}-{closing.place.pool}-{closing.place.asset}.json".lower()


def traces_of(history: list[Judged]) -> dict[str, str]:
    """The traces of what the gate closes on, by their files."""
    return {
        trace_name(each.name, closing): json.dumps(closing.trace, indent=1) + "\n"
        for each in history
        for closing in each.report.closings
        if closing.closes and closing.trace is not None
    }


def line_of(each: Judged) -> str:
    """A proposal in one line of the terminal."""
    return (
        f"{each.name:<20} {each.verdict:<9} {len(each.report.changes):>7} {each.closed:>6} {each.theorems:>8} "
        f"{each.from_evidence:>13} {each.solver_calls:>12} {each.seconds:>7.1f}"
    )


def main() -> int:
    """Judge, print, and write what is asked for; the exit code is 0 where the gate came to an answer on all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("history", type=Path, nargs="?", default=HISTORY, help="a folder or archive of pairs")
    parser.add_argument("--document", type=Path, help="replace the generated parts of this document")
    parser.add_argument("--traces", type=Path, help="write the traces of what the gate closes on into this folder")
    parser.add_argument("--jobs", type=int, help="worker processes, where something has to be proved")
    arguments = parser.parse_args()
    history: list[Judged] = []
    print("proposal             verdict   changes closed theorems from evidence solver calls seconds")
    with folder_of(arguments.history) as folder:
        for pair in pairs_of(folder):
            history.append(judged(pair, Theorems(arguments.jobs)))
            print(line_of(history[-1]), flush=True)
        if arguments.document:
            document = arguments.document.read_text(encoding="utf-8")
            document = replaced(document, findings(history, folder), "gate")
            document = replaced(document, measured(history), "gate-time")
            arguments.document.write_text(document, encoding="utf-8")
    if arguments.traces:
        arguments.traces.mkdir(parents=True, exist_ok=True)
        for name, text in traces_of(history).items():
            (arguments.traces / name).write_text(text, encoding="utf-8")
    return 0 if all(each.verdict in ("OPEN", "CLOSED") for each in history) else 2


if __name__ == "__main__":
    sys.exit(main())
