"""Every format of a report: valid by its published schema, complete, and safe whatever the names are."""

import importlib
import json
import re
import sys
import xml.etree.ElementTree as ET
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import xmlschema
from hypothesis import given
from hypothesis import strategies as st
from jsonschema.validators import validator_for  # type: ignore[import-untyped]  # ships no types
from markdown_it import MarkdownIt

from poolproof.reports.document import Change, Column, Document, Finding, Row, Step, Table, Trace, Where, plain
from poolproof.reports.html import anchors_of, html_of
from poolproof.reports.junit import junit_of
from poolproof.reports.markdown import LARGEST, above_the_fold, in_html, markdown_of, words
from poolproof.reports.sarif import log_of, message, sarif_of, uri_of

sys.path.append(str(Path(__file__).parent))
examples: Any = importlib.import_module("example_documents")

SCHEMAS = Path(__file__).resolve().parents[1] / "schemas"
SARIF = json.loads((SCHEMAS / "sarif-2.1.0-rtm.5.json").read_text(encoding="utf-8"))
JUNIT = xmlschema.XMLSchema(str(SCHEMAS / "junit-10.xsd"))
GATE: Document = examples.GATE
HOSTILE: Document = examples.hostile()
EMPTY = Document("t", "check", "poolproof check t", "t", ok=True, exit_code=0, verdict="passed", headline="nothing")
DOCUMENTS = pytest.mark.parametrize("document", [GATE, HOSTILE, EMPTY], ids=["gate", "hostile", "empty"])
ANY_TEXT = st.text(st.one_of(st.characters(), st.sampled_from("|`*_<>[]()@#:/.\\&$~ \n")), max_size=40)


# --- the document ---------------------------------------------------------------------------------------


def test_a_document_holds_only_what_can_be_printed() -> None:
    """Control characters, direction marks and half characters are replaced; line ends stay."""
    change = Change("\x00a", "b\u202e", "\ud800", "x\ty\nz")
    assert (change.place, change.field, change.old, change.new) == ("\ufffda", "b\ufffd", "\ufffd", "x   y\nz")
    assert Row(("a\x1b",)).cells == ("a\ufffd",)
    assert plain("é 漢 😀") == "é 漢 😀"


def test_a_row_has_a_text_for_each_column() -> None:
    """A table that would be shown shifted is refused."""
    with pytest.raises(ValueError, match="one text for each column"):
        Table("t", (Column("a"), Column("b")), (Row(("1",)),))


# --- SARIF ----------------------------------------------------------------------------------------------


@DOCUMENTS
def test_sarif_is_valid(document: Document) -> None:
    """By the published schema, in UTF-8, with addresses of nothing but the characters that those may have."""
    text = sarif_of(document)
    validator = validator_for(SARIF)(SARIF)
    assert [error.message for error in validator.iter_errors(json.loads(text.encode()))] == []
    assert all(re.fullmatch(r"[A-Za-z0-9._~/:%-]+", uri) for uri in re.findall(r'"uri": "(.*)"', text))


def test_the_sarif_schema_can_say_no() -> None:
    """The check above is one."""
    log = log_of(GATE)
    log["runs"][0]["results"][0]["level"] = "terrible"
    assert not validator_for(SARIF)(SARIF).is_valid(log)


def test_sarif_has_what_asks_for_attention() -> None:
    """Each rule once, no result for what is proved, accepted findings as suppressed notes, each at its place."""
    (run,) = log_of(GATE)["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["CAP-2", "SOLV-5", "RND-1", "LIQ-1", "joint"]
    assert "who is late" in rules[0]["help"]["text"]
    assert "market.supply_cap" in rules[0]["help"]["markdown"]
    results = run["results"]
    assert [result["ruleId"] for result in results] == ["CAP-2", "SOLV-5", "RND-1", "LIQ-1", "joint"]
    assert [result["level"] for result in results] == ["error", "warning", "note", "warning", "error"]
    assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in results)
    assert [bool(result.get("suppressions")) for result in results] == [False, False, True, False, False]
    assert results[2]["suppressions"][0]["justification"] == "one unit is nothing"
    place = results[0]["locations"][0]
    assert place["physicalLocation"] == {
        "artifactLocation": {"uri": "protocols/a%20b.toml"},
        "region": {"startLine": 17},
    }
    assert place["logicalLocations"] == [{"fullyQualifiedName": "pools[A].markets[X].supply_cap"}]
    assert run["invocations"][0]["exitCode"] == 1
    assert run["invocations"][0]["executionSuccessful"]
    assert not log_of(replace(GATE, unfinished="cut"))["runs"][0]["invocations"][0]["executionSuccessful"]


