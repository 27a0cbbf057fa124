"""docs/ci.md shows the files of the example, and names what there is."""

import re
from pathlib import Path

import pytest
import yaml

from poolproof.ci import FORGIVEN

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "protocol-repository"
DOCUMENT = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(?:yaml|toml)\n(.*?)^```$", DOCUMENT, re.DOTALL | re.MULTILINE)


def test_each_file_of_the_example_is_shown() -> None:
    """Whole, and nothing else is."""
    files = ["pyproject.toml", ".github/workflows/poolproof.yml", ".pre-commit-config.yaml"]
    assert [(EXAMPLE / name).read_text(encoding="utf-8") for name in files] == BLOCKS


@pytest.mark.parametrize("kind", ["inputs", "outputs"])
def test_each_input_and_output_of_the_action_is_in_a_table(kind: str) -> None:
    """And each policy is explained."""
    action = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    for name in action[kind]:
        assert f"\n| `{name}` | " in DOCUMENT
    for policy in FORGIVEN:
        assert f"`{policy}`: " in DOCUMENT


def test_each_hook_is_in_a_table() -> None:
    """And the example names hooks that there are."""
    hooks = {hook["id"] for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))}
    for name in hooks:
        assert f"\n| `{name}` | " in DOCUMENT
    (used,) = yaml.safe_load((EXAMPLE / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    assert {hook["id"] for hook in used["hooks"]} <= hooks


def test_each_ini_option_is_in_a_table() -> None:
    """Those that the plugin adds."""
    plugin = (ROOT / "src" / "poolproof" / "pytest_plugin.py").read_text(encoding="utf-8")
    for name in re.findall(r'addini\("(\w+)"', plugin):
        assert f"\n| `{name}` | " in DOCUMENT
