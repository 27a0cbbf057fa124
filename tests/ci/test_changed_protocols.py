"""The action's own steps and the hooks, on git repositories, with a stand-in for the command that records its words."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from poolproof.ci import FORMATS, MEANINGS, PROTOCOLS, WORST_FIRST, Outcome, _ticked, main, summary, worst

ROOT = Path(__file__).resolve().parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
MINIMAL = (ROOT / "spec" / "protocols" / "minimal.toml").read_text(encoding="utf-8")
ZEROS = "0" * 40

FAKE = """
import json, os, sys
from pathlib import Path

words = sys.argv[1:]
plan = json.loads(os.environ["PLAN"])
split = words.index("--")
options = dict(word[2:].split("=", 1) for word in words[1:split])
files = words[split + 1:]
record = {"command": words[0], "options": options, "files": files, "texts": [Path(file).read_text() for file in files]}
with open(os.environ["RECORD"], "a") as file:
    file.write(json.dumps(record) + "\\n")
print("::set-env name=PATH::/tmp")
code = plan.get(files[-1], 0)
if words[0] == "gate" and code in (0, 1, 2):
    run = {"tool": {"driver": {"name": "poolproof"}}, "results": []}
    Path(options["sarif"]).write_text(json.dumps({"version": "2.1.0", "runs": [run]}))
    Path(options["markdown"]).write_text("the report\\n")