def test_sarif_tells_a_trace_step_by_step() -> None:
    """Each step with its place and the values that it left, and what broke at the end."""
    (flow,) = log_of(GATE)["runs"][0]["results"][0]["codeFlows"]
    first, second = flow["threadFlows"]
    assert [step["location"]["message"]["text"] for step in first["locations"]] == [
        "alice deposits 5,000 X",
        "bob borrows 9,000 X (refused, CashShort: 9,000 exceeds 5,000)",
    ]
    assert first["locations"][0]["state"] == {"X cash": {"text": "5,000 X"}, "now": {"text": "1"}}
    (ending,) = second["locations"]
    assert ending["location"]["message"]["text"] == GATE.findings[0].trace.ending  # type: ignore[union-attr]
    assert ending["importance"] == "essential"


def test_a_fingerprint_stays_when_the_file_changes() -> None:
    """It does not depend on the line, on the engine or on the words, and tells findings apart."""

    def prints(*findings: Finding) -> list[str]:
        document = replace(GATE, findings=findings)
        return [result["partialFingerprints"]["finding/v1"] for result in log_of(document)["runs"][0]["results"]]

    finding = GATE.findings[0]
    moved = replace(finding, where=Where("protocols/a b.toml", 99), message="otherwise", engine="fuzz", seconds=9.0)
    other = replace(finding, about="pools[B]")
    one, same, another = prints(finding, moved, other)
    assert one == same != another


@pytest.mark.parametrize(
    ("file", "uri"),
    [
        ("a/b.toml", "a/b.toml"),
        ("a b/ü%.toml", "a%20b/%C3%BC%25.toml"),
        ("c:d.toml", "c%3Ad.toml"),
        ("/x/é.toml", "file:///x/%C3%A9.toml"),
        ("C:/x y.toml", "file:///C:/x%20y.toml"),
    ],
)
def test_a_path_is_an_address(file: str, uri: str) -> None:
    """Relative where it is, and percent-encoded."""
    assert uri_of(file) == uri


def test_a_message_means_what_it_says() -> None:
    """Braces are no placeholders, and brackets no links."""
    assert message("{0} of [x](y) }") == {"text": "{{0}} of [x] (y) }}"}


# --- JUnit ----------------------------------------------------------------------------------------------


@DOCUMENTS
def test_junit_is_valid(document: Document) -> None:
    """By the published schema, and as XML."""
    JUNIT.validate(ET.fromstring(junit_of(document).encode()))  # noqa: S314 - our own text


def test_junit_counts_what_it_holds() -> None:
    """Wrong is a failure, undecided an error, accepted skipped; the counts are those of the cases."""
    root = ET.fromstring(junit_of(GATE).encode())  # noqa: S314
    (suite,) = root
    cases = suite.findall("testcase")
    assert [case.get("name") for case in cases][:2] == ["CAP-2 pools[A].markets[X].supply_cap", "CAP-2 pools[B]"]
    kinds = [next((part.tag for part in case if part.tag in ("failure", "error", "skipped")), "") for case in cases]
    assert kinds == ["failure", "", "error", "skipped", "error", "failure"]
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors"), suite.get("skipped")) == (
        "6",
        "2",
        "2",
        "1",
    )
    told = cases[0].findtext("failure") or ""
    assert "alice deposits 5,000 X\n     X cash: 0 X -> 5,000 X" in told
    assert "at protocols/a b.toml:17" in told
    assert cases[0].get("time") == "0.250"


