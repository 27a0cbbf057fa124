"""The models and their catalogues by name: those built in, and those that installed packages bring.

A protocol file names its model.  The file is data from strangers, so a name is looked up among the built-in
models and the entry points of installed packages, and nowhere else:

* ``poolproof.models``: the name of a model, and the ``Model``;
* ``poolproof.invariants``: the name of a model, and a ``Catalogue``.  For a built-in model it adds to the
  built-in catalogue; for another it is that model's catalogue, in place of the built-in one.

What a catalogue says of all actions of a kind, it also says of those that an installed model adds.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import TypeVar

from poolproof.spec.errors import SHOWN_CHARACTERS, UsageError, shown_plain, shown_text
from poolproof.spec.invariant import Catalogue
from poolproof.spec.model import Model
from poolproof.spec.protocol import Protocol

MODELS = "poolproof.models"
INVARIANTS = "poolproof.invariants"

Thing = TypeVar("Thing")


def names() -> tuple[str, ...]:
    """The models that can be named, the built-in ones first."""
    installed = sorted({point.name for point in entry_points(group=MODELS)} - set(_built_in()))
    return (*_built_in(), *installed)


def find(name: str) -> tuple[Model, Catalogue]:
    """The model of a name, and the invariants that are claimed of it.

    Refuses: an unknown name, and an installed model or catalogue that cannot be loaded, is something else, or would
    change what the engines rely on.
    """
    from poolproof.invariants import CATALOGUE
    from poolproof.invariants.fitting import fitted

    added = [_loaded(point, Catalogue) for point in entry_points(group=INVARIANTS, name=name)]
    if name in _built_in():
        model = _built_in()[name]
        built_in = _catalogue_of(model)
        return model, _merged([built_in, *added]) if added else built_in
    points = list(entry_points(group=MODELS, name=name))
    if not points:
        raise _unknown(name)
    if len(points) > 1:
        packages = " and ".join(_package(point) for point in points)
        cure = "uninstall one of them"
        raise UsageError(f"the model {shown_text(name)} is brought by {packages}", "", cure)
    model = _loaded(points[0], Model)
    _require_sound(model, points[0])
    return model, fitted(_merged(added) if added else CATALOGUE, model)


def of(protocol: Protocol, named: Callable[[str], tuple[Model, Catalogue]] | None = None) -> tuple[Model, Catalogue]:
    """The model of a protocol, by the model's name and the number of pools, and the invariants that are claimed of it.

    ``named`` looks the name up in place of ``find``.
    """
    model, catalogue = (named or find)(protocol.model)
    if model.name not in _built_in():
        _require_complete(model, protocol)
    chosen = model.of(protocol)
    if chosen is model and not model.parts and len(protocol.pools) > 1:
        rule = f"{shown_text(model.name)} is a model of one pool, and this file has {len(protocol.pools)}"
        raise UsageError(rule, "model", "write one file for each pool, or name a model of several")
    if chosen is model:
        return model, catalogue
    return chosen, _of_systems(catalogue) if chosen.parts else Catalogue()


@cache
def _of_systems(catalogue: Catalogue) -> Catalogue:
    """A catalogue of one pool, and what is claimed on top of a system of pools."""
    from poolproof.invariants import OF_SYSTEMS, ORDER

    merged = _merged([catalogue, *OF_SYSTEMS])
    merged.arrange(ORDER)
    return merged


def _built_in() -> dict[str, Model]:
    from poolproof.models.deployed.venus.pools import VENUS
    from poolproof.models.reference import REFERENCE

    return {model.name: model for model in (REFERENCE, VENUS)}


def _catalogue_of(model: Model) -> Catalogue:
    """The catalogue of a built-in model."""
    from poolproof.invariants import CATALOGUE
    from poolproof.invariants.deployed.venus import VENUS
    from poolproof.models.reference import REFERENCE

    return CATALOGUE if model is REFERENCE else VENUS


def _require_sound(model: Model, point: EntryPoint) -> None:
    """Refuse a model under another name than its own, by which its evidence is known, and a class that is no market.

    What is known of the sign of a built-in number is proved of built-in classes, so no other class may say more.
    """
    from poolproof.models.market import Market

    what = f"{point.value} of {_package(point)}"
    if model.name != point.name:
        cure = f'declare it as "{model.name}", or give it the name "{point.name}"'
        raise UsageError(f'the model calls itself "{model.name}" and is installed as "{point.name}"', what, cure)
    market = model.market
    if market is None:
        return
    if not (isinstance(market, type) and issubclass(market, Market)):
        raise UsageError(f"{market!r} is not a class of markets", what, "derive it from poolproof.models.market.Market")
    names = (*market.scalars, *market.ledgers, *market.constants)
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UsageError(f'{market.__name__} lists "{twice}" twice', what, "list each name once")
    built_in = (*Market.scalars, *Market.ledgers, *Market.constants)
    missing = next((name for name in built_in if name not in names), None)
    if missing is not None:
        cure = "begin the tuple with *Market.scalars, and those of ledgers and constants alike"
        raise UsageError(f'{market.__name__} does not list "{missing}"', what, cure)
    changed = next((name for name in built_in if market.signs.get(name) != Market.signs.get(name)), None)
    if changed is not None:
        cure = "leave the signs of built-in numbers as they are, and claim what you know of them as an invariant"
        raise UsageError(f'{market.__name__} changes what is known of the sign of "{changed}"', what, cure)


def _require_complete(model: Model, protocol: Protocol) -> None:
    """Refuse a model that leaves a number of a market unset when it is built."""
    state = model.build(protocol)
    for asset, market in getattr(state, "markets", {}).items():
        for name in (*market.scalars, *market.ledgers, *market.constants):
            if not hasattr(market, name):
                what = f"the model {shown_text(model.name)}"
                cure = "set every name of scalars, ledgers and constants when the model is built"
                raise UsageError(f'"{name}" of the market {asset} is not set', what, cure)


def _unknown(name: str) -> UsageError:
    """List the known names, the nearest first."""
    known = names()
    near = difflib.get_close_matches(name[:SHOWN_CHARACTERS].lower(), known, n=1)
    guess = f'write "{near[0]}"; ' if near else ""
    cure = f"{guess}known: {', '.join(map(shown_plain, known))}; others come with packages that are installed"
    return UsageError(f"{shown_text(name)} is not the name of a model", "model", cure)


def _package(point: EntryPoint) -> str:
    """The package that declares an entry point."""
    return point.dist.name if point.dist is not None else "an unnamed package"


def _loaded(point: EntryPoint, kind: type[Thing]) -> Thing:
    """What an entry point names, if it is of the kind that its group is for."""
    what = f'entry point "{point.name}" of {_package(point)} in the group {point.group}'
    cure = "repair the package, or uninstall it"
    try:
        thing = point.load()
    except UsageError:
        raise
    except Exception as error:
        cause = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise UsageError(f"{shown_plain(point.value)} cannot be loaded ({cause})", what, cure) from error
    if not isinstance(thing, kind):
        raise UsageError(f"{shown_plain(point.value)} is not a {kind.__name__}", what, cure)
    return thing


def _merged(catalogues: list[Catalogue]) -> Catalogue:
    """One catalogue with the invariants of several.

    Refuses: one id in two of them.
    """
    merged = Catalogue()
    for catalogue in catalogues:
        merged.add(catalogue)
    return merged
