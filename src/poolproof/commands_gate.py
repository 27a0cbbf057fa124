"""The gate: compare a proposed protocol file with the one in force."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from poolproof.proofs.progress import Event
from poolproof.spec.protocol import Protocol

from .console import Output
from .gate.accounts import state_of
from .gate.files import read_proposal
from .gate.json_document import to_json
from .gate.judging import GateReport, judge
from .gate.report import document_of
from .gate.terminal import print_gate
from .gate.theorems import Theorems
from .reports.document import Document
from .reports.writing import write_reports
from .trace_files import show_trace, write_traces


def with_picture(document: Document, protocol: Protocol) -> Document:
    """The document, with what connects the pools of the proposed protocol where there are several."""
    if len(protocol.pools) == 1:
        return document
    from poolproof.pictures.svg import svg_of  # late: graphs and matrices take longer to load than a gate to decide
    from poolproof.proofs.contagion.analysis import analyse

    decimals = {market.asset: market.decimals for pool in protocol.pools for market in pool.markets}
    title = "The pools of the proposed protocol, and what connects them"
    return replace(document, picture_svg=svg_of(analyse(protocol), decimals), picture_title=title)


def runs(report: GateReport) -> list[dict[str, Any]]:
    """Every run that the report shows, once."""
    found: list[dict[str, Any]] = []
    for trace in [each.trace for each in report.closings] + [each.trace for each in report.decisions]:
        if trace is not None and trace not in found:
            found.append(trace)
    return found


def run_gate(
    output: Output,
    base: str,
    head: str,
    *,
    state: str | None = None,
    jobs: int | None,
    use_cache: bool,
    traces: Path | None,
) -> int:
    """Judge a proposal, print what was found, and say by the exit code whether it may be put in force."""
    proposal = read_proposal(base, head)
    start = None if state is None else state_of(state, proposal.base)
    with output.progress() as listener:

        def watch(stage: str, done: int, everything: int) -> None:
            listener(Event(stage, done, everything))

        report = judge(proposal, Theorems(jobs, use_cache, listener), watch, start)
    document = document_of(report)
    if "--html" in output.files:
        document = with_picture(document, proposal.head)
    output.write_json(to_json(report))
    write_reports(output, document)
    print_gate(output.out, report, document, show_trace)
    write_traces(output, traces, runs(report))
    return report.exit_code