def test_junit_has_a_case_for_what_an_interrupt_left() -> None:
    """A partial report is not a green one."""
    root = ET.fromstring(junit_of(replace(EMPTY, unfinished="3 claims are not decided")).encode())  # noqa: S314
    assert root.get("errors") == "1"
    assert root.find(".//error").get("message") == "3 claims are not decided"  # type: ignore[union-attr]


@given(ANY_TEXT)
def test_any_text_is_xml(text: str) -> None:
    """What XML forbids never reaches it, and nothing else is lost."""
    document = replace(EMPTY, findings=(Finding("X", "c", "REFUTED", "error", message=text),))
    root = ET.fromstring(junit_of(document).encode())  # noqa: S314
    assert root.find(".//failure").get("message") == (plain(text) or "c")  # type: ignore[union-attr]


# --- Markdown -------------------------------------------------------------------------------------------

COMMENT = MarkdownIt("commonmark").enable(["table", "strikethrough"])
OWN_HTML = re.compile(r"(<details><summary>[^<>]*</summary>|</details>)\n?")


def tokens_of(text: str) -> list[Any]:
    """The tokens of a comment, those inside a line included."""
    found = []
    for token in COMMENT.parse(text):
        found += [token, *(token.children or ())]
    return found


@DOCUMENTS
def test_markdown_fits_a_screen_and_a_comment(document: Document) -> None:
    """At most fifteen lines above the fold, and never more than a comment may have."""
    assert above_the_fold(document).count("\n") <= 15
    assert len(markdown_of(document).encode()) <= LARGEST


def test_markdown_says_the_verdict_first() -> None:
    """In one line; then what is open, each in a row."""
    lines = markdown_of(GATE).splitlines()
    assert lines[0] == "❌ **poolproof gate shop: CLOSED**; 1 of 3 changes is not safe"
    assert lines[4].startswith("| ❌ | CAP-2 ")
    assert markdown_of(EMPTY).startswith("✅ **t: passed**; nothing\n")


def test_markdown_shows_the_first_table_where_nothing_is_open() -> None:
    """Its bad rows before the others."""
    quiet = replace(GATE, ok=True, findings=(), tables=(replace(examples.CHANGES, rows=examples.CHANGES.rows[::-1]),))
    lines = above_the_fold(quiet).splitlines()
    assert "supply\\_cap" in lines[4]


@DOCUMENTS
def test_no_text_makes_markup(document: Document) -> None:
    """The only HTML is the folds, balanced; no link, no picture, no emphasis beyond the verdict's, no heading."""
    text = markdown_of(document)
    tokens = tokens_of(text)
    kinds = {token.type for token in tokens}
    assert not kinds & {"link_open", "image", "em_open", "s_open", "heading_open", "html_inline", "fence", "code_block"}
    html = "".join(token.content for token in tokens if token.type == "html_block")
    assert OWN_HTML.sub("", html) == ""
    assert html.count("<details>") == html.count("</details>")
    for line in text.splitlines():
        if line.startswith("|"):
            assert not re.search(r"@\w|https?://|www\.\w|GH-\d|:\w+:", line)


@given(ANY_TEXT)
def test_any_text_is_shown_as_it_is(text: str) -> None:
    """In a cell of a table: one cell, and the characters of the text, those without width aside."""
    row = f"| | {words(plain(text))} | end |"
    tokens = tokens_of(f"| | a | b |\n|---|---|---|\n{row}\n")
    cells = [token for token in tokens if token.type == "td_open"]
    assert len(cells) == 3
    inline = [token for token in tokens if token.type == "inline"][4]
    shown = "".join(child.content for child in inline.children)
    assert {child.type for child in inline.children} <= {"text", "text_special"}
    assert shown.replace("\u200b", "") == " ".join(plain(text).split())


