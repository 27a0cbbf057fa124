"""The gate's report as a document: the same for the terminal, a pull request, a page and other programs."""

from __future__ import annotations

import shlex
from decimal import Decimal
from pathlib import Path
from typing import Any

from poolproof import __version__
from poolproof.models.system import SEPARATOR
from poolproof.pictures.text import printable
from poolproof.proofs.verdicts import Verdict
from poolproof.protocol_text import ProtocolText
from poolproof.reports.document import Column, Document, Finding, Level, Row, Table, Where, shown_file
from poolproof.reports.traces import Locate, trace_of

from .accounts import EXACT
from .conditions import Place
from .files import Change, market_in
from .judging import ChangeReport, Closing, GateReport, ids_of
from .policy import Ruling

SHARES = (
    "ltv", "liquidation_threshold", "reserve_factor", "close_factor", "liquidation_incentive", "kink",
    "base_rate_per_year", "multiplier_per_year", "jump_multiplier_per_year", "premium_per_year",
    "protocol_seize_share",
)  # fmt: skip
"""Keys whose values are shares [wad], shown as decimals."""
AMOUNTS = ("supply_cap", "borrow_cap", "limit", "debt_ceiling", "first_loss")
"""Keys whose values are amounts of the market's asset, shown in whole tokens."""
FEW_UNITS = 10**6
"""Amounts below are shown in units."""
MOST_NAMED = 4
"""Most changes that one note names."""


def document_of(report: GateReport) -> Document:
    """A report as a document."""
    proposal = report.proposal
    return Document(
        title=f"Gate: {proposal.head.name}",
        command="gate",
        line=shlex.join(("poolproof", "gate", proposal.base_path, proposal.head_path)),
        subject=proposal.head.name,
        subject_title=proposal.head.title,
        ok=report.exit_code == 0,
        exit_code=report.exit_code,
        verdict=report.verdict,
        headline=headline(report),
        version=__version__,
        seconds=report.seconds,
        findings=tuple(findings(report)),
        tables=tuple(
            table
            for table in (changes_table(report), accounts_table(report), policy_table(report), losses_table(report))
            if table
        ),
        assumptions=tuple(dict.fromkeys(text for each in report.decisions for text in each.assumes)),
        lemmas=tuple(sorted({name for each in report.decisions for name in each.lemmas})),
        scope=report.scope,
        notes=tuple(notes(report)),
        unfinished="interrupted before everything was judged" if report.interrupted else "",
    )


def headline(report: GateReport) -> str:
    """How it ended, in one line."""
    if not report.proposal.changes:
        return "the two files say the same"
    judged = [each for each in report.changes if each.closed or not each.change.is_context]
    count = f"{len(judged)} change{'' if len(judged) == 1 else 's'}"
    parts = []
    if report.closed:
        broken = [closing for closing in report.closings if closing.closes]
        ids = list(dict.fromkeys(name for closing in broken for name in closing.invariants[:1]))
        closed = sum(each.closed for each in judged)
        policy = sum(not ruling.ok for ruling in report.rulings)
        parts += [f"{closed} of {count} not as proposed"] if closed else []
        parts += [f"breaks {', '.join(ids)}"] if ids else []
        parts += [f"{policy} rule{'' if policy == 1 else 's'} of the policy broken"] if policy else []
        parts += [f"{len(report.refuted)} claims no longer accepted or proved"] if report.refuted else []
    elif report.interrupted:
        parts += [f"{len(report.changes)} of {len(report.proposal.changes)} changes looked at, nothing found so far"]
    else:
        proved = sum(each.verdict is Verdict.PROVED for each in report.decisions)
        lifted = sum(not closing.closes for closing in report.closings)
        parts += [count] if judged else ["nothing that a theorem leans on changes"]
        parts += [f"{proved} theorems still apply"] if proved and judged else []
        parts += [f"{lifted} allowed by the policy in force"] if lifted else []
        parts += [f"{len(report.undecided)} theorems undecided"] if report.undecided else []
    return "; ".join(parts)


# --- findings ------------------------------------------------------------------------------------------------------


