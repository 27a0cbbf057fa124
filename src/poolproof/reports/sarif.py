"""A report as SARIF 2.1.0: for code scanning, and for editors that show results beside the file.

Only what asks for attention is a result: several readers of the format take every result for a problem, whatever kind
it says it is.  What the owners accept is a note with its suppression.  All that was decided stands among the rules.
"""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any
from urllib.parse import quote

from poolproof.reports.document import Document, Finding, Step, Trace, Where

SCHEMA = "https://json.schemastore.org/sarif-2.1.0-rtm.5.json"
FENCE = "`" * 4


def sarif_of(document: Document) -> str:
    """The report as the text of a SARIF file."""
    return json.dumps(log_of(document), indent=1) + "\n"


def log_of(document: Document) -> dict[str, Any]:
    """The report as JSON data."""
    rules: dict[str, int] = {}
    described = []
    for finding in document.findings:
        if finding.id not in rules:
            rules[finding.id] = len(rules)
            described.append(_rule(finding))
    files = dict.fromkeys(finding.where.file for finding in document.findings if finding.where is not None)
    run = {
        "tool": {"driver": {"name": "poolproof", "semanticVersion": document.version, "rules": described}},
        "automationDetails": {"id": f"poolproof/{document.command}/{document.subject}/"},
        "invocations": [_invocation(document)],
        "artifacts": [{"location": {"uri": uri_of(file)}} for file in files],
        "results": [
            _result(document, finding, rules[finding.id]) for finding in document.findings if finding.level != "none"
        ],
        "columnKind": "unicodeCodePoints",
        "properties": {"headline": document.headline, "scope": list(document.scope)},
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def uri_of(file: str) -> str:
    """A path as a URI reference: relative as it is, absolute with its scheme, both percent-encoded."""
    for kind in (PurePosixPath, PureWindowsPath):
        path = kind(file)
        if path.is_absolute():
            return path.as_uri()
    return quote(file)


def message(text: str) -> dict[str, str]:
    """A text as a message, in which braces stand for themselves, and nothing is a link."""
    return {"text": text.replace("{", "{{").replace("}", "}}").replace("](", "] (")}


def _rule(finding: Finding) -> dict[str, Any]:
    """What is claimed, why it matters, and its formal text."""
    full = f"{finding.claim}. {finding.why}" if finding.why else finding.claim
    parts = [part for part in (finding.why, finding.formal) if part]
    rule: dict[str, Any] = {
        "id": finding.id,
        "shortDescription": message(finding.claim),
        "fullDescription": message(full),
        "defaultConfiguration": {"level": "error"},
        "properties": {"tags": [finding.id.partition("-")[0]]},
    }
    if parts:
        rule["help"] = message("\n\n".join(parts))
        if finding.formal:
            fenced = f"{FENCE}python\n{finding.formal}\n{FENCE}"
            rule["help"]["markdown"] = message("\n\n".join([*parts[:-1], fenced]))["text"]
    return rule


def _invocation(document: Document) -> dict[str, Any]:
    """How the tool was called, and how it ended."""
    found: dict[str, Any] = {
        "commandLine": document.line,
        "exitCode": document.exit_code,
        "exitCodeDescription": document.headline,
        "executionSuccessful": not document.unfinished,
    }
    told = [("warning", document.unfinished), *(("note", note) for note in document.notes)]
    notifications = [{"level": level, "message": message(text)} for level, text in told if text]
    return found | ({"toolExecutionNotifications": notifications} if notifications else {})


def _result(document: Document, finding: Finding, rule: int) -> dict[str, Any]:
    text = finding.message or finding.claim
    identity = json.dumps([document.command, document.subject, finding.id, finding.about])
    result: dict[str, Any] = {
        "ruleId": finding.id,
        "ruleIndex": rule,
        "level": finding.level if finding.accepted is None else "note",
        "message": message(f"{finding.verdict}: {text}"),
        "locations": [_location(finding.where, finding.about)] if finding.where or finding.about else [],
        "partialFingerprints": {"finding/v1": sha256(identity.encode()).hexdigest()},
        "properties": {"verdict": finding.verdict, "engine": finding.engine, "details": list(finding.details)},
    }
    if finding.trace is not None:
        result["codeFlows"] = [_flow(finding.trace, finding.where)]
    if finding.accepted is not None:
        result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": finding.accepted}]
    return result


def _location(where: Where | None, about: str = "") -> dict[str, Any]:
    """A place in a file, and what it is about by name."""
    found: dict[str, Any] = {}
    if where is not None:
        place = {"artifactLocation": {"uri": uri_of(where.file)}, "region": {"startLine": where.line}}
        found["physicalLocation"] = place
    if about:
        found["logicalLocations"] = [{"fullyQualifiedName": about}]
    return found


def _flow(trace: Trace, where: Where | None) -> dict[str, Any]:
    """The steps of each run, and what broke at the end of the last."""
    threads = []
    for number, run in enumerate(trace.runs, start=1):
        steps = [_step(step, where) for step in run]
        if number == len(trace.runs):
            ending = {"location": _location(where) | {"message": message(trace.ending)}, "importance": "essential"}
            steps.append(ending)
        if steps:
            threads.append({"id": f"run {number}", "locations": steps})
    return {"message": message(f"from {trace.start}"), "threadFlows": threads}


def _step(step: Step, where: Where | None) -> dict[str, Any]:
    """A step in words, at its place in the file, with the values that it left changed."""
    text = f"{step.text} ({step.note})" if step.note else step.text
    found: dict[str, Any] = {"location": _location(step.where or where) | {"message": message(text)}}
    if step.changes:
        values = {" ".join(filter(None, (each.place, each.field))): message(each.new) for each in step.changes}
        found["state"] = values
    return found
