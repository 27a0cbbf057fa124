"""The gate's report on a terminal: the verdict first, then the changes, what closes it, and what is only to be known."""

from __future__ import annotations

from typing import Literal

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


def print_gate(console: Console, report: GateReport, document: Document, show_trace: ShowTrace) -> None:
    """The whole report."""
    console.print(Text(f"{document.subject}: {document.subject_title}", style="bold"))
    console.print(Text(document.verdict, style=STYLES[document.verdict]) + Text(f": {document.headline}", style=""))
    for sheet in document.tables:
        console.print()
        print_sheet(console, sheet)
    runs = {of_closing_text(closing): closing.trace for closing in report.closings}
    for finding in document.findings:
        if not finding.is_open and finding.verdict != "ALLOWED":
            continue
        console.print()
        label = Text(f"{finding.id} ", style="bold") + Text(
            finding.verdict, style="red" if finding.is_open else "yellow"
        )
        console.print(label + Text(f": {finding.claim}"))
        for line in (finding.message, finding.about):
            if line:
                console.print(Padding(Text(line), (0, 0, 0, 2)))
        trace = runs.pop(finding.message, None)
        if trace is not None:
            show_trace(console, trace)
    print_list(console, "Notes", document.notes)
    console.print()
    console.print(
        Text(document.verdict, style=STYLES[document.verdict]) + Text(f" in {report.seconds:.1f} s", style="")
    )


def print_sheet(console: Console, sheet: Sheet) -> None:
    """A table of a document."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim", title_justify="left")
    console.print(Text(sheet.heading, style="bold"))
    for column in sheet.columns:
        justify: Literal["left", "right"] = "right" if column.align == "right" else "left"
        table.add_column(column.name, justify=justify, overflow="fold")
    for row in sheet.rows:
        table.add_row(*(Text(cell, style=ROWS[row.state]) for cell in row.cells))
    console.print(table)
    if sheet.note:
        console.print(Text(sheet.note, style="dim"))
