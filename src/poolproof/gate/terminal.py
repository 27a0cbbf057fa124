"""The gate's report on a terminal: the verdict first, then the changes, what closes it, and what is only to be known."""

from __future__ import annotations

from itertools import takewhile
from typing import Literal

from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from poolproof.report import ShowTrace, print_list
from poolproof.reports.document import Document
from poolproof.reports.document import Table as Sheet

from .judging import GateReport
from .report import of_closing_text

STYLES = {"OPEN": "bold green", "CLOSED": "bold red", "UNDECIDED": "bold yellow"}
ROWS = {"good": "", "bad": "red", "neutral": ""}
GAP = 2
"""Columns between two columns of a table."""


def print_gate(console: Console, report: GateReport, document: Document, show_trace: ShowTrace) -> None:
    """The whole report; of the runs that break one promise the first."""
    console.print(
        Text(document.verdict, style=STYLES[document.verdict]) + Text(f" {document.subject}: {document.headline}")
    )
    if document.unfinished:
        console.print(Text(document.unfinished, style="yellow"))
    for sheet in document.tables:
        console.print()
        print_sheet(console, sheet)
    runs = {of_closing_text(closing): closing.trace for closing in report.closings}
    shown: set[str] = set()
    for finding in document.findings:
        if not finding.is_open and finding.verdict != "ALLOWED":
            continue
        console.print()
        label = Text(f"{finding.verdict} {finding.id}", style="bold red" if finding.is_open else "bold yellow")
        console.print(label + Text(f" {finding.about}" if finding.about else ""))
        for line in (finding.message, "" if finding.claim in finding.message else finding.claim):
            if line:
                console.print(Padding(Text(line), (0, 0, 0, GAP)))
        trace = runs.get(finding.message)
        if trace is not None and finding.id not in shown:
            shown.add(finding.id)
            console.print()
            show_trace(console, trace)
    print_list(console, "Notes", document.notes)
    console.print()
    console.print(Text(document.verdict, style=STYLES[document.verdict]) + Text(f" in {report.seconds:.1f} s"))


def print_sheet(console: Console, sheet: Sheet) -> None:
    """A table of a document: in columns where they fit, else row by row."""
    console.print(Text(sheet.heading, style="bold"))
    if not sheet.rows:
        console.print(Text("none", style="dim"))
        return
    lengths = [max(map(cell_len, each)) for each in zip(*(row.cells for row in sheet.rows), strict=True)]
    widths = [max(cell_len(column.name), length) for column, length in zip(sheet.columns, lengths, strict=True)]
    print_rows = _in_columns if sum(widths) + GAP * len(widths) <= console.width else _row_by_row
    print_rows(console, sheet)
    if sheet.note:
        console.print(Text(sheet.note, style="dim"))


def _in_columns(console: Console, sheet: Sheet) -> None:
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="dim")
    for column in sheet.columns:
        justify: Literal["left", "right"] = "right" if column.align == "right" else "left"
        table.add_column(column.name, justify=justify, no_wrap=True)
    for row in sheet.rows:
        table.add_row(*(Text(cell, style=ROWS[row.state]) for cell in row.cells))
    console.print(table)


def _row_by_row(console: Console, sheet: Sheet) -> None:
    """The first texts as a heading, the rest below them, each with the name of its column."""
    first = sum(1 for _ in takewhile(lambda column: column.align == "left", sheet.columns))
    for row in sheet.rows:
        style = ROWS[row.state]
        console.print(Text(" ".join(filter(None, row.cells[:first])), style=style))
        named = zip(sheet.columns[first:], row.cells[first:], strict=True)
        parts = ", ".join(f"{column.name} {cell}" for column, cell in named if cell)
        console.print(Padding(Text(parts, style=style), (0, 0, 0, GAP)))