@given(ANY_TEXT)
def test_no_text_is_linked_by_a_reader(text: str) -> None:
    """Mentions, numbers of issues, bare addresses and emoji are broken, in Markdown and in a summary."""
    for shown in (words(text), in_html(text)):
        assert not re.search(r"@\w|(?<!&)#\w|\w://|(?i:www)\.|GH-\d|:[a-z+]", re.sub("&[a-z]+;|&#x27;", "", shown))


def test_markdown_is_cut_with_a_note() -> None:
    """A thousand traces stay out of a comment, and the reader is told."""
    steps = tuple(Step(f"step {number}", (Change("X", "cash", "0", "1"),)) for number in range(200))
    finding = Finding("CAP-2", "c", "REFUTED", "error", "m", trace=Trace("the start", (steps,), "broke"))
    many = replace(GATE, findings=tuple(replace(finding, about=f"market {number}") for number in range(1000)))
    text = markdown_of(many)
    assert len(text.encode()) <= LARGEST
    assert re.search(r"\d+ more sections do not fit", text)
    assert text.count("<details>") == text.count("</details>") > 3


# --- HTML -----------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """What a page has: its tags with their attributes, and its texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.depth: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep a tag."""
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "link", "br", "img", "input"):
            self.depth.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Every element ends where it has to."""
        assert self.depth.pop() == tag

    def handle_data(self, data: str) -> None:
        """Keep a text."""
        self.texts.append(data)


@DOCUMENTS
def test_a_page_needs_nothing_but_itself(document: Document) -> None:
    """Well nested; no address but in it; its own style and script alone, by their digests; no handler in a tag."""
    page = Page(html_of(document))
    assert page.depth == []
    policy = next(tag["content"] for _, tag in page.tags if tag.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none';")
    for name in ("style", "script"):
        (content,) = re.findall(rf"<{name}>(.*?)</{name}>", html_of(document), re.DOTALL)
        assert f"{name}-src 'sha256-{b64encode(sha256(content.encode()).digest()).decode()}'" in policy
    for _, tag in page.tags:
        assert not any(name.startswith("on") or name == "style" for name in tag)
        for name in ("src", "href"):
            assert (tag.get(name) or "#").startswith(("#", "data:,", "data:image/svg+xml;base64,"))


def test_hostile_texts_are_texts() -> None:
    """Every one is on the page, as text; no element comes from any."""
    page = Page(html_of(HOSTILE))
    tags = [tag for tag, _ in page.tags]
    assert tags.count("script") == 1
    assert [tag["src"] for name, tag in page.tags if name == "img"] == [
        f"data:image/svg+xml;base64,{b64encode(examples.PICTURE.encode()).decode()}"
    ]
    shown = "".join(page.texts)
    assert shown.count(plain(examples.HOSTILE)) >= 20


def test_a_page_tells_everything() -> None:
    """Verdicts, traces, tables, the ground, and the command that repeats it."""
    shown = " ".join("".join(Page(html_of(GATE)).texts).split())
    for text in (
        "CLOSED 1 of 3 changes is not safe",
        "pools[A].markets[X].supply_cap",
        "Trace: 2 runs of 2 steps",
        "refused, CashShort: 9,000 exceeds 5,000",
        "no action is needed",
        "prices are positive (all)",
        "poolproof gate base.toml 'protocols/a b.toml'",
        "who is late cannot leave",
        "Who lends to whom",
    ):
        assert text in shown


def test_anchors_tell_findings_apart() -> None:
    """Also where two have one id, and whatever the id is."""
    finding = GATE.findings[0]
    names = list(anchors_of([finding, finding, replace(finding, about=""), replace(finding, about="", id="a b<")]))
    assert len(set(names)) == 4
    assert names[2:] == ["CAP-2", "a%20b%3C"]


@pytest.mark.parametrize("write", [sarif_of, junit_of, markdown_of, html_of])
@DOCUMENTS
def test_the_same_document_gives_the_same_text(write: Any, document: Document) -> None:
    """No clock, no chance."""
    assert write(document) == write(document)
