"""What a fuzzer does next on deployed pools side by side: it goes from pool to pool, and does there what it does in one."""

from __future__ import annotations

from random import Random
from typing import Any

from poolproof.models.deployed.venus.model import VENUS
from poolproof.models.system import SEPARATOR, place_of
from poolproof.proofs.draw import Profile
from poolproof.proofs.parts import lifted_arguments
from poolproof.proofs.traces import Call
from poolproof.proofs.venus_tactics import VenusTactics
from poolproof.spec.action import Action
from poolproof.spec.model import Model
from poolproof.spec.protocol import Protocol


class InTurn:
    """Chooses the next action on deployed pools side by side: in one pool after another, what it would do in one."""

    def __init__(self, model: Model, protocol: Protocol, random: Random) -> None:
        self.actions = {action.name: action for action in model.actions}
        self.random, self.of = random, dict[str, VenusTactics]()
        for pool in protocol.pools:
            markets = [m.model_copy(update={"asset": f"{pool.id}{SEPARATOR}{m.asset}"}) for m in pool.markets]
            alone = pool.model_copy(update={"markets": tuple(markets)})
            self.of[pool.id] = VenusTactics(
                VENUS, protocol.model_copy(update={"pools": (alone,)}), random, only=self.actions
            )

    def begin(self, state: Any, profile: Profile, also: str | None = None) -> None:
        """Start an episode in three pools, a given one among them."""
        self.pools = [*([] if also is None else [also]), *self.random.sample(list(self.of), min(2, len(self.of)))]
        for pool in dict.fromkeys(self.pools):
            self.of[pool].begin(dict.__getitem__(state.pools, pool), profile)

    def next(self) -> Call:
        """The next action in one of the pools, as one of all."""
        pool = self.random.choice(self.pools)
        action, arguments = self.of[pool].next()
        if action.name == "pass_time":
            return self.actions[action.name], arguments
        return self.actions[action.name], lifted_arguments(action.domains, _plain(action, arguments), pool)


def _plain(action: Action, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments of a pool's action, its markets by their assets alone."""
    pairs = zip(action.domains.values(), arguments, strict=True)
    return tuple(place_of(value)[1] if domain.kind == "asset" else value for domain, value in pairs)
