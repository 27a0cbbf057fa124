"""The commands of the README are the ones that continuous integration runs."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def commands() -> list[str]:
    """The shell blocks of the README that start from a bare clone."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
    return [block.strip() for block in blocks if block.startswith("python3 -m venv ")]


def test_two_commands_start_from_a_bare_clone() -> None:
    """One line sets up and does the main job, one line sets up and runs the tests."""
    main_job, tests = commands()
    assert "\n" not in main_job
    assert "\n" not in tests
    assert main_job.endswith(".venv/bin/poolproof check liquid-staked-bnb")
    assert "/pytest" in tests


def test_ci_installs_and_tests_as_the_readme_says() -> None:
    """Each step after the creation of the environment is a line of `.ci/run`, with its own environment."""
    script = [line.strip() for line in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()]
    create, *steps = commands()[1].split(" && ")
    assert create == "python3 -m venv .venv"
    for step in steps:
        found = re.fullmatch(r"\.venv/bin/(\w+) (.*)", step)
        assert found, f"not a program of the environment: {step}"
        program, arguments = found.groups()
        expected = f'"$venv/bin/{program}" {arguments}'
        assert any(line.split(" | ")[0] == expected for line in script), f".ci/run does not run: {expected}"


def test_ci_can_be_executed() -> None:
    """`.ci/run` starts as it is in a clone."""
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111


def test_the_table_of_invariants_has_its_place() -> None:
    """The generated table stands between two marks, which occur once."""
    begin, end = "<!-- invariants:begin -->", "<!-- invariants:end -->"
    assert README.count(begin) == README.count(end) == 1
    assert README.index(begin) < README.index(end)
