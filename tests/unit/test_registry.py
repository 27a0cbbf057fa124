"""Models and catalogues by name: built in, or brought by installed packages, and nothing else."""

from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import EntryPoint
from typing import Any, ClassVar

import pytest

from poolproof.invariants import CATALOGUE
from poolproof.models.market import Market, Sign
from poolproof.models.reference import REFERENCE
from poolproof.proofs import registry
from poolproof.spec.errors import UsageError
from poolproof.spec.invariant import Catalogue
from poolproof.spec.loading import load_protocol
from poolproof.spec.protocol import Protocol

MINE = replace(REFERENCE, name="mine")
EXTRA = Catalogue()
EXTRA.declare("MINE-1", "mine holds", "state", why="because", assuming=("luck",)).state()(lambda _pool, _m: True)
CLASH = Catalogue()
CLASH.declare("MINE-1", "another", "state")


class Point(EntryPoint):
    """An entry point that gives a thing of this module, or raises it."""

    def load(self) -> Any:
        """What it names."""
        thing = globals()[self.attr]
        if isinstance(thing, Exception):
            raise thing
        return thing


BROKEN = ImportError("no module named thirdparty")

Install = Callable[..., None]


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Install:
    """Pretend that packages with these entry points are installed."""

    def entry_points(*points: tuple[str, str, str]) -> None:
        made = [Point(name, f"somewhere:{thing}", group) for group, name, thing in points]

        def found(group: str, name: str | None = None) -> list[EntryPoint]:
            return [each for each in made if each.group == group and name in (None, each.name)]

        monkeypatch.setattr(registry, "entry_points", found)

    entry_points()
    return entry_points


def test_the_reference_model_is_built_in(install: Install) -> None:
    """With its catalogue."""
    assert registry.find("reference") == (REFERENCE, CATALOGUE)
    assert registry.names() == ("reference", "venus")


def test_an_installed_model_is_found_and_checked_against_the_built_in_catalogue(install: Install) -> None:
    """A new kind of pool has to keep the same promises, unless it brings its own."""
    install((registry.MODELS, "mine", "MINE"))
    assert registry.names() == ("reference", "venus", "mine")
    assert registry.find("mine") == (MINE, CATALOGUE)


def test_an_installed_catalogue_replaces_that_of_its_own_model(install: Install) -> None:
    """Id by id, with everything that an invariant says."""
    install((registry.MODELS, "mine", "MINE"), (registry.INVARIANTS, "mine", "EXTRA"))
    model, catalogue = registry.find("mine")
    assert model is MINE
    assert list(catalogue) == list(EXTRA)


def test_an_installed_catalogue_adds_to_that_of_a_built_in_model(install: Install) -> None:
    """The shipped claims stay."""
    install((registry.INVARIANTS, "reference", "EXTRA"))
    _, catalogue = registry.find("reference")
    assert [each.id for each in catalogue] == [*(each.id for each in CATALOGUE), "MINE-1"]
    assert "MINE-1" not in CATALOGUE


@pytest.mark.parametrize(
    ("name", "said"),
    [("refrence", 'write "reference"; known: reference, venus, mine'), ("../evil", "known: reference, venus, mine")],
)
def test_an_unknown_model_is_refused_with_the_known_ones(install: Install, name: str, said: str) -> None:
    """A name from a stranger's file is looked up, never imported."""
    install((registry.MODELS, "mine", "MINE"))
    with pytest.raises(UsageError, match="is not the name of a model") as refused:
        registry.find(name)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("points", "said"),
    [
        (
            [("poolproof.models", "mine", "BROKEN")],
            "cannot be loaded (ImportError: no module named thirdparty)",
        ),
        ([("poolproof.models", "mine", "EXTRA")], "is not a Model"),
        (
            [("poolproof.models", "mine", "MINE"), ("poolproof.invariants", "mine", "MINE")],
            "is not a Catalogue",
        ),
        ([("poolproof.models", "mine", "MINE")] * 2, "is brought by"),
        (
            [
                ("poolproof.models", "mine", "MINE"),
                ("poolproof.invariants", "mine", "EXTRA"),
                ("poolproof.invariants", "mine", "CLASH"),
            ],
            '"MINE-1" is declared twice',
        ),
    ],
)
def test_a_package_that_brings_something_else_is_refused(
    install: Install, points: list[tuple[str, str, str]], said: str
) -> None:
    """The message names the entry point, not our code."""
    install(*points)
    with pytest.raises(UsageError) as refused:
        registry.find("mine")
    assert said in str(refused.value)


class Twice(Market):
    """A class that lists a number twice."""

    scalars = (*Market.scalars, "cash")
    __slots__ = ()


class Lacking(Market):
    """A class that forgets a built-in number."""

    scalars = tuple(name for name in Market.scalars if name != "bad_debt")
    __slots__ = ()


class Bold(Market):
    """A class that would have it assumed that there is always a supply."""

    signs: ClassVar[dict[str, Sign]] = {**Market.signs, "supply": "positive"}
    __slots__ = ()


TWICE, LACKING, BOLD = (replace(MINE, market=one) for one in (Twice, Lacking, Bold))
NO_MARKET = replace(MINE, market=dict)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("TWICE", 'lists "cash" twice'),
        ("LACKING", 'does not list "bad_debt"'),
        ("BOLD", 'the sign of "supply"'),
        ("NO_MARKET", "not a class of markets"),
    ],
)
def test_a_class_of_markets_says_no_more_of_built_in_numbers(install: Install, name: str, words: str) -> None:
    """Their signs are proved of the built-in classes only, and what is not listed is not undone."""
    install(("poolproof.models", "mine", name))
    with pytest.raises(UsageError, match=words):
        registry.find("mine")


def test_a_model_is_installed_under_its_own_name(install: Install) -> None:
    """Evidence is kept by the model's name: two models of one name would share their verdicts."""
    install(("poolproof.models", "twin", "MINE"))
    with pytest.raises(UsageError, match='calls itself "mine" and is installed as "twin"'):
        registry.find("twin")


def test_a_model_sets_all_numbers_of_its_markets(install: Install) -> None:
    """One that is left unset is named."""

    def built(protocol: Protocol) -> Any:
        state = REFERENCE.build(protocol)
        for market in state.markets.values():
            market.__class__ = Unset
        return state

    protocol = load_protocol("minimal").model_copy(update={"model": "mine"})
    with pytest.raises(UsageError, match='"fee" of the market'):
        registry.of(protocol, lambda _: (replace(MINE, build=built, market=Unset), CATALOGUE))
    install(("poolproof.models", "mine", "MINE"))
    assert registry.of(protocol)[0] == MINE


class Unset(Market):
    """A class whose number no build sets; without a slot, so that a built-in record can become one."""

    scalars = (*Market.scalars, "fee")
    __slots__ = ()
