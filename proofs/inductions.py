"""Every induction that a model's catalogue needs: one for each kind of pool, and those that see several pools at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from poolproof.models.deployed.venus.market import VToken
from poolproof.models.market import Market
from poolproof.spec.invariant import Catalogue, Clause, Invariant
from poolproof.spec.model import Model

from .induction import Induction, Only, Unit, World
from .world_of_route import RouteInduction
from .world_of_system import SystemInduction
from .world_of_venus import VenusInduction


class Inductions(World):
    """The obligations of a model's whole catalogue, from the worlds that its invariants speak of."""

    def __init__(self, model: Model, catalogue: Catalogue, *, dropped: Iterable[str] = ()) -> None:
        dropped = tuple(dropped)
        kind = VenusInduction if issubclass(model.market or Market, VToken) else Induction
        pools = [kind(model, catalogue, dropped=dropped, part=part) for part in model.parts or (None,)]
        self.lemmas: list[tuple[Invariant, Clause]] = pools[0].lemmas
        self.worlds: list[World] = [*pools]
        if model.parts:
            about = {each: [i for i in catalogue if i.about == each] for each in ("system", "route")}
            self.worlds += [SystemInduction(pool, about["system"]) for pool in pools]
            self.worlds.append(RouteInduction(Induction(model, catalogue, dropped=dropped), about["route"]))

    def units(self, only: Only = lambda _: True) -> Iterator[Unit]:
        """The obligations of the invariants selected, lemmas included, in parts that are found one by one."""
        for world in self.worlds:
            yield from world.units(only)
