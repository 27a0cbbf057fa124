"""The pytest plugin: each invariant of a protocol file is a test, and its verdict the outcome."""

from __future__ import annotations

import gzip
import json
import re
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

from poolproof import checking, inputs, report, trace_files  # noqa: F401 - see `_loaded`
from poolproof.cache import Cache
from poolproof.invariants import CATALOGUE
from poolproof.proofs.verdicts import Decision, Verdict

pytest_plugins = ["pytester"]

ROOT = Path(__file__).resolve().parents[2]
MINIMAL = (ROOT / "spec" / "protocols" / "minimal.toml").read_text(encoding="utf-8")
GOLDEN = ROOT / "tests" / "golden" / "venus"
INSTALLED = bool(entry_points(group="pytest11", name="poolproof"))
PLUGIN = () if INSTALLED else ("-p", "poolproof.pytest_plugin")
"""What loads the plugin where only the sources are on the path."""
ACCEPTED = """
[[accepted]]
invariant = "SOLV-3"
reason = "dust"
weakened = "SOLV-1"
"""


@pytest.fixture(autouse=True, scope="module")
def _loaded() -> None:
    """Load all that a check needs: what an inner run in this process is the first to import, it forgets."""
    protocol, *_ = inputs.open_protocol("minimal")
    checking.check(protocol, only=("SOLV-1",), cache=Cache(None), decide=lambda *_, **__: [])


@pytest.fixture(autouse=True)
def _apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache of the test's own; nothing of the outer run's workers or colours."""
    monkeypatch.setenv("POOLPROOF_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "120")
    for name in ("PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT", "PYTEST_ADDOPTS", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)


class Runs:
    """Runs of pytest in a folder of their own, with a stand-in for the engines; ``asked`` is what they were asked."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self.pytester = pytester
        self.asked: list[tuple[str, ...]] = []
        self.verdicts: dict[str, Verdict] = {}
        self.more: dict[str, Any] = {}

    def file(self, name: str = "lending.poolproof.toml", text: str = MINIMAL) -> None:
        """Write a protocol file."""
        path = self.pytester.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def decide(self, _protocol: Any, *, only: tuple[str, ...], **_options: Any) -> list[Decision]:
        """Everything is proved but for what ``verdicts`` names."""
        self.asked.append(only)
        return [
            Decision(name, CATALOGUE[name].claim, "state", verdict, "prove", **self.more)
            if (verdict := self.verdicts.get(name)) is not None
            else Decision(name, CATALOGUE[name].claim, "state", Verdict.PROVED, "prove")
            for name in only
        ]

    def __call__(self, *words: str) -> pytest.RunResult:
        """Run pytest in this process, without a plugin that would load all of Hypothesis for every run."""
        return self.pytester.runpytest_inprocess(*PLUGIN, "-p", "no:xdist", "-p", "no:hypothesispytest", *words)


