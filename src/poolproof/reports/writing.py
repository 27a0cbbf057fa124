"""The files of a report: which option writes which format."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from poolproof.console import Output
from poolproof.reports.document import Document

WRITERS = {
    "--sarif": "poolproof.reports.sarif:sarif_of",
    "--junit": "poolproof.reports.junit:junit_of",
    "--markdown": "poolproof.reports.markdown:markdown_of",
    "--html": "poolproof.reports.html:html_of",
}
"""The function that writes a document, by the option that asks for it; it is imported when it is asked for."""


def reports_asked(output: Output) -> bool:
    """Whether any report is to be written."""
    return any(option in output.files for option in WRITERS)


def write_reports(output: Output, document: Document) -> None:
    """Write a document in each format that was asked for."""
    for option, writer in WRITERS.items():
        if option in output.files:
            module, _, name = writer.partition(":")
            write: Callable[[Document], str] = getattr(import_module(module), name)
            output.write(option, write(document))