def findings(report: GateReport) -> list[Finding]:
    """What closes the gate, what the policy says, what is refuted or open, and the theorems that still apply."""
    text = ProtocolText.of(report.proposal.head_path)
    file = shown_file(text.path, Path.cwd())

    def locate(pool: str, asset: str) -> Where | None:
        outer, _, inner = asset.rpartition(SEPARATOR)
        line = text.line_of_market(outer or pool, inner)
        return Where(file, line) if line is not None else None

    found = [of_closing(report, closing, file, locate) for closing in report.closings]
    found += [of_ruling(ruling, file) for ruling in report.rulings if not ruling.ok]
    named = {finding.id for finding in found}
    for each in report.decisions:
        if each.invariant in named:
            continue
        refuted = each in report.refuted
        known = each.verdict is Verdict.REFUTED and not refuted
        level: Level = "error" if refuted else "note" if known else "warning"
        if each.verdict is Verdict.PROVED:
            level = "none"
        accepted = "as before this proposal" if known else None
        found.append(
            Finding(
                each.invariant, each.claim, str(each.verdict), level, each.reason or "", accepted=accepted,
                where=Where(file), engine=each.engine, seconds=each.seconds or None,
                trace=trace_of(each.trace, locate) if each.trace else None,
            )
        )  # fmt: skip
    return found


def of_closing(report: GateReport, closing: Closing, file: str, locate: Locate) -> Finding:
    """A condition that is broken."""
    name = closing.invariants[0] if closing.invariants else "REGION"
    claim = next((each.claim for each in report.decisions if each.invariant == name), closing.place.label)
    paths = [change.path for change in closing.changes]
    reports = [each for each in report.changes if each.change in closing.changes]
    moves = [moved(report, each) for each in reports]
    together = " (fine one by one, not together)" if len(paths) > 1 else ""
    text = of_closing_text(closing)
    line = next((change.line for change in closing.changes if change.line), 1)
    return Finding(
        name,
        claim,
        "CLOSED" if closing.closes else "ALLOWED",
        "error" if closing.closes else "warning",
        text,
        about=f"{', '.join(paths)}{together}",
        accepted=None if closing.closes else "the policy in force allows it",
        where=Where(file, line),
        trace=trace_of(closing.trace, locate) if closing.trace else None,
        details=(
            *moves,
            *([f"theorems that go with it: {', '.join(closing.invariants)}"] if closing.invariants else []),
        ),
    )


def moved(report: GateReport, each: ChangeReport) -> str:
    """A change in a line: from where to where, and what would be safe."""
    old, new = (in_words(report, each.change, value) for value in (each.change.old, each.change.new))
    safe = within(report, each)
    return f"{short(each.change)}: from {old} to {new}" + (
        f"; safe, with the others as proposed: {safe}" if safe else ""
    )


def of_closing_text(closing: Closing) -> str:
    """What is broken, where, and what a run shows of it."""
    unknown = "no run is known that shows a loss; the theorem does not apply, which is all that is known"
    return f'{closing.place.where} does not keep "{closing.place.label}": {closing.message or unknown}'


def of_ruling(ruling: Ruling, file: str) -> Finding:
    """A rule of the policy that is broken."""
    text = f"{ruling.value}, where the policy has {ruling.limit}"
    where = Where(file, ruling.line or 1)
    return Finding("POLICY", ruling.rule, "CLOSED", "error", text, about=ruling.path, where=where)


def notes(report: GateReport) -> list[str]:
    """What a reader should know besides."""
    found = list(report.notes)
    found += [f"failed before too, and no change moves it: {place.label} ({place.where})" for place in report.already]
    if report.open_before:
        found.append(f"refuted on this model, and accepted in neither file: {', '.join(sorted(report.open_before))}")
    by_note: dict[str, list[str]] = {}
    for each in report.changes:
        for note in each.notes:
            by_note.setdefault(note, []).append(short(each.change))
    return found + [f"{listed(places)}: {note}" for note, places in by_note.items()]


def listed(names: list[str]) -> str:
    """A few names, and how many more."""
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


# --- tables --------------------------------------------------------------------------------------------------------


def changes_table(report: GateReport) -> Table | None:
    """Every change with how far it could go, and what binds it; those that close the gate first."""
    if not report.changes:
        return None
    columns = (Column("gate"), Column("change"), Column("from", "right"), Column("to", "right"), Column("safe"),
               Column("bound by"))  # fmt: skip
    changes = sorted(report.changes, key=lambda each: not each.closed)
    rows = tuple(Row(cells_of(report, each), "bad" if each.closed else "good") for each in changes)
    note = (
        "Safe: with the others as proposed. One unit beyond an end with a * a run shows a loss; others are sufficient."
    )
    return Table("Changes", columns, rows, "changes", note)