@pytest.fixture
def runs(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Runs:
    """Runs without evidence, so that the stand-in is asked."""
    found = Runs(pytester)
    monkeypatch.setattr(checking, "_decide", found.decide)
    monkeypatch.setattr(checking, "open_cache", lambda: Cache(None))
    return found


def golden() -> dict[str, Any]:
    """A recorded trace that violates SOLV-3."""
    trace: dict[str, Any] = json.loads(gzip.decompress((GOLDEN / "SOLV-3.json.gz").read_bytes()))
    return trace


# --- what is collected -------------------------------------------------------------


def test_each_invariant_is_a_test_of_its_file(runs: Runs) -> None:
    """Under the file's name and its own, in the order of the catalogue; nothing is decided for it."""
    runs.file()
    done = runs("--poolproof", "--collect-only", "-q")
    wanted = [f"lending.poolproof.toml::{invariant.id}" for invariant in CATALOGUE]
    assert [line for line in done.outlines if "::" in line] == wanted
    assert runs.asked == []


def test_without_the_option_nothing_is_collected(runs: Runs) -> None:
    """A project that has poolproof installed notices nothing."""
    runs.file()
    assert runs().ret == pytest.ExitCode.NO_TESTS_COLLECTED


def test_without_the_option_nothing_is_imported(pytester: pytest.Pytester) -> None:
    """Only the plugin itself, which needs nothing but what pytest has loaded already."""
    pytester.makepyfile("def test_something(): pass")
    code = f"""
import sys, pytest
code = pytest.main(["-q", "-p", "no:hypothesispytest", *{PLUGIN!r}])
ours = sorted(name for name in sys.modules if name.split(".")[0] == "poolproof")
print(int(code), ours, sorted({{"z3", "rich", "pydantic", "numpy", "typer"}} & set(sys.modules)))
"""
    done = pytester.run(sys.executable, "-c", code)
    assert done.outlines[-1] == "0 ['poolproof', 'poolproof.pytest_plugin'] []"


def test_the_ini_file_names_the_protocol_files(runs: Runs) -> None:
    """By globs that are matched from the right."""
    runs.file("a/lending/one.toml")
    runs.file("a/two.toml")
    runs.file("three.poolproof.toml")
    runs.pytester.makeini("[pytest]\npoolproof_protocols =\n  lending/*.toml\n  three.*\npoolproof_only = SOLV-1")
    done = runs("--poolproof", "--collect-only", "-q")
    assert [line for line in done.outlines if "::" in line] == [
        "a/lending/one.toml::SOLV-1",
        "three.poolproof.toml::SOLV-1",
    ]


def test_a_file_on_the_command_line_needs_no_glob(runs: Runs) -> None:
    """Nor does one of its tests."""
    runs.file("mine.toml")
    done = runs("--poolproof", "mine.toml::SOLV-1", "-v")
    done.assert_outcomes(passed=1)
    assert runs.asked == [("SOLV-1",)]


# --- what becomes of a verdict -----------------------------------------------------


def test_proved_passes(runs: Runs) -> None:
    """And the end says what the verdicts do not speak of."""
    runs.file()
    done = runs("--poolproof")
    done.assert_outcomes(passed=len(tuple(CATALOGUE)))
    assert len(runs.asked) == 1
    done.stdout.fnmatch_lines(["*poolproof: not in the model*", "- re-entrancy*"])


def test_refuted_fails_with_the_trace_as_a_timeline(runs: Runs) -> None:
    """Who did what, and what finally broke; no line of ours."""
    runs.file()
    runs.verdicts, runs.more = {"SOLV-3": Verdict.REFUTED}, {"trace": golden()}
    done = runs("--poolproof", "-k", "SOLV-3 or SOLV-1")
    done.assert_outcomes(failed=1, passed=1, deselected=len(tuple(CATALOGUE)) - 2)
    done.stdout.fnmatch_lines(["SOLV-3 REFUTED: the share price never falls*", "*  1  *", "broken *"])
    assert "pytest_plugin" not in done.stdout.str()


@pytest.mark.parametrize("verdict", [Verdict.UNKNOWN, Verdict.HOLDS_TO_DEPTH, Verdict.VACUOUS])
def test_what_is_not_decided_fails_with_its_reason(runs: Runs, verdict: Verdict) -> None:
    """Silence is not a proof."""
    runs.file()
    runs.verdicts, runs.more = {"CONS-2": verdict}, {"reason": "a budget used up", "depth": 3}
    done = runs("--poolproof", "-k", "CONS-2")
    done.assert_outcomes(failed=1, deselected=len(tuple(CATALOGUE)) - 1)
    done.stdout.fnmatch_lines([f"CONS-2 {verdict}*: the shares of all accounts sum to the supply", "*a budget used up"])


def test_an_accepted_finding_is_an_expected_failure(runs: Runs) -> None:
    """With the reason of its owners; `--runxfail` shows the finding."""
    runs.file(text=MINIMAL + ACCEPTED)
    runs.verdicts = {"SOLV-3": Verdict.REFUTED}
    done = runs("--poolproof", "-rx", "lending.poolproof.toml::SOLV-3")
    done.assert_outcomes(xfailed=1)
    done.stdout.fnmatch_lines(["XFAIL *::SOLV-3 - REFUTED: SOLV-3 is accepted: dust"])
    assert set(runs.asked[0]) == {"SOLV-1", "SOLV-3"}
    runs("--poolproof", "--runxfail", "lending.poolproof.toml::SOLV-3").assert_outcomes(failed=1)


def test_an_acceptance_that_does_not_cover_says_why(runs: Runs) -> None:
    """The weaker claim is gone too."""
    runs.file(text=MINIMAL + ACCEPTED)
    runs.verdicts = {"SOLV-3": Verdict.REFUTED, "SOLV-1": Verdict.UNKNOWN}
    done = runs("--poolproof", "-k", "SOLV-3")
    done.stdout.fnmatch_lines(["the acceptance of SOLV-3 does not cover this: the weaker claim SOLV-1 is UNKNOWN*"])
    assert done.parseoutcomes()["failed"] == 1


def test_an_acceptance_without_a_finding_is_a_warning(runs: Runs) -> None:
    """It can be removed."""
    runs.file(text=MINIMAL + ACCEPTED)
    done = runs("--poolproof", "-k", "SOLV-3")
    done.stdout.fnmatch_lines(["*SOLV-3 is proved; its acceptance is no longer needed, remove it*"])
    assert done.parseoutcomes() == {"passed": 1, "warnings": 1, "deselected": len(tuple(CATALOGUE)) - 1}


def test_junit_has_the_verdict(runs: Runs) -> None:
    """As properties of the test, with what the proof assumes."""
    runs.file()
    runs("--poolproof", "-k", "CONS-2", "--junitxml=out.xml", "-o", "junit_family=xunit1")
    written = (runs.pytester.path / "out.xml").read_text(encoding="utf-8")
    assert '<property name="poolproof_verdict" value="PROVED"' in written
    assert '<property name="poolproof_engine" value="prove"' in written


# --- what is wrong -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (MINIMAL.replace("horizon = 315360000", "horizon = 'soon'"), '*horizon: "soon"*'),
        (MINIMAL.replace('model = "reference"', 'model = "refrence"'), '*write "reference"*'),
        (MINIMAL + ACCEPTED.replace("SOLV-1", "SOLV-99"), "*accepted*SOLV-99*"),
    ],
)
def test_an_ill_formed_file_is_an_error_of_the_collection(runs: Runs, text: str, said: str) -> None:
    """In the words of the command, and no traceback."""
    runs.file(text=text)
    done = runs("--poolproof")
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines(["*ERROR collecting lending.poolproof.toml*", said])
    assert "Traceback" not in done.stdout.str()
    assert not re.search(r"\.py:\d+", done.stdout.str())


