"""The reference pool is usable, not safe by refusing: what succeeded on Venus succeeds on it."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "usability.py"


@pytest.fixture(scope="module")
def usability() -> ModuleType:
    """The script that translates the recorded actions."""
    specification = importlib.util.spec_from_file_location("usability", SCRIPT)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules["usability"] = module  # dataclasses look their module up
    specification.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def result(usability: ModuleType) -> object:
    """All traces on the reference pool."""
    return usability.measure()


def test_most_of_what_succeeded_there_succeeds_here(usability: ModuleType, result: ModuleType) -> None:
    """At least 85 % of the translated actions, of all and of what users do; the table says what does not."""
    print(usability.table(result))  # noqa: T201 - shown where the test fails
    assert result.there > 7000
    assert result.share() >= 0.93
    assert result.share(usability.USER_ACTIONS) >= 0.9


def test_every_refusal_has_an_explanation(usability: ModuleType, result: ModuleType) -> None:
    """A reason that nobody has looked at is a finding."""
    seen = {reason for tally in result.by_action.values() for reason in tally.reasons}
    assert seen <= set(usability.REASONS)
    assert set(result.left_out) <= set(usability.LEFT_OUT)


@pytest.mark.parametrize("action", ["enterMarkets", "accrueInterest", "setPrice", "donate", "addReserves"])
def test_what_needs_nobody_is_never_refused(action: str, result: ModuleType) -> None:
    """Entering, accruing, prices and gifts depend on no price, cap, rate or other account."""
    tally = result.by_action[action]
    assert tally.there > 100
    assert tally.here == tally.there


@pytest.mark.parametrize("action", ["repayBorrow", "repayBorrowBehalf"])
def test_repaying_is_refused_only_for_want_of_tokens(action: str, result: ModuleType) -> None:
    """Who has the tokens can pay back, always."""
    tally = result.by_action[action]
    assert tally.there > 90
    assert set(tally.reasons) <= {"InsufficientTokens"}


@pytest.mark.parametrize("action", ["mint", "mintBehalf"])
def test_depositing_is_not_refused_under_the_cap(action: str, result: ModuleType) -> None:
    """A deposit of something that fitted under the cap there, by somebody who has it, fits here."""
    tally = result.by_action[action]
    assert tally.there > 40
    assert set(tally.reasons) <= {"ZeroAmount", "InsufficientTokens"}


def test_the_translation_of_nothing_is_no_pass(usability: ModuleType) -> None:
    """An action without a counterpart is counted as left out, not as succeeded."""
    translation = usability.Translation(next(usability.traces()))
    for name in ("updateDelegate", "syncCash", "nonsense"):
        with pytest.raises(LookupError, match=name):
            translation.run(name, {"m": 0})