sys.exit(code)
"""


class Repository:
    """A git repository, and the command that stands in for `poolproof` while ``plan`` says how it exits."""

    def __init__(self, folder: Path, scratch: Path) -> None:
        self.folder, self.scratch = folder, scratch
        self.plan: dict[str, int] = {}
        self.record, self.outputs, self.summary = (scratch / name for name in ("record", "outputs", "summary"))
        folder.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")
        fake = scratch / "fake.py"
        fake.write_text(FAKE, encoding="utf-8")
        self.command = f"{sys.executable} {fake}"

    @property
    def environment(self) -> dict[str, str]:
        """What a step finds; no `GIT_` variable of a hook under which the tests may run."""
        outside = {
            name: text for name, text in os.environ.items() if not name.startswith(("GIT_", "PRE_COMMIT", "GITHUB_"))
        }
        return outside | {
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_AUTHOR_NAME": "a",
            "GIT_AUTHOR_EMAIL": "a@example.org",
            "GIT_COMMITTER_NAME": "a",
            "GIT_COMMITTER_EMAIL": "a@example.org",
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "PLAN": json.dumps(self.plan),
            "RECORD": str(self.record),
            "POOLPROOF_COMMAND": self.command,
            "POOLPROOF_CACHE": str(self.scratch / "cache"),
        }

    def git(self, *words: str) -> str:
        """Run git, and give what it prints."""
        environment = self.environment if hasattr(self, "command") else {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull}
        done = subprocess.run(
            ["git", *words], cwd=self.folder, env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def write(self, path: str, text: str = MINIMAL) -> None:
        """Write a file."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def commit(self) -> str:
        """Commit everything."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message=a change")
        return self.git("rev-parse", "HEAD")

    def gate(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run the gate of what has changed, as the steps and the hooks do."""
        return subprocess.run(
            [sys.executable, "-P", "-m", "poolproof.ci", "gate", *words],
            cwd=self.folder,
            env=self.environment | more,
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def asked(self) -> list[dict[str, Any]]:
        """What the stand-in was asked."""
        if not self.record.exists():
            return []
        return [json.loads(line) for line in self.record.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """One commit with two protocol files and another file."""
    found = Repository(tmp_path / "repository", tmp_path)
    found.write("lending.poolproof.toml")
    found.write("pools/core.poolproof.toml", MINIMAL.replace('"minimal"', '"core"'))
    found.write("other.toml", "a = 1\n")
    found.commit()
    return found


# --- the steps of the action -------------------------------------------------------


def run_steps(repository: Repository, inputs: Mapping[str, str], tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """Run the scripts of the action as a runner does, its expressions replaced by what they would be.

    `python` installs nothing here: what is installed is what runs the tests.
    """
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir(exist_ok=True)
    python = bin_folder / "python"
    python.write_text(
        "#!/bin/bash\n"
        'if [[ "$*" == "-P -m pip "* ]]; then printf "%s\\n" "$@" >"$PIP_WORDS"; exit 0; fi\n'
        f'exec "{sys.executable}" "$@"\n',
        encoding="utf-8",
    )
    python.chmod(0o755)
    runner = {
        "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
        "PIP_WORDS": str(tmp_path / "pip"),
        "GITHUB_ACTIONS": "true",
        "GITHUB_ACTION_PATH": str(ROOT),
        "GITHUB_OUTPUT": str(repository.outputs),
        "GITHUB_STEP_SUMMARY": str(repository.summary),
        "RUNNER_TEMP": str(tmp_path / "runner"),
    }
    done = None
    for step in ACTION["runs"]["steps"]:
        if "run" not in step:
            assert step["uses"].startswith("actions/setup-python@")
            continue
        assert step["shell"] == "bash"
        values = {name: inputs[name] for name in step["env"]}
        script = tmp_path / "step.sh"
        script.write_text(step["run"], encoding="utf-8")
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
            cwd=repository.folder,
            env=repository.environment | runner | values,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            break
    assert done is not None
    return done


def with_defaults(**more: str) -> dict[str, str]:
    """What the expressions of the steps are without inputs, on a push of one commit."""
    inputs = {name: str(each["default"]) for name, each in ACTION["inputs"].items()}
    named = {name.upper(): text for name, text in inputs.items() if name in ("protocols", "head", "policy", "reports")}
    return {**named, "PACKAGES": inputs["packages"], "BASE": "HEAD^", **more}


def outputs(repository: Repository) -> dict[str, str]:
    """The outputs of a step, as the runner reads its file."""
    found = {}
    lines = iter(repository.outputs.read_text(encoding="utf-8").splitlines())
    for line in lines:
        name, _, mark = line.partition("<<")
        value = []
        for text in lines:
            if text == mark:
                break
            value.append(text)
        found[name] = "\n".join(value)
    return found


def test_nothing_from_outside_is_text_of_a_script() -> None:
    """Expressions stand in `env` and `with` alone; every output is one that the script writes."""
    for step in ACTION["runs"]["steps"]:
        assert "${{" not in step.get("run", "")
    written = {"open", "code", "reports", "sarif"}
    assert {name: each["value"] for name, each in ACTION["outputs"].items()} == {
        name: f"${{{{ steps.gate.outputs.{name} }}}}" for name in written
    }
    assert ACTION["inputs"]["protocols"]["default"] == PROTOCOLS


def test_the_steps_gate_what_has_changed(repository: Repository, tmp_path: Path) -> None:
    """The changed file with its reports, the added one by a check; the summary and the outputs are there."""
    repository.write("lending.poolproof.toml", MINIMAL.replace("Minimal", "Changed"))
    repository.write("pools/new.poolproof.toml", "unlike any other\n")
    (repository.folder / "pools" / "core.poolproof.toml").unlink()
    repository.write("other.toml", "a = 2\n")
    repository.commit()
    done = run_steps(repository, with_defaults(), tmp_path)
    assert done.returncode == 0, done.stderr
    gate, check = repository.asked
    assert (gate["command"], gate["files"][1]) == ("gate", "lending.poolproof.toml")
    assert gate["texts"] == [MINIMAL, MINIMAL.replace("Minimal", "Changed")]
    assert set(gate["options"]) == set(FORMATS)
    assert (check["command"], check["files"]) == ("check", ["pools/new.poolproof.toml"])
    told = repository.summary.read_text(encoding="utf-8")
    assert told.startswith("## poolproof: open\n")
    assert "the report" in told
    assert "pools/core.poolproof.toml `\n\nremoved" in told
    found = outputs(repository)
    assert (found["open"], found["code"]) == ("true", "0")
    assert found["reports"] == str(tmp_path / "runner" / "poolproof")
    (run,) = json.loads(Path(found["sarif"]).read_text(encoding="utf-8"))["runs"]
    assert run["automationDetails"]["id"] == "poolproof/lending.poolproof.toml/"
    assert (tmp_path / "pip").read_text(encoding="utf-8").splitlines()[-2:] == ["--", str(ROOT)]


@pytest.mark.parametrize(
    ("policy", "code", "ends"),
    [("proved", 1, 1), ("proved", 2, 2), ("refuted", 2, 0), ("refuted", 1, 1), ("report", 1, 0), ("report", 3, 3)],
)
def test_the_policy_says_what_passes(repository: Repository, tmp_path: Path, policy: str, code: int, ends: int) -> None:
    """The outputs say how it stands, whatever passes."""
    repository.write("lending.poolproof.toml", MINIMAL.replace("Minimal", "Changed"))
    repository.commit()
    repository.plan = {"lending.poolproof.toml": code}
    assert run_steps(repository, with_defaults(POLICY=policy), tmp_path).returncode == ends
    assert (outputs(repository)["open"], outputs(repository)["code"]) == ("false", str(code))


def test_what_the_command_prints_is_no_command_of_the_runner(repository: Repository, tmp_path: Path) -> None:
    """It stands between two lines with a token that nobody can guess."""
    repository.write("lending.poolproof.toml", MINIMAL.replace("Minimal", "Changed"))
    repository.commit()
    lines = run_steps(repository, with_defaults(), tmp_path).stdout.splitlines()
    begin = next(number for number, line in enumerate(lines) if line.startswith("::stop-commands::"))
    token = lines[begin].removeprefix("::stop-commands::")
    assert begin < lines.index("::set-env name=PATH::/tmp") < lines.index(f"::{token}::")


HOSTILE = [
    "$(touch owned).poolproof.toml",
    "`touch owned`.poolproof.toml",
    "--json=x.poolproof.toml",
    "two words.poolproof.toml",
    "two\nlines.poolproof.toml",
    "'\"; touch owned; '.poolproof.toml",
    "```\n# not a heading.poolproof.toml",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_a_name(repository: Repository, tmp_path: Path, name: str) -> None:
    """Of a file that is added, and then changed."""
    repository.write(name, MINIMAL)
    repository.commit()
    assert run_steps(repository, with_defaults(), tmp_path).returncode == 0
    repository.write(name, MINIMAL.replace("Minimal", "Changed"))
    repository.commit()
    assert run_steps(repository, with_defaults(), tmp_path).returncode == 0
    check, gate = repository.asked
    assert check["files"] == [name]
    assert gate["files"][1:] == [name]
    assert gate["texts"] == [MINIMAL, MINIMAL.replace("Minimal", "Changed")]
    assert not list(tmp_path.rglob("owned"))
    assert "\n# not a heading" not in repository.summary.read_text(encoding="utf-8")


@pytest.mark.parametrize("field", ["BASE", "HEAD", "PROTOCOLS", "POLICY", "PACKAGES"])
@pytest.mark.parametrize("text", ["--upload-pack=touch owned", "$(touch owned)", "+refs/*:refs/*", "a'; touch owned;'"])
def test_a_hostile_input_is_text(repository: Repository, tmp_path: Path, field: str, text: str) -> None:
    """It names no revision, no policy and no file, and runs nothing."""
    repository.write("lending.poolproof.toml", MINIMAL.replace("Minimal", "Changed"))
    repository.commit()
    done = run_steps(repository, with_defaults(**{field: text}), tmp_path)
    assert done.returncode == (0 if field in ("PROTOCOLS", "PACKAGES") else 3)
    assert not list(tmp_path.rglob("owned"))
    assert not (ROOT / "owned").exists()


def test_code_of_the_repository_is_not_imported(repository: Repository, tmp_path: Path) -> None:
    """Whoever proposes a change cannot open the gate by a module of the right name."""
    for name in ("poolproof", "argparse", "json", "pip"):
        repository.write(f"{name}.py", "raise SystemExit(0)\n")
    repository.write("lending.poolproof.toml", MINIMAL.replace("Minimal", "Changed"))
    repository.commit()
    repository.plan = {"lending.poolproof.toml": 1}
    assert run_steps(repository, with_defaults(), tmp_path).returncode == 1


# --- what has changed --------------------------------------------------------------


def test_a_renamed_file_is_compared_with_what_it_was(repository: Repository) -> None:
    """By git's detection of renames."""
    repository.git("mv", "lending.poolproof.toml", "pools/renamed.poolproof.toml")
    repository.write("pools/renamed.poolproof.toml", MINIMAL.replace("Minimal", "Changed"))
    repository.commit()
    assert repository.gate("--base=HEAD^").returncode == 0
    (asked,) = repository.asked
    assert asked["files"][0].endswith("/lending.poolproof.toml")
    assert asked["files"][1] == "pools/renamed.poolproof.toml"
    assert asked["texts"] == [MINIMAL, MINIMAL.replace("Minimal", "Changed")]


def test_the_change_begins_where_the_branch_left(repository: Repository) -> None:
    """What has happened on the other branch since is not part of it."""
    repository.git("checkout", "--quiet", "-b", "topic")
    repository.write("lending.poolproof.toml", MINIMAL.replace("Minimal", "Changed"))
    repository.commit()
    repository.git("checkout", "--quiet", "main")
    repository.write("pools/core.poolproof.toml", MINIMAL.replace("Minimal", "Meanwhile"))
    repository.commit()
    repository.gate("--base=main", "--head=topic")
    assert [asked["files"][1] for asked in repository.asked] == ["lending.poolproof.toml"]


def test_a_shallow_clone_fetches_the_base(repository: Repository, tmp_path: Path) -> None:
    """By its id, or by the name of its branch."""
    base = repository.git("rev-parse", "HEAD")
    repository.git("config", "uploadpack.allowAnySHA1InWant", "true")
    repository.git("branch", "before")
    repository.write("lending.poolproof.toml", MINIMAL.replace("Minimal", "Changed"))
    repository.commit()
    for number, name in enumerate((base, "before")):
        clone = tmp_path / f"clone-{number}"
        repository.git("clone", "--quiet", "--depth=1", "--branch=main", f"file://{repository.folder}", str(clone))
        source, repository.folder = repository.folder, clone
        done = repository.gate(f"--base={name}")
        repository.folder = source
        assert done.returncode == 0, done.stderr
        assert len(repository.asked) == number + 1


@pytest.mark.parametrize("base", [ZEROS, "HEAD"])
def test_before_the_first_commit_there_is_nothing(tmp_path: Path, base: str) -> None:
    """Every file is added: on a new branch, and for the first commit."""
    repository = Repository(tmp_path / "repository", tmp_path)
    repository.write("lending.poolproof.toml")
    repository.git("add", "--all")
    if base == ZEROS:
        repository.commit()
    assert repository.gate(f"--base={base}", *(["--staged"] if base == "HEAD" else [])).returncode == 0
    assert [asked["command"] for asked in repository.asked] == ["check"]


def test_what_is_staged_is_compared_not_what_lies_there(repository: Repository) -> None:
    """As the commit will be."""
    repository.write("lending.poolproof.toml", MINIMAL.replace("Minimal", "Staged"))
    repository.git("add", "--all")
    repository.write("lending.poolproof.toml", "not staged\n")
    assert repository.gate("--staged", "--", "lending.poolproof.toml").returncode == 0
    assert repository.asked[0]["texts"] == [MINIMAL, MINIMAL.replace("Minimal", "Staged")]


def test_between_two_commits_pre_commit_says_which(repository: Repository) -> None:
    """By its own two variables."""
    repository.write("lending.poolproof.toml", MINIMAL.replace("Minimal", "Changed"))
    repository.commit()
    assert repository.gate("--staged").stdout == "no protocol file has changed\n"
    repository.gate("--staged", PRE_COMMIT_FROM_REF="HEAD^", PRE_COMMIT_TO_REF="HEAD")
    assert len(repository.asked) == 1


def test_a_link_is_not_followed(repository: Repository, tmp_path: Path) -> None:
    """It is no protocol file, wherever it leads."""
    secret = tmp_path / "secret.toml"
    secret.write_text(MINIMAL, encoding="utf-8")
    (repository.folder / "link.poolproof.toml").symlink_to(secret)
    repository.commit()
    done = repository.gate("--base=HEAD^")
    assert (done.returncode, repository.asked) == (3, [])
    assert "link.poolproof.toml: a file is wrong" in done.stdout


def test_outside_a_repository_git_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """In one line."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert main(["gate"]) == 3
    assert capsys.readouterr().err.startswith("error: git rev-parse: git does not answer: ")


# --- what comes of it --------------------------------------------------------------


def test_the_worst_exit_code_counts() -> None:
    """And a code that is not ours, as that of a signal, is an error of ours."""
    for position, code in enumerate(WORST_FIRST):
        assert worst(WORST_FIRST[position:]) == code
    assert worst([]) == 0
    assert worst([-9, 1]) == 4
    assert set(MEANINGS) == set(WORST_FIRST)


def test_the_worst_file_ends_the_command(repository: Repository) -> None:
    """All are gated."""
    for name in ("lending", "pools/core"):
        repository.write(f"{name}.poolproof.toml", MINIMAL.replace("Minimal", name))
    repository.commit()
    repository.plan = {"lending.poolproof.toml": 1, "pools/core.poolproof.toml": 2}
    assert repository.gate("--base=HEAD^").returncode == 1
    assert len(repository.asked) == 2


def test_a_long_summary_is_cut() -> None:
    """GitHub would show nothing of it."""
    told = summary([Outcome("a", "gate", 1, "é" * 1_000_000)])
    assert len(told.encode()) < 2**20
    assert told.endswith("The rest is cut; the reports have all of it.\n")


def test_no_text_ends_its_block_of_code() -> None:
    """There are more backticks around it than in it."""
    assert _ticked("a```b", 3, "\n") == "````\na```b\n````"


def test_loading_says_what_lies_outside_the_region(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """2: nothing is decided of it; 3: it is no protocol."""
    monkeypatch.chdir(tmp_path)
    risky = MINIMAL.replace(
        'liquidation_incentive = "1100000000000000000"', 'liquidation_incentive = "1300000000000000000"'
    )
    for name, text in (("good", MINIMAL), ("-risky", risky), ("bad", "x")):
        (tmp_path / f"{name}.toml").write_text(text, encoding="utf-8")
    assert main(["load", "good.toml"]) == 0
    assert capsys.readouterr().out == ""
    assert main(["load", "--", "good.toml", "-risky.toml"]) == 2
    assert "-risky.toml: outside the region of the theorems, which need liquidation" in capsys.readouterr().out
    assert main(["load", "bad.toml", "good.toml"]) == 3


def test_the_real_command_checks_an_added_file(repository: Repository) -> None:
    """By its evidence, which is shipped."""
    repository.command = ""
    repository.write("new.poolproof.toml")
    repository.commit()
    done = repository.gate("--base=HEAD^", "--reports=reports")
    assert done.returncode == 0, done.stdout + done.stderr
    (report,) = (repository.folder / "reports").glob("new.poolproof.toml-*.json")
    assert json.loads(report.read_text(encoding="utf-8"))["summary"]["REFUTED"] == 0


@pytest.mark.parametrize(("threshold", "code", "said"), [("840", 1, "closed"), ("851", 0, "open")])
def test_the_steps_with_the_real_gate(
    threshold: str, code: int, said: str, repository: Repository, tmp_path: Path
) -> None:
    """A threshold that falls closes it, with the run at the line of the file; one that rises does not."""
    repository.command = ""
    old, new = f'liquidation_threshold = "850{15 * "0"}"', f'liquidation_threshold = "{threshold}{15 * "0"}"'
    assert MINIMAL.count(old) == 1
    repository.write("lending.poolproof.toml", MINIMAL.replace(old, new))
    repository.commit()
    done = run_steps(repository, with_defaults(), tmp_path)
    assert done.returncode == code, done.stdout + done.stderr
    found = outputs(repository)
    assert (found["open"], found["code"]) == (str(code == 0).lower(), str(code))
    told = repository.summary.read_text(encoding="utf-8")
    assert told.startswith(f"## poolproof: {said}\n")
    assert ("breaks GOV-1" in told) == (code == 1)
    (run,) = json.loads(Path(found["sarif"]).read_text(encoding="utf-8"))["runs"]
    places = [
        each["locations"][0]["physicalLocation"]["region"]["startLine"]
        for each in run["results"]
        if each["ruleId"] == "GOV-1"
    ]
    assert places == ([MINIMAL.partition(old)[0].count("\n") + 1] if code else [])


# --- the hooks ---------------------------------------------------------------------


def test_every_hook_takes_protocol_files_behind_two_dashes() -> None:
    """A file whose name begins with a dash is a file."""
    assert [hook["id"] for hook in HOOKS] == ["poolproof-load", "poolproof-gate", "poolproof-check"]
    for hook in HOOKS:
        assert hook["entry"].startswith("python -P -m poolproof.ci ")
        assert hook["entry"].endswith(" --")
        assert hook["require_serial"]


PRE_COMMIT = importlib.util.find_spec("pre_commit") is not None


@pytest.fixture
def committing(repository: Repository, tmp_path: Path) -> Callable[[str], subprocess.CompletedProcess[str]]:
    """Runs a hook by pre-commit, on what is staged.

    The hooks are those of this repository but for `language: system`: an environment of their own would be built
    from a package index, and what is tested here is what they run and what they are given.
    """
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for hook in HOOKS:
        hook["language"] = "system"
        hook["entry"] = hook["entry"].replace("python ", f"{sys.executable} ", 1)
    (hooks / ".pre-commit-hooks.yaml").write_text(yaml.safe_dump(HOOKS), encoding="utf-8")
    source, repository.folder = repository.folder, hooks
    repository.git("init", "--quiet", "--initial-branch=main")
    repository.commit()
    repository.folder = source

    def run(hook: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "pre_commit", "try-repo", str(hooks), hook, "--verbose"],
            cwd=repository.folder,
            env=repository.environment | {"PRE_COMMIT_HOME": str(tmp_path / "home"), "PRE_COMMIT_COLOR": "never"},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.mark.skipif(not PRE_COMMIT or shutil.which("git") is None, reason="pre-commit is not installed")
def test_pre_commit_runs_the_hooks(
    repository: Repository, committing: Callable[[str], subprocess.CompletedProcess[str]]
) -> None:
    """On the staged protocol files alone, and a closed gate ends the commit."""
    changed = MINIMAL.replace("Minimal", "Changed")
    repository.write("lending.poolproof.toml", changed)
    repository.write("-a b.poolproof.toml", changed)
    repository.write("other.toml", "a = 2\n")
    repository.git("add", "--all")
    assert committing("poolproof-load").returncode == 0
    assert repository.asked == []
    done = committing("poolproof-gate")
    assert done.returncode == 0, done.stdout + done.stderr
    added, gated = repository.asked
    assert (added["command"], added["files"]) == ("check", ["-a b.poolproof.toml"])
    assert (gated["command"], gated["files"][1], gated["texts"]) == (
        "gate",
        "lending.poolproof.toml",
        [MINIMAL, changed],
    )
    repository.plan = {"lending.poolproof.toml": 1}
    closed = committing("poolproof-gate")
    assert closed.returncode == 1
    assert "gate  lending.poolproof.toml: closed" in closed.stdout
