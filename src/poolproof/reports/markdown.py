"""A report as Markdown: a comment on a pull request that fits a screen, with everything else folded below it.

All texts may come from strangers.  None of them can make markup, a link, a mention or an emoji: what has a meaning in
Markdown or HTML is escaped, and what readers link by themselves is broken by a character without width.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from html import escape

from poolproof.reports.document import Align, Document, Finding, Row, State, Table, Trace
from poolproof.reports.plain_text import line_of_change

LARGEST = 65_536
"""The most that a comment may have, here counted in bytes."""
MOST_ROWS = 6
"""Rows of a table above the fold."""
LONGEST_CELL = 160
"""Longest text in a table above the fold [characters]."""
LONGEST_LINE = 400
"""Longest text of another line there, and of a heading [characters]."""
LONGEST_LIST = 200
"""Most rows of a table below the fold."""
MARKS: dict[State, str] = {"good": "✅", "bad": "❌", "neutral": "⚪"}
RULES: dict[Align, str] = {"left": "---", "right": "---:"}

_BROKEN = "\u200b"
_LINKED = re.compile(r"(?<=[@#$])(?=\S)|(?<=:)(?=//|[A-Za-z0-9_+-])|(?<=[wW]{3})(?=\.)|(?<=GH-)(?=\d)")
_MARKUP = re.compile(r"([\\`*_\[\]#~$])")
_AT_THE_START = re.compile(r"^(\d+(?=[.)](?:\s|$))|(?=[-+=]))")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&vert;"})


def markdown_of(document: Document) -> str:
    """The report as the text of a comment, cut with a note where it would be too long."""
    parts = [above_the_fold(document)]
    room = LARGEST - len(parts[0].encode()) - 200
    left_out = 0
    for part in folded(document):
        size = len(part.encode())
        if size > room:
            left_out += 1
            continue
        room -= size
        parts.append(part)
    if left_out:
        some = "1 more section does" if left_out == 1 else f"{left_out} more sections do"
        parts.append(f"\n*{some} not fit into a comment; the other formats of the report have everything.*\n")
    return "".join(parts)


def words(text: str) -> str:
    """A text as Markdown that shows exactly that, in one line."""
    line = " ".join(text.split()).translate(_ENTITIES)
    line = _MARKUP.sub(r"\\\1", line)
    return _LINKED.sub(_BROKEN, _AT_THE_START.sub(r"\1\\", line))


def in_html(text: str) -> str:
    """A text inside an HTML element of a comment, in one line."""
    return _LINKED.sub(_BROKEN, escape(" ".join(text.split())))


def above_the_fold(document: Document) -> str:
    """The verdict in a line, what asks for attention in a table, and what is unfinished."""
    mark = MARKS["good" if document.ok else "bad"]
    lines = [f"{mark} **{_short(document.title)}: {_short(document.verdict)}**; {_short(document.headline)}"]
    if document.unfinished:
        lines += ["", f"⚠️ **partial**: {_short(document.unfinished)}"]
    open_ones = [finding for finding in document.findings if finding.is_open]
    if open_ones:
        lines += ["", "| | claim | verdict | |", "|---|---|---|---|"]
        lines += [_cells(_row_of(finding), LONGEST_CELL) for finding in open_ones[:MOST_ROWS]]
        if len(open_ones) > MOST_ROWS:
            lines += ["", f"and {len(open_ones) - MOST_ROWS} more below"]
    elif (shown := next((table for table in document.tables if table.rows), None)) is not None:
        rows = sorted(shown.rows, key=lambda row: row.state != "bad")[:MOST_ROWS]
        lines += ["", *_head(shown), *(_cells(row, LONGEST_CELL) for row in rows)]
        if len(shown.rows) > MOST_ROWS:
            lines += ["", f"and {len(shown.rows) - MOST_ROWS} more below"]
    return "\n".join(lines) + "\n"


def folded(document: Document) -> Iterator[str]:
    """The sections below the fold, the most important ones first."""
    told = [finding for finding in document.findings if finding.is_open]
    if len(told) > MOST_ROWS:
        yield _fold(f"{len(told)} open findings", _findings_table(told))
    for finding in told:
        yield from _explained(finding)
    for table in document.tables:
        note = f"{words(table.note)}\n\n" if table.note else ""
        rows = "\n".join([*_head(table), *(_cells(row) for row in table.rows[:LONGEST_LIST])])
        yield _fold(table.heading, note + rows + _more(len(table.rows)))
    lists = {
        "Accepted findings": document.accepted,
        "The proofs assume": document.assumptions,
        "Lemmas that the proofs use": document.lemmas,
        "Not in the model": document.scope,
        "Notes": document.notes,
    }
    for heading, lines in lists.items():
        if lines:
            yield _fold(heading, "\n".join(f"- {words(line)}" for line in lines))
    if document.findings:
        yield _fold(f"All {len(document.findings)} verdicts", _findings_table(document.findings))
    yield _fold("How to repeat this", f"{_code(document.line)}\n\nwith poolproof {words(document.version)}")
    for finding in document.findings:
        if finding.accepted is not None:
            yield from _explained(finding)


def _row_of(finding: Finding) -> Row:
    message = finding.message or finding.claim
    verdict = f"{finding.verdict}, accepted" if finding.accepted is not None else finding.verdict
    return Row((f"{finding.id} {finding.about}".strip(), verdict, message), finding.state)


def _findings_table(findings: Iterable[Finding]) -> str:
    rows = [_row_of(finding) for finding in findings]
    shown = [_cells(row) for row in rows[:LONGEST_LIST]]
    return "\n".join(["| | claim | verdict | |", "|---|---|---|---|", *shown]) + _more(len(rows))


def _head(table: Table) -> list[str]:
    """The first two lines of a table, whose first column is the state of a row."""
    return [
        f"| | {' | '.join(words(column.name) for column in table.columns)} |",
        f"|---|{'|'.join(RULES[column.align] for column in table.columns)}|",
    ]


def _cells(row: Row, longest: int | None = None) -> str:
    """A row of a table; ``longest`` cuts its texts."""
    cells = (words(cell) if longest is None else _short(cell, longest) for cell in row.cells)
    return f"| {MARKS[row.state]} | {' | '.join(cells)} |"


def _short(text: str, longest: int = LONGEST_LINE) -> str:
    """A text, or as much of its beginning as there is room for."""
    return words(text if len(text) <= longest else f"{text[: longest - 1]}…")


def _more(count: int) -> str:
    return f"\n\nand {count - LONGEST_LIST} more" if count > LONGEST_LIST else ""


def _explained(finding: Finding) -> Iterator[str]:
    """A finding that has more to say than its line."""
    if finding.trace is None and not finding.details:
        return
    name = " ".join(filter(None, (finding.id, finding.about, finding.verdict)))
    lines = [words(finding.claim), ""]
    if finding.where is not None:
        lines += [f"at {_code(f'{finding.where.file}:{finding.where.line}')}", ""]
    if finding.details:
        lines += [*(f"- {words(detail)}" for detail in finding.details), ""]
    if finding.trace is not None:
        lines += _steps(finding.trace)
    yield _fold(f"{name}: {finding.message or finding.claim}", "\n".join(lines))


def _steps(trace: Trace) -> Iterator[str]:
    """The steps as a numbered list, each with what it changed."""
    yield f"From {words(trace.start)}:"
    for number, run in enumerate(trace.runs, start=1):
        if len(trace.runs) > 1:
            yield f"\nrun {number} of {len(trace.runs)}"
        yield ""
        if not run:
            yield "no action is needed"
        for position, step in enumerate(run, start=1):
            note = f" ({words(step.note)})" if step.note else ""
            yield f"{position}. {words(step.text)}{note}"
            yield from (f"   - {words(line_of_change(change))}" for change in step.changes)
    yield f"\n**broken**: {words(trace.ending)}"


def _fold(heading: str, body: str) -> str:
    """A section that a click unfolds."""
    return f"\n<details><summary>{in_html(heading[:LONGEST_LINE])}</summary>\n\n{body}\n\n</details>\n"


def _code(text: str) -> str:
    """A text to copy, as code: nothing in it is markup, a link or a mention."""
    line = " ".join(text.split())
    fence = "`" * (max(map(len, re.findall("`+", line)), default=0) + 1)
    return f"{fence} {line} {fence}" if "`" in line else f"{fence}{line}{fence}"
