"""A report as one page: verdicts to filter, traces to unfold, all of it to print; it needs nothing but itself.

The page may run the one script and use the one style sheet whose digests it states, and may fetch nothing.  The
template escapes every text; a picture is an image, in which nothing runs.
"""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from collections.abc import Iterator, Sequence
from hashlib import sha256
from importlib.resources import files
from itertools import groupby
from urllib.parse import quote

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from poolproof.reports.document import Change, Document, Finding, Trace

FEW = 12
"""More numbers than these at the end of a trace are folded."""


def html_of(document: Document) -> str:
    """The report as the text of a page."""
    style, script = (f"\n{_resource(name)}" for name in ("page.css", "page.js"))
    policy = (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    environment = Environment(autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True)
    environment.filters["groupby_place"] = _by_place
    template = environment.from_string(_resource("page.html.j2"))
    return template.render(
        document=document,
        policy=policy,
        # Both are files of the package: nothing of a document is in them.
        style=Markup(style),  # noqa: S704
        script=Markup(script),  # noqa: S704
        picture=picture_of(document.picture_svg),
        kinds=sorted(Counter(map(kind_of, document.findings)).items()),
        kind_of=kind_of,
        told=_says_more,
        anchors=list(anchors_of(document.findings)),
        trace_summary=_trace_summary,
        few=FEW,
    )


def kind_of(finding: Finding) -> str:
    """What a finding is filtered by: its verdict without its depth, and whether it is accepted."""
    verdict = finding.verdict.partition("(")[0]
    return f"{verdict} accepted" if finding.accepted is not None else verdict


def anchors_of(findings: Sequence[Finding]) -> Iterator[str]:
    """A name for each finding by which a link leads to it."""
    seen: Counter[str] = Counter()
    for finding in findings:
        name = quote(f"{finding.id}-{finding.about}".rstrip("-"), safe="")
        seen[name] += 1
        yield name if seen[name] == 1 else f"{name}-{seen[name]}"


def picture_of(svg: str | None) -> str:
    """A picture as an address that holds it."""
    return f"data:image/svg+xml;base64,{b64encode(svg.encode()).decode()}" if svg is not None else ""


def _says_more(finding: Finding) -> bool:
    """Whether a finding has more to say than its line."""
    more = (finding.trace, finding.accepted, finding.details, finding.why, finding.formal)
    return any(more) or (finding.level != "none" and bool(finding.message))


def _trace_summary(trace: Trace) -> str:
    """What a folded trace says of itself."""
    count = max((len(run) for run in trace.runs), default=0)
    runs = f"{len(trace.runs)} runs of " if len(trace.runs) > 1 else ""
    return f"Trace: {runs}{count} step{'' if count == 1 else 's'}"


def _by_place(changes: Sequence[Change]) -> list[tuple[str, list[Change]]]:
    """Changes next to each other in one market or record."""
    return [(place, list(group)) for place, group in groupby(changes, key=lambda change: change.place)]


def _resource(name: str) -> str:
    return (files("poolproof.reports") / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    """What a Content-Security-Policy calls an inline script or style sheet."""
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"