@pytest.mark.parametrize("line", ["poolproof_budget = much", "poolproof_budget = 0", "poolproof_seed = -1"])
def test_a_wrong_number_in_the_ini_file_is_named(runs: Runs, line: str) -> None:
    """Before anything is decided."""
    runs.file()
    runs.pytester.makeini(f"[pytest]\n{line}")
    done = runs("--poolproof")
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines([f"{line.partition(' ')[0]}: *is not a whole number*"])


def test_an_unknown_invariant_in_the_ini_file_is_named(runs: Runs) -> None:
    """With the one that was probably meant."""
    runs.file()
    runs.pytester.makeini("[pytest]\npoolproof_only = SOLV1")
    runs("--poolproof").stdout.fnmatch_lines(["--only: *SOLV-1*"])


def test_an_error_of_an_engine_is_every_tests_error_and_is_met_once(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is no verdict."""
    met = []

    def fail(*_arguments: Any, **_options: Any) -> list[Decision]:
        met.append(1)
        raise RuntimeError("lost its way")

    monkeypatch.setattr(checking, "_decide", fail)
    runs.file()
    done = runs("--poolproof", "-k", "SOLV-1 or CONS-1")
    assert done.parseoutcomes()["failed"] == 2
    done.stdout.fnmatch_lines(["*lost its way*"])
    assert met == [1]


# --- with the rest of pytest -------------------------------------------------------


def test_only_what_is_selected_is_decided(runs: Runs) -> None:
    """By name, by the marker, and after a failure."""
    runs.file()
    runs.verdicts = {"CONS-2": Verdict.UNKNOWN}
    runs("--poolproof", "-k", "CONS-2 or CONS-3")
    runs("--poolproof", "--lf")
    runs("--poolproof", "-m", "not poolproof")
    assert runs.asked == [("CONS-2", "CONS-3"), ("CONS-2",)]


def test_the_first_failure_can_end_the_run(runs: Runs) -> None:
    """By `-x`."""
    runs.file()
    runs.verdicts = {"SOLV-2": Verdict.UNKNOWN}
    runs("--poolproof", "-x").assert_outcomes(passed=1, failed=1)


def test_tests_in_python_run_beside(runs: Runs) -> None:
    """In one run."""
    runs.file()
    runs.pytester.makepyfile("def test_something(): pass")
    runs("--poolproof", "-k", "SOLV-1 or something").assert_outcomes(passed=2, deselected=len(tuple(CATALOGUE)) - 1)


COUNTED = """
from poolproof import checking

check = checking.check

def counted(*arguments, **options):
    with open("checks.txt", "a") as file:
        file.write("x")
    return check(*arguments, **options)

checking.check = counted
"""


def test_workers_decide_a_file_once(pytester: pytest.Pytester) -> None:
    """With pytest-xdist, whichever asks first; the engines and the shipped evidence are the real ones."""
    pytester.makeconftest(COUNTED)
    (pytester.path / "lending.poolproof.toml").write_text(MINIMAL, encoding="utf-8")
    done = pytester.runpytest_subprocess(*PLUGIN, "--poolproof", "-n", "2", "-k", "CONS or RATE")
    names = [each.id for each in CATALOGUE if each.id.startswith(("CONS", "RATE"))]
    done.assert_outcomes(passed=len(names))
    assert (pytester.path / "checks.txt").read_text(encoding="utf-8") == "x"
    done.stdout.fnmatch_lines(["*poolproof: not in the model*"])