def cells_of(report: GateReport, each: ChangeReport) -> tuple[str, ...]:
    """A row of the table of changes."""
    change, safe = each.change, each.safe
    places = (*sorted(safe.below), *sorted(safe.above)) if safe is not None else ()
    binding = "; ".join(dict.fromkeys(bound(report, place) for place in places))
    gate = "" if change.is_context and not each.closed else each.verdict
    old, new = (in_words(report, change, value) for value in (change.old, change.new))
    return gate, short(change), old, new, within(report, each), binding


def short(change: Change) -> str:
    """A change as a table names it: the market or pool, the parameter, and the line."""
    place = "/".join(filter(None, (change.pool, change.asset)))
    line = f" :{change.line}" if change.line else ""
    return f"{place} {change.parameter if change.pool else change.path}".strip() + line


def within(report: GateReport, each: ChangeReport) -> str:
    """The values that are safe; an end that only the format of the file has is left out."""
    change, safe = each.change, each.safe
    if safe is None:
        return ""
    low, high = (in_words(report, change, end) for end in (safe.low, safe.high))
    low, high = low + "*" * (each.lower is not None), high + "*" * (each.higher is not None)
    if safe.below and safe.above:
        return low if safe.low == safe.high else f"{low} to {high}"
    return f"at least {low}" if safe.below else f"at most {high}" if safe.above else "any"


def bound(report: GateReport, place: Place) -> str:
    """A condition with the first theorem that goes with it."""
    ids = ids_of(report, place)
    return f"{ids[0]}: {place.label}" if ids else place.label


def in_words(report: GateReport, change: Change, value: Any) -> str:
    """A value as people read it: shares as decimals, amounts in whole tokens, tables as what they are."""
    if value is None:
        return "none"
    if isinstance(value, dict | list | tuple):
        return "a table"
    key = change.keys[-1]
    if isinstance(value, int) and not isinstance(value, bool):
        if key in SHARES:
            return plain(Decimal(value).scaleb(-18, EXACT))
        if key in AMOUNTS and change.pool is not None and change.asset is not None:
            market = market_in(report.proposal.head, change.pool, change.asset)
            if value == 2**112 - 1:
                return "no cap"
            if market is None or 0 < value < min(FEW_UNITS, 10**market.decimals):
                return f"{value} unit{'' if value == 1 else 's'}"
            return plain(Decimal(value).scaleb(-market.decimals, EXACT))
    return printable(str(value))


def plain(number: Decimal) -> str:
    """A number without an exponent or trailing zeros."""
    text = f"{number:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def policy_table(report: GateReport) -> Table | None:
    """What the policy says."""
    if not report.rulings:
        return None
    columns = (Column("rule"), Column("of"), Column("limit", "right"), Column("proposed", "right"))
    rows = tuple(Row((r.rule, r.path, r.limit, r.value), "good" if r.ok else "bad") for r in report.rulings)
    return Table("Policy", columns, rows, "policy")


def accounts_table(report: GateReport) -> Table | None:
    """Whom of the given state the proposal makes liquidatable."""
    if report.accounts is None:
        return None
    columns = (Column("pool"), Column("account"), Column("missing", "right"), Column("not with"))
    rows = []
    for account in report.accounts:
        enough = [
            f"{short(change)} at {in_words(report, change, value)}"
            for change, value in account.values
            if value is not None
        ]
        missing = f"{plain(account.missing)} USD"
        rows.append(Row((account.pool, account.name, missing, " or ".join(enough) or "one value alone"), "bad"))
    note = "Healthy in the given state, and liquidatable with the proposed parameters; the others as proposed."
    return Table("Accounts that become liquidatable", columns, tuple(rows), "accounts", note)


def losses_table(report: GateReport) -> Table | None:
    """What markets can lose at most, where it changes."""
    if not report.worst:
        return None
    columns = (Column("market"), Column("by its own borrowers", "right"), Column("then", "right"),
               Column("over credit lines", "right"), Column("then", "right"))  # fmt: skip
    rows = []
    for (pool, asset), (old, new) in report.worst.items():
        market = market_in(report.proposal.head, pool, asset) or market_in(report.proposal.base, pool, asset)
        places = market.decimals if market else 0
        figures = [
            "none" if each is None else plain(Decimal(getattr(each, name)).scaleb(-places, EXACT))
            for name in ("own", "lines")
            for each in (old, new)
        ]
        worse = new is not None and old is not None and new.lines > old.lines
        rows.append(Row((f"{pool}/{asset}", *figures), "bad" if worse else "neutral"))
    note = "The most principal that is lost when everything fails at once, in whole tokens, before and after."
    return Table("Worst losses", columns, tuple(rows), "losses", note)


TABLES = (changes_table, accounts_table, policy_table, losses_table)
