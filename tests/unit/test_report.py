"""Reports for people: one line an invariant, whatever the width, and every finding explained."""

import io
from typing import Any

import pytest
from rich.console import Console

from poolproof.acceptance import Judgement
from poolproof.checking import Report
from poolproof.models.reference import REFERENCE
from poolproof.proofs.verdicts import Decision, Outcome, Verdict
from poolproof.report import print_report
from poolproof.spec.loading import load_protocol

LONG_CLAIM = "the share price (exchange rate, liquidity index) never falls, except when losses exceed reserves"


def report() -> Report:
    """A check with one decision of each verdict."""
    decisions = [
        Decision(
            "SOLV-1",
            "assets cover claims",
            "state",
            Verdict.PROVED,
            "prove",
            assumes=("a", "b", "region: x", "region: y"),
            lemmas=("CONS-2",),
        ),
        Decision("SOLV-3", LONG_CLAIM, "step", Verdict.PROVED, "prove", assumes=("a", "region: x"), seconds=1.234),
        Decision(
            "SOLV-5",
            "[bold]not markup[/bold]",
            "step",
            Verdict.REFUTED,
            "search",
            accepted=True,
            trace={"invariant": "SOLV-5"},
            obligations=[Outcome(f"mint{n}", Verdict.REFUTED, reason=f"because {n}") for n in range(7)],
        ),
        Decision("LIQ-1", "only unhealthy", "step", Verdict.HOLDS_TO_DEPTH, "explore", depth=4),
        Decision("LIQ-2", "helps", "step", Verdict.UNKNOWN, "prove", reason="the budget was used up"),
        Decision("LIQ-3", "bounded", "step", Verdict.VACUOUS, "prove", reason="liquidate never succeeds"),
    ]
    return Report(
        load_protocol("minimal"),
        REFERENCE,
        ("SOLV-1", "SOLV-3", "SOLV-5", "LIQ-1", "LIQ-2", "LIQ-3", "LIQ-4"),
        decisions,
        {"SOLV-1"},
        [Judgement("SOLV-5", True, "SOLV-5 is accepted: dust")],
        seconds=12.34,
    )


def printed(width: int, **changes: Any) -> tuple[list[str], list[dict[str, Any]]]:
    """The lines that a console of a width gets, and the traces that were shown."""
    what = report()
    for name, value in changes.items():
        setattr(what, name, value)
    traces: list[dict[str, Any]] = []
    stream = io.StringIO()
    console = Console(file=stream, width=width, markup=False, emoji=False, highlight=False)
    print_report(console, what, lambda _console, trace: traces.append(trace))
    return [line.rstrip() for line in stream.getvalue().splitlines()], traces


@pytest.mark.parametrize("width", [40, 60, 80, 100, 160])
def test_each_invariant_has_one_line_in_the_table(width: int) -> None:
    """A narrow terminal gets fewer columns, never a broken row."""
    lines, _ = printed(width)
    header = next(number for number, line in enumerate(lines) if line.startswith("invariant"))
    table = lines[header + 1 : header + 7]
    assert [line.split()[0] for line in table] == ["SOLV-1", "SOLV-3", "SOLV-5", "LIQ-1", "LIQ-2", "LIQ-3"]
    assert [line.split()[1] for line in table] == [
        "PROVED",
        "PROVED",
        "REFUTED",
        "HOLDS_TO_DEPTH(4)",
        "UNKNOWN",
        "VACUOUS",
    ]
    assert max(len(line) for line in lines) <= width


def test_a_wide_terminal_shows_engine_obligations_and_seconds() -> None:
    """And that a decision came from evidence."""
    lines, _ = printed(160)
    assert lines[1].split() == ["invariant", "verdict", "claim", "engine", "obligations", "seconds"]
    assert lines[2].split()[-2:] == ["prove", "kept"]
    assert lines[3].split()[-2:] == ["prove", "1.23"]
    assert lines[4].split()[-3:] == ["search", "7", "0.00"]


def test_text_of_a_claim_is_no_markup() -> None:
    """Brackets are printed as they are."""
    lines, _ = printed(160)
    assert "[bold]not markup[/bold]" in lines[4]


def test_every_finding_is_explained_and_no_proof_is() -> None:
    """Its reason, its open obligations up to a number, its trace."""
    lines, traces = printed(120)
    text = "\n".join(lines)
    assert "SOLV-5 REFUTED accepted: [bold]not markup[/bold]" in text
    assert "mint4 REFUTED: because 4" in text
    assert "mint5" not in text
    assert "and 2 more obligations" in text
    assert "LIQ-2 UNKNOWN: helps\n  the budget was used up" in text
    assert "LIQ-3 VACUOUS: bounded\n  liquidate never succeeds" in text
    assert "SOLV-1 PROVED:" not in text
    assert traces == [{"invariant": "SOLV-5"}]


def test_what_the_proofs_rest_on_is_listed_with_who_rests_on_it() -> None:
    """Assumptions, lemmas, what the model leaves out, accepted findings."""
    text = "\n".join(printed(120)[0])
    assert "The proofs assume\n - a (all)\n - b (SOLV-1)\n - of the admissible region: x; y\n" in text
    assert "CONS-2 (in 1)" in text
    for line in REFERENCE.scope:
        assert f" - {line}" in text
    assert " - SOLV-5 is accepted: dust" in text


def test_the_last_line_counts_the_verdicts() -> None:
    """With the time, and what is accepted."""
    assert printed(120)[0][-1] == (
        "6 invariants in 12.3 s: 2 PROVED, 1 HOLDS_TO_DEPTH, 1 REFUTED, 1 UNKNOWN, 1 VACUOUS, 1 accepted"
    )


def test_an_interrupted_report_says_what_is_missing() -> None:
    """In the last line, where it is seen."""
    assert printed(160, interrupted=True)[0][-1].endswith("; interrupted, 1 not decided")
    kept = printed(200, interrupted=True, answers=7)[0][-1]
    assert kept.endswith("; interrupted, 1 not decided; 7 new answers to obligations are kept")
    assert printed(160, interrupted=True, decisions=[])[0][-1] == (
        "0 invariants in 12.3 s: nothing was decided; interrupted, 7 not decided"
    )
