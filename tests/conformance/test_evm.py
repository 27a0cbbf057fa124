"""Recorded traces, repeated on the contracts' bytecode, end in every recorded state and error."""

from __future__ import annotations

import gzip
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from poolproof.evm import artifacts
from poolproof.evm.replay import replay_on_evm, replay_recorded
from poolproof.spec.errors import UsageError

RECORDED = Path(__file__).parent / "venus"
SHORT = RECORDED / "s_exact_equalities.jsonl.gz"


def lines(path: Path) -> list[dict[str, Any]]:
    """A recording: the configuration, the start, the steps."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


REPEATED = sorted(path for name in ("s_*", "r46_*", "own_*") for path in RECORDED.glob(f"{name}.gz"))


@pytest.mark.parametrize("path", REPEATED, ids=lambda path: path.name.split(".")[0])
def test_the_contracts_do_what_was_recorded(contracts: None, path: Path) -> None:
    """Every number of every state, every event, every refusal and its arguments."""
    report = replay_recorded(path)
    assert report.differences == []
    assert report.confirmed
    assert len(report.steps) == len(lines(path)) - 2


def test_a_wrong_number_is_a_difference(contracts: None) -> None:
    """A recording that is off by one in one place is told with the place and both values."""
    config, start, *steps = lines(SHORT)
    told = next(step for step in steps if step["ok"])
    right = told["st"]["m"][1]["totalSupply"]
    told["st"]["m"][1]["totalSupply"] = str(int(right) + 1)
    report = replay_on_evm(config["config"], steps, start["st"])
    place = f"step {told['k']}, {told['a']}.m[1].totalSupply"
    assert report.differences == [f"{place}: recorded {int(right) + 1}, the contracts say {right}"]
    assert not report.confirmed


def test_a_wrong_event_is_a_difference(contracts: None) -> None:
    """An event's argument that is off is told, though every balance is right."""
    config, start, *steps = lines(SHORT)
    told = next(step for step in steps if step.get("ev"))
    told["ev"][0][-1] += "0"
    report = replay_on_evm(config["config"], steps, start["st"])
    assert [each.startswith(f"step {told['k']}, {told['a']}: events[0]") for each in report.differences] == [True]


def test_a_wrong_error_is_a_difference(contracts: None) -> None:
    """A refusal counts as recorded only with its name, and a success is none."""
    config, _, *steps = lines(SHORT)
    refused = next(step for step in steps if not step["ok"])
    succeeded = next(step for step in steps if step["ok"])
    refused["err"]["name"] = "SomethingElse"
    succeeded["ok"], succeeded["st"] = False, None
    differences = replay_on_evm(config["config"], steps).differences
    assert [told.split(":")[0] for told in differences] == sorted(
        f"step {step['k']}, {step['a']}" for step in (refused, succeeded)
    )


def test_nothing_recorded_is_nothing_confirmed(contracts: None) -> None:
    """Steps that record no outcome are run, and confirm nothing."""
    config, _, *steps = lines(SHORT)
    bare = [{key: step[key] for key in ("bn", "ts", "a", "args")} for step in steps if step["ok"]]
    report = replay_on_evm(config["config"], bare)
    assert len(report.steps) == len(bare)
    assert not report.confirmed


def test_a_pool_that_reads_its_balance_is_refused() -> None:
    """The contracts are of the version that counts its cash itself."""
    config = lines(SHORT)[0]["config"] | {"cashMode": "balanceOf"}
    with pytest.raises(UsageError, match="cashMode"):
        replay_on_evm(config, [])


def test_an_unknown_action_is_refused(contracts: None) -> None:
    """The message lists the actions that there are."""
    config, _, step, *_ = lines(SHORT)
    with pytest.raises(UsageError, match="badDebtRecovered"):
        replay_on_evm(config["config"], [step | {"a": "flashLoan"}])


def test_an_amount_beyond_256_bits_is_refused(contracts: None) -> None:
    """It is no argument of any contract, so nothing is confirmed or contradicted by it."""
    config, _, step, *_ = lines(SHORT)
    arguments = {"m": 0, "user": "u0", "amount": 2**256}
    with pytest.raises(UsageError, match="256 bits"):
        replay_on_evm(config["config"], [step | {"a": "mint", "args": arguments}])


def test_a_user_called_as_another_account_is_refused(contracts: None) -> None:
    """Otherwise the governor and a user would share an address."""
    config = lines(SHORT)[0]["config"] | {"users": ["u0", "u1", "u2", "admin"]}
    with pytest.raises(UsageError, match="admin"):
        replay_on_evm(config, [])


def test_other_bytecode_is_refused(contracts: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What runs is what was recorded, however it was installed."""
    folder = artifacts.package()
    for path in artifacts.BYTECODE:
        target = tmp_path / "artifacts" / f"{path}.json"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(folder / "artifacts" / f"{path}.json", target)
    monkeypatch.setenv(artifacts.FOLDER, str(tmp_path))
    assert set(artifacts.load()) == {path.rsplit("/", 1)[1] for path in artifacts.BYTECODE}
    changed = tmp_path / "artifacts" / "contracts" / "VToken.sol" / "VToken.json"
    content = json.loads(changed.read_text(encoding="utf-8"))
    content["bytecode"] = content["bytecode"][:-2] + "00"
    changed.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(UsageError, match="not the bytecode"):
        artifacts.load()


@pytest.mark.parametrize("module", ["pyrevm", "eth_abi", "Crypto.Hash.keccak"])
def test_a_missing_package_is_told_with_how_to_install_both(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One message for the Python packages and the contracts."""
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UsageError) as told:
        artifacts.needed(module)
    assert module.partition(".")[0] in told.value.what
    assert "pip install 'poolproof[evm]'" in told.value.cure
    assert "npm ci --ignore-scripts" in told.value.cure


def test_missing_contracts_are_told_with_how_to_install_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder is no installation, named or current; the command names files that exist."""
    monkeypatch.setenv(artifacts.FOLDER, str(tmp_path))
    with pytest.raises(UsageError, match=artifacts.FOLDER) as named:
        artifacts.package()
    monkeypatch.delenv(artifacts.FOLDER)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="the current folder") as current:
        artifacts.package()
    for told in (named, current):
        assert "pip install 'poolproof[evm]'" in told.value.cure
        assert "npm ci --ignore-scripts" in told.value.cure


def test_the_package_file_names_the_version() -> None:
    """What npm installs is the version that the bytecode is of, and the lock says which archive that is."""
    folder = Path(artifacts.__file__).parent
    wanted = json.loads((folder / "package.json").read_text(encoding="utf-8"))["dependencies"]
    assert wanted == {artifacts.PACKAGE: artifacts.VERSION}
    lock = json.loads((folder / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    locked = lock[f"node_modules/{artifacts.PACKAGE}"]
    assert locked["version"] == artifacts.VERSION
    assert locked["integrity"].startswith("sha512-")
