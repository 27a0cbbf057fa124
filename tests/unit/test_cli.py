"""The command line: exit codes, messages and JSON, whatever is typed."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from poolproof import checking, cli
from poolproof.cli import main
from poolproof.invariants import CATALOGUE
from poolproof.models.reference import REFERENCE
from poolproof.proofs import fuzz as fuzzing
from poolproof.proofs.fuzz import fuzz
from poolproof.proofs.progress import Event, Listener
from poolproof.proofs.snapshots import state_to_json
from poolproof.proofs.verdicts import Decision, Verdict
from poolproof.spec.invariant import Catalogue
from poolproof.spec.loading import load_protocol, shipped_protocols

ROOT = Path(__file__).resolve().parents[2]
MINIMAL = (ROOT / "spec" / "protocols" / "minimal.toml").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def _apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache and a working folder of the test's own, and no colours."""
    monkeypatch.setenv("POOLPROOF_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("POOLPROOF_DEBUG", raising=False)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.chdir(tmp_path)


class Ran:
    """What a command left behind."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def json(self) -> Any:
        """Standard output, as JSON and nothing else."""
        return json.loads(self.out)


Run = Callable[..., Ran]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command in this process."""

    def command(*words: str) -> Ran:
        capsys.readouterr()
        code = main(words)
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return command


def deciding(**verdicts: Verdict) -> Callable[..., list[Decision]]:
    """A prover that finds everything proved but for what it is told (SOLV_3 for SOLV-3)."""

    def decide(_protocol: Any, *, only: tuple[str, ...], on_event: Listener, **_options: Any) -> list[Decision]:
        found = []
        for number, name in enumerate(only):
            invariant = CATALOGUE[name]
            verdict = verdicts.get(name.replace("-", "_"), Verdict.PROVED)
            found.append(Decision(name, invariant.claim, invariant.kind, verdict, "prove"))
            on_event(Event("prove", number + 1, len(only), found[-1]))
        return found

    return decide


@pytest.fixture
def decide(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Put a stand-in for the prover in place."""

    def put(**verdicts: Verdict) -> None:
        monkeypatch.setattr(checking, "_decide", deciding(**verdicts))

    put()
    return put


# --- how a command ends ------------------------------------------------------------


HELP = """
import sys, time
from poolproof.cli import main
code = main(["--help"])
heavy = {"rich", "z3", "pydantic", "hypothesis", "poolproof.models", "poolproof.proofs"} & set(sys.modules)
print(code, sorted(heavy), time.process_time(), sep="|")
"""


def test_help_answers_at_once() -> None:
    """Within 0.3 s of its own time, because nothing heavy is imported for it."""
    seconds = []
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", HELP], capture_output=True, text=True, check=True)
        code, heavy, used = done.stdout.splitlines()[-1].split("|")
        assert (code, heavy) == ("0", "[]")
        seconds.append(float(used))
    assert min(seconds) < 0.3


def test_without_a_command_the_help_is_shown(run: Run) -> None:
    """Somebody who types the name alone wants to know what there is."""
    assert run().out == run("--help").out
    for command in (
        "protocols",
        "invariants",
        "explain",
        "check",
        "fuzz",
        "explore",
        "replay",
        "schema",
        "cache",
    ):
        assert f"  {command} " in run().out
        assert run(command, "--help").code == 0


def test_the_version_is_the_packages(run: Run) -> None:
    """On a line of its own."""
    from poolproof import __version__

    assert run("--version").out == f"poolproof {__version__}\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["chek"], "no such command"),
        (["check"], "missing argument 'PROTOCOL'"),
        (["check", "minimal", "--buget", "3"], "--budget"),
        (["check", "minimal", "--budget", "0"], "--budget"),
        (["check", "minimal", "--budget", "1e9"], "--budget"),
        (["check", "minimal", "--jobs", "-1"], "--jobs"),
        (["check", "minimal", "--jobs"], "--jobs"),
        (["check", "minimal", "extra"], "extra"),
        (["check", "minimal", "--engine", "prover"], '"prover" is not an engine; did you mean prove'),
        (["check", "minimal", "--only", "SOLV-33"], '"SOLV-33" is not an invariant; did you mean SOLV-3'),
        (["check", "mininal"], '"mininal" is not the name of a shipped protocol; write "minimal"'),
        (["explain", "SLOV-3"], '"SLOV-3" is not an invariant; did you mean SOLV-3'),
        (["invariants", "mininal"], 'write "minimal"'),
        (["fuzz", "minimal", "--steps", "5", "--seconds", "5"], "--seconds and --steps are both given"),
        (["fuzz", "minimal", "--checks", "some"], "--checks"),
        (["fuzz", "minimal", "--seconds", "soon"], "--seconds"),
        (["fuzz", "minimal", "--seconds", "inf"], "inf is not a number of seconds"),
        (["explore", "minimal", "--depth", "-1"], "--depth"),
        (["replay", "no.json"], "no.json: there is no such file"),
        (["cache", "--prune", "-1"], "--prune"),
        (["protocols", "--json", "no/such/folder/out.json"], "the folder of this file does not exist"),
        (["check", "minimal", "--state", "no.json"], "no.json: there is no such file"),
    ],
)
def test_wrong_usage_is_3_with_one_message(run: Run, words: list[str], said: str) -> None:
    """What was wrong, where, and what to do; on standard error, without a traceback."""
    ran = run(*words)
    assert ran.code == 3
    assert said in ran.err
    assert ran.err.startswith("error: ")
    assert ran.err.count("\n") == 1
    assert ran.out == ""


AMOUNT = 'supply_cap = "10000000000000000000000"'


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (AMOUNT, 'suply_cap = "1"', "supply_cap"),
        (AMOUNT, 'supply_cap = "-5"', '"-5"'),
        (AMOUNT, 'supply_cap = "1_000"', 'like "1000"'),
        (AMOUNT, 'supply_cap = "+5"', 'like "5"'),
        (AMOUNT, 'supply_cap = "0x10"', 'like "16"'),
        (AMOUNT, 'supply_cap = "1e18"', 'like "1000000000000000000"'),
        (AMOUNT, "supply_cap = 1000", 'like "1000"'),
        (AMOUNT, 'supply_cap = "ten"', '"ten"'),
        ("decimals = 18", "", "decimals"),
        ('model = "reference"', 'model = "refrence"', 'mine.toml: model: "refrence" is not'),
        ("[[pools]]", "[[pools", "this is not TOML"),
        ("users = [", "users = " + "[" * 5000, "nested"),
    ],
)
def test_an_ill_formed_file_is_3_with_its_place(run: Run, tmp_path: Path, old: str, new: str, said: str) -> None:
    """File, key, value, rule and cure."""
    assert old in MINIMAL
    file = tmp_path / "mine.toml"
    file.write_text(MINIMAL.replace(old, new, 1), encoding="utf-8")
    ran = run("check", str(file))
    assert ran.code == 3
    assert said in ran.err
    assert "Traceback" not in ran.err
    assert ran.out == ""


def test_a_huge_file_is_3(run: Run, tmp_path: Path) -> None:
    """It is not even read."""
    file = tmp_path / "huge.toml"
    file.write_text(MINIMAL + "#" * 2**21, encoding="utf-8")
    ran = run("check", str(file))
    assert (ran.code, ran.out) == (3, "")
    assert "larger than" in ran.err


def test_a_file_that_accepts_an_unknown_invariant_is_3(run: Run, tmp_path: Path) -> None:
    """An acceptance that covers nothing would be a trap."""
    file = tmp_path / "mine.toml"
    entry = '\n[[accepted]]\ninvariant = "SOLV-33"\nreason = "dust"\ndepth = 3\n'
    file.write_text(MINIMAL + entry, encoding="utf-8")
    ran = run("check", str(file))
    assert ran.code == 3
    assert "accepted[0].invariant" in ran.err


@pytest.mark.parametrize(
    "content", ['{"now": "1"', "[]", '{"no": 1}', "\x00", '{"now": 1e400}', "[" * 100_000, "1" * 5000]
)
@pytest.mark.parametrize("words", [["check", "minimal", "--state"], ["fuzz", "minimal", "--state"], ["replay"]])
def test_a_truncated_or_foreign_file_is_3(run: Run, tmp_path: Path, words: list[str], content: str) -> None:
    """As a state, and as a trace."""
    file = tmp_path / "given.json"
    file.write_text(content, encoding="utf-8")
    ran = run(*words, str(file))
    assert (ran.code, ran.out) == (3, "")
    assert "given.json" in ran.err
    assert "Traceback" not in ran.err


def test_an_error_of_ours_is_4_and_says_how_to_report_it(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The traceback is for those who ask."""

    def broken(*_arguments: Any, **_options: Any) -> None:
        raise KeyError("lost")

    monkeypatch.setattr(checking, "_decide", broken)
    ran = run("check", "minimal", "--no-cache")
    assert (ran.code, ran.out) == (4, "")
    assert ran.err.startswith("error: an error of our own: KeyError: 'lost'; please report it")
    assert "Traceback" not in ran.err
    monkeypatch.setenv("POOLPROOF_DEBUG", "1")
    assert "Traceback" in run("check", "minimal", "--no-cache").err


def test_an_interrupt_is_130(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also in a command that has nothing to keep."""

    def interrupted(_name: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("poolproof.commands_catalogue.load_protocol", interrupted)
    ran = run("protocols")
    assert (ran.code, ran.out, ran.err) == (130, "", "interrupted\n")


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of this platform")
def test_a_closed_pipe_is_neither_a_verdict_nor_an_error_of_ours() -> None:
    """`poolproof schema | head -1` ends quietly."""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "poolproof", "schema"], stdout=writing, stderr=subprocess.PIPE, check=False
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


def test_the_handler_of_the_caller_is_put_back(run: Run) -> None:
    """A program that calls us keeps its own way to terminate."""
    before = signal.getsignal(signal.SIGTERM)
    assert run("protocols").code == 0
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_terminal_without_a_character_shows_its_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """An old encoding is no error of ours."""
    environment = os.environ | {"PYTHONIOENCODING": "ascii", "COLUMNS": "60"}
    done = subprocess.run(
        [sys.executable, "-m", "poolproof", "invariants"], env=environment, capture_output=True, check=False
    )
    assert done.returncode == 0
    assert done.stdout.isascii()


# --- what the commands say ------------------------------------------------------------


def test_protocols_lists_those_that_are_shipped(run: Run) -> None:
    """With what they are made of."""
    listed = run("protocols", "--json", "-")
    assert listed.json["schema"] == "poolproof.protocols/1"
    assert [row["name"] for row in listed.json["protocols"]] == list(shipped_protocols())
    minimal = next(row for row in listed.json["protocols"] if row["name"] == "minimal")
    assert minimal == {
        "name": "minimal",
        "model": "reference",
        "pools": 1,
        "markets": 2,
        "source": load_protocol("minimal").source,
    }
    assert "minimal" in listed.err
    assert "minimal" in run("protocols").out


@pytest.mark.parametrize("words", [[], ["minimal"]])
def test_invariants_lists_the_catalogue(run: Run, words: list[str]) -> None:
    """Each with its claim, kind, conditions and models."""
    rows = run("invariants", *words, "--json", "-").json["invariants"]
    of_reference = [row["id"] for row in rows if "reference" in row["models"]]
    assert of_reference == [invariant.id for invariant in CATALOGUE]
    assert set(rows[0]) == {"id", "claim", "kind", "assuming", "models"}
    assert rows[0]["models"] == (["reference"] if words else ["reference", "venus"])
    assert rows[0]["claim"][:30] in run("invariants", *words).out


@pytest.mark.parametrize("name", [invariant.id for invariant in CATALOGUE])
def test_explain_shows_the_formal_text(run: Run, name: str) -> None:
    """Of every invariant: claim, reason, conditions, and the function that is proved."""
    content = run("explain", name.lower(), "--json", "-").json
    invariant = CATALOGUE[name]
    assert content["id"] == name
    assert content["claim"] == invariant.claim
    assert content["assuming"] == list(invariant.assuming)
    assert [clause["name"] for clause in content["clauses"]] == [clause.name for clause in invariant.clauses]
    for clause in content["clauses"]:
        assert clause["source"].startswith(f"def {clause['name']}(")
    assert f"def {invariant.clauses[0].name}(" in run("explain", name).out


def test_schema_prints_what_an_editor_takes(run: Run) -> None:
    """The schema itself; in JSON for programs it has the same frame as every other."""
    printed = run("schema").json
    assert printed["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    framed = run("schema", "--json", "-").json
    assert framed["schema"] == "poolproof.schema/1"
    assert framed["json_schema"] == printed


def test_cache_shows_and_prunes(run: Run, decide: Callable[..., None], tmp_path: Path) -> None:
    """Where it is, how much is in it, and how much was removed."""
    assert run("check", "minimal", "--only", "SOLV-1").code == 0
    content = run("cache", "--json", "-").json
    assert content["path"].startswith(str(tmp_path / "cache"))
    assert (content["decisions"], content["outcomes"], content["pruned"]) == (1, 0, None)
    assert content["bytes"] > 0
    pruned = run("cache", "--prune", "0", "--json", "-").json
    assert (pruned["decisions"], pruned["pruned"]) == (0, 1)


def test_a_cache_that_cannot_be_used_is_said_and_done_without(
    run: Run, decide: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check goes on."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("POOLPROOF_CACHE", str(tmp_path / "file"))
    ran = run("check", "minimal", "--only", "SOLV-1")
    assert ran.code == 0
    assert "note: working without the evidence cache" in ran.err
    assert "note: " in run("cache").err


# --- check ------------------------------------------------------------


@pytest.mark.parametrize(
    ("verdict", "code"),
    [
        (Verdict.PROVED, 0),
        (Verdict.REFUTED, 1),
        (Verdict.UNKNOWN, 2),
        (Verdict.HOLDS_TO_DEPTH, 2),
        (Verdict.VACUOUS, 2),
    ],
)
def test_check_exits_by_its_verdicts(run: Run, decide: Callable[..., None], verdict: Verdict, code: int) -> None:
    """One that is not proved is enough."""
    decide(SOLV_3=verdict)
    ran = run("check", "minimal")
    assert ran.code == code
    assert ran.err == ""
    assert f"{verdict}" in ran.out


def test_check_writes_json_and_the_table_side_by_side(run: Run, decide: Callable[..., None]) -> None:
    """In a file and on standard output; or JSON on standard output and the table on standard error."""
    ran = run("check", "minimal", "--json", "out.json")
    content = json.loads(Path("out.json").read_bytes())
    assert content["schema"] == "poolproof.check/1"
    assert content["summary"]["PROVED"] == len(CATALOGUE)
    assert "SOLV-3" in ran.out
    ran = run("check", "minimal", "--json", "-")
    assert [each["invariant"] for each in ran.json["verdicts"]] == [each.id for each in CATALOGUE]
    assert "SOLV-3" in ran.err


def test_check_only_decides_what_is_named(run: Run, decide: Callable[..., None]) -> None:
    """May be repeated."""
    content = run("check", "minimal", "--only", "SOLV-3", "--only", "SOLV-1", "--json", "-").json
    assert {each["invariant"] for each in content["verdicts"]} == {"SOLV-1", "SOLV-3"}


def test_check_takes_a_state(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """It reaches the engines as it was written."""
    seen: list[Any] = []

    def decide(_protocol: Any, **options: Any) -> list[Decision]:
        seen.append(options["state"])
        return []

    monkeypatch.setattr(checking, "_decide", decide)
    state = state_to_json(REFERENCE.build(load_protocol("minimal")))
    state["now"] = "77"
    Path("state.json").write_text(json.dumps(state), encoding="utf-8")
    assert run("check", "minimal", "--state", "state.json").code == 2
    assert seen == [state]


def test_an_accepted_finding_does_not_fail_the_check(run: Run, decide: Callable[..., None]) -> None:
    """While the weaker claim is proved; then it is reported as accepted."""
    decide(SOLV_3=Verdict.REFUTED)
    entry = '\n[[accepted]]\ninvariant = "SOLV-3"\nreason = "dust"\nweakened = "SOLV-1"\n'
    Path("mine.toml").write_text(MINIMAL + entry, encoding="utf-8")
    ran = run("check", "mine.toml", "--json", "-")
    assert ran.code == 0
    (finding,) = [each for each in ran.json["verdicts"] if each["invariant"] == "SOLV-3"]
    assert (finding["verdict"], finding["accepted"]) == ("REFUTED", True)
    assert ran.json["accepted"] == ["SOLV-3 is accepted: dust"]
    decide(SOLV_3=Verdict.REFUTED, SOLV_1=Verdict.UNKNOWN)
    assert run("check", "mine.toml", "--no-cache").code == 1


INTERRUPTED = """
import sys, time
from poolproof import checking, cli
from poolproof.proofs.progress import Event
from poolproof.proofs.verdicts import Decision, Verdict
def decide(protocol, *, only, on_event, **options):
    for number, name in enumerate(only):
        if number == 3:
            print("ready", file=sys.stderr, flush=True)
            time.sleep(60)
        on_event(Event("prove", number, len(only), Decision(name, "c", "state", Verdict.PROVED, "prove")))
checking._decide = decide
checking.shipped_evidence = lambda: None
sys.exit(cli.main(["check", "minimal", "--json", "out.json"]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of this platform")
@pytest.mark.parametrize("kill", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_check_prints_and_keeps_what_was_decided(run: Run, kill: signal.Signals) -> None:
    """As Ctrl-C, or a CI job that is cancelled."""
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    assert process.stderr.readline() == "ready\n"
    process.send_signal(kill)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "3 PROVED" in out
    assert f"interrupted, {len(CATALOGUE) - 3} not decided" in out
    assert err == ""
    content = json.loads(Path("out.json").read_bytes())
    assert content["interrupted"]
    assert content["summary"]["PROVED"] == 3
    assert run("cache", "--json", "-").json["decisions"] == 3


# --- fuzz, explore, replay ------------------------------------------------------------


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """A catalogue with one claim that is plainly false: nobody ever supplies."""
    catalogue = Catalogue()
    claim = catalogue.declare("TEST-1", "nobody supplies", "state")

    @claim.state()
    def nothing_is_supplied(_pool: Any, market: Any) -> Any:
        return market.supply == 0

    monkeypatch.setattr("poolproof.proofs.registry.find", lambda _name: (REFERENCE, catalogue))


def test_fuzz_reports_what_it_did(run: Run) -> None:
    """With the counts of each action, and the same for the same seed."""
    words = ("fuzz", "minimal", "--steps", "300", "--checks", "none", "--json", "-")
    ran = run(*words, "--seed", "3")
    content = ran.json
    assert ran.code == 0
    assert (content["schema"], content["protocol"], content["actions"]) == (
        "poolproof.fuzz/1",
        "minimal",
        300,
    )
    assert content["succeeded"] + content["refused"] == 300
    assert content["violations"] == []
    assert "300 actions" in ran.err
    again = run(*words, "--seed", "3").json
    assert again["by_action"] == content["by_action"]


@pytest.mark.parametrize(
    "words",
    [["fuzz", "minimal", "--steps", "500"], ["explore", "minimal", "--depth", "1"]],
    ids=["fuzz", "explore"],
)
def test_a_violation_is_shown_written_and_replays(run: Run, broken: None, words: list[str]) -> None:
    """Exit 1, a timeline, a file; and `replay` of that file exits 0."""
    ran = run(*words, "--traces", "found", "--json", "out.json")
    assert ran.code == 1
    assert "nobody supplies" in ran.out
    file = Path("found") / "TEST-1.json"
    assert f"poolproof replay {file}" in ran.out
    content = json.loads(Path("out.json").read_bytes())
    assert content["violations"] == [json.loads(file.read_bytes())]
    replayed = run("replay", str(file), "--json", "-")
    assert replayed.code == 0
    assert replayed.json["as_recorded"]
    assert replayed.json["violated"]
    assert "deposits" in replayed.err


def test_a_trace_that_no_longer_breaks_anything_is_1(run: Run, broken: None) -> None:
    """It says what differs."""
    run("fuzz", "minimal", "--steps", "500", "--traces", "found")
    file = Path("found") / "TEST-1.json"
    trace = json.loads(file.read_bytes())
    trace["runs"] = [[]]
    trace["violation"]["step"] = -1
    file.write_text(json.dumps(trace), encoding="utf-8")
    ran = run("replay", str(file), "--json", "-")
    assert ran.code == 1
    assert not ran.json["violated"]
    assert ran.json["differences"]
    assert "difference: " in ran.err


def test_traces_in_a_folder_that_cannot_be_made_are_3(run: Run, broken: None) -> None:
    """After the run, but with what was found on the screen."""
    Path("file").write_text("", encoding="utf-8")
    ran = run("fuzz", "minimal", "--steps", "500", "--traces", "file")
    assert ran.code == 3
    assert "--traces file: the folder cannot be written" in ran.err
    assert "nobody supplies" in ran.out


def test_an_interrupted_fuzz_reports_what_it_did(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """130, with the counts up to then."""
    from poolproof import commands_runs

    def interrupted(*arguments: Any, **options: Any) -> Any:
        report = fuzz(*arguments, **(options | {"steps": 50}))
        options["on_progress"](report)
        raise KeyboardInterrupt

    monkeypatch.setattr(commands_runs, "fuzz", interrupted)
    ran = run("fuzz", "minimal", "--steps", "1000", "--checks", "none", "--json", "-")
    assert ran.code == 130
    assert (ran.json["actions"], ran.json["interrupted"]) == (50, True)
    assert fuzzing.fuzz is fuzz


def test_explore_reports_what_it_visited(run: Run) -> None:
    """Depth 1 of a small world is complete in no time."""
    ran = run("explore", "minimal", "--depth", "1", "--json", "-")
    content = ran.json
    assert content["schema"] == "poolproof.explore/1"
    assert content["complete"]
    assert 0 < content["distinct"] <= content["generated"] + 10
    assert ran.code == (1 if content["violations"] else 0)


def test_an_error_in_an_installed_models_code_is_the_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names where; without such code on the way it is an error of our own."""

    def fail() -> None:
        raise AttributeError("no such number")

    def found() -> str | None:
        try:
            fail()
        except AttributeError as error:
            return cli._in_an_installed_model(error)
        return None

    assert found() is None
    point = EntryPoint("mine", f"{__name__}:THING", "poolproof.models")
    monkeypatch.setattr(cli, "entry_points", lambda group: [point] if group == point.group else [])
    assert (found() or "").startswith(f"{__name__}.fail, line ")
