"""A report as JUnit XML: each claim is a test case, for the test pages that every CI has.

What is wrong is a failure, what was not decided is an error, what the owners accept is skipped with their reason.
"""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement, indent, tostring

from poolproof.reports.document import Document, Finding
from poolproof.reports.plain_text import lines_of_trace

OUTCOMES = {"error": "failure", "warning": "error"}
"""What a finding that is open is to a test case, by its level."""


def junit_of(document: Document) -> str:
    """The report as the text of an XML file."""
    suite = Element("testsuite", {"name": document.title})
    _describe(suite, document)
    for finding in document.findings:
        _case(suite, document, finding)
    if document.unfinished:
        case = SubElement(suite, "testcase", _named(document, "everything is decided", None))
        SubElement(case, "error", {"type": "unfinished", "message": document.unfinished})
    counts = {"tests": "testcase", "failures": "testcase/failure", "errors": "testcase/error"}
    root = Element("testsuites", {"name": document.title})
    for part in (root, suite):
        part.attrib |= {name: str(len(suite.findall(path))) for name, path in counts.items()}
        part.set("time", _seconds(document.seconds))
    suite.set("skipped", str(len(suite.findall("testcase/skipped"))))
    root.append(suite)
    indent(root, " ")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{tostring(root, encoding="unicode")}\n'


def _describe(suite: Element, document: Document) -> None:
    """What a reader needs to repeat the run, and how it ended in a line."""
    facts = {
        "command": document.line,
        "version": document.version,
        "exit code": str(document.exit_code),
        "headline": document.headline,
    }
    properties = SubElement(suite, "properties")
    for name, value in facts.items():
        SubElement(properties, "property", {"name": name, "value": value})


def _case(suite: Element, document: Document, finding: Finding) -> None:
    name = f"{finding.id} {finding.about}".strip()
    case = SubElement(suite, "testcase", _named(document, name, finding.seconds))
    told = {"message": finding.message or finding.claim, "type": finding.verdict}
    if finding.accepted is not None:
        told["message"] = f"{finding.verdict}, accepted: {finding.accepted}"
        SubElement(case, "skipped", told)
    elif finding.level in OUTCOMES:
        SubElement(case, OUTCOMES[finding.level], told).text = "\n".join(_told(finding))
        return
    SubElement(case, "system-out").text = "\n".join(_told(finding))


def _told(finding: Finding) -> list[str]:
    """The claim, where the finding is placed, what explains it, and its trace."""
    lines = [f"the claim: {finding.claim}", f"the verdict: {finding.verdict}", *finding.details]
    if finding.where is not None:
        lines.append(f"at {finding.where.file}:{finding.where.line}")
    if finding.trace is not None:
        lines += ["", *lines_of_trace(finding.trace)]
    return lines


def _named(document: Document, name: str, seconds: float | None) -> dict[str, str]:
    return {"classname": f"poolproof.{document.command}.{document.subject}", "name": name, "time": _seconds(seconds)}


def _seconds(seconds: float | None) -> str:
    return f"{seconds or 0:.3f}"
