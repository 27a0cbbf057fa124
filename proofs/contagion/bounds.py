"""The most that each pool loses when another fails, or when a feed that pools share answers wrongly.

Each bound follows from invariants that are proved of every state and every parameter of the admissible region; here
only the amounts are filled in.  The parameters stay as they are; a bound from a file holds for one failure, because a
line that lost its principal owes nothing, and may be drawn again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from poolproof.spec.arithmetic import WAD, div_up
from poolproof.spec.protocol import Protocol

from .exposure import Credit, Exposure, exposures, has_lines, lends_at_all
from .graph import OVER_A_LINE, caps_theorem, oracle_node
from .network import Loss

MOST_ROWS = 20_000
"""Beyond so many pairs of a source and a market, losses that a theorem says are nothing are left out."""
ONE_FAILURE = (
    "over the line, in one failure, from its last draw until it owes nothing, however long it takes; same limits"
)
FROM_NOW = "over the line, from the given state, however long it takes, without a further draw"
AT_ONCE = "the action that records the failure; parameters and prices unchanged"
HEALTHY = (
    "after the loss over the line is recorded, at constant prices, every account of the core pool healthy before; the "
    "dust of write-offs not counted"
)
OF_SHORTFALL = ("SOLV-2", "SOLV-3", "SOLV-4", "LIQ-2", "LIQ-6")
"""What bounds the losses that follow from a loss, by the shortfalls of all accounts."""
BY_COLLATERAL = ("LIQ-6", "CAP-2")
"""What bounds debts whose collateral is valued by the same feed."""
UNTIL_RECORDED = "until it is repaid or recorded as lost"
ANY_PRICE = "any price, at once; interest after the start not counted"


@dataclass(frozen=True, slots=True)
class Worst:
    """The most that a market loses of its principal when everything that can reach it fails at once."""

    pool: str
    asset: str
    own: int
    lines: int

    @property
    def total(self) -> int:
        """By its own borrowers and over credit lines [smallest unit]."""
        return self.own + self.lines


def losses_of(protocol: Protocol, state: Any = None) -> list[Loss]:
    """The bounds of every pool's losses, for each pool that fails and each feed that several pools read."""
    found = exposures(protocol, state)
    view = _View(protocol, found, from_file=state is None)
    with_zeros = len(protocol.pools) * len(found) <= MOST_ROWS
    rows = [loss for pool in protocol.pools for each in found.values() for loss in view.of_pool(pool.id, each)]
    rows += [loss for oracle in shared_oracles(found) for each in found.values() for loss in view.of_feed(oracle, each)]
    return [loss for loss in rows if with_zeros or loss.upper != 0]


def worst_of(protocol: Protocol, state: Any = None) -> list[Worst]:
    """The most that each market loses of its principal when every pool fails at once."""
    found = exposures(protocol, state)
    lines: dict[str, int] = defaultdict(int)
    for each in found.values():
        if each.credit is not None:
            lines[f"{each.credit.lender}/{each.asset}"] += each.credit.at_risk
    return [Worst(each.pool, each.asset, each.losable, lines[each.name]) for each in found.values()]


def shared_oracles(found: dict[str, Exposure]) -> list[str]:
    """The feeds that more than one pool reads."""
    readers: dict[str, set[str]] = defaultdict(set)
    for each in found.values():
        readers[each.oracle].add(each.pool)
    return [oracle for oracle, pools in readers.items() if len(pools) > 1]


class _View:
    """A protocol's markets, and what links them."""

    def __init__(self, protocol: Protocol, found: dict[str, Exposure], *, from_file: bool) -> None:
        self.found = found
        self.caps = caps_theorem(protocol)
        self.lines = has_lines(protocol)
        self.kinds = {pool.id: pool.kind for pool in protocol.pools}
        self.from_file = from_file
        self.over_a_line = ONE_FAILURE if from_file else FROM_NOW
        self.markets: dict[str, list[Exposure]] = defaultdict(list)
        for each in found.values():
            self.markets[each.pool].append(each)
        self.barren = {pool.id for pool in protocol.pools if from_file and not lends_at_all(protocol, pool)}
        """The pools in which nothing can be pledged."""

    # --- a pool fails ---------------------------------------------------------------------------------------------

    def of_pool(self, source: str, market: Exposure) -> Iterator[Loss]:
        """What a market loses when a pool fails."""
        if market.pool == source:
            yield from self._own(source, market)
            return
        credit = self._credit(source, market.asset)
        if credit is not None and credit.lender == market.pool:
            yield from self._over_line(source, market, credit)
            return
        lent = self._lent_by(market.pool, source)
        if lent:
            yield self._second_round(source, market, lent)
        else:
            yield self._nothing(source, market)
        if market.credit is not None:
            yield self._less_credit(source, market, credit)

    def _own(self, source: str, market: Exposure) -> Iterator[Loss]:
        reason, upper = (
            "the debts of its own borrowers, and at most what its suppliers and reserves have",
            market.losable,
        )
        theorem = (*self.caps, "LINE-8") if market.credit is not None else self.caps
        frozen = (*self.caps, *BY_COLLATERAL) if market.losable and market.priced_alone else self.caps
        if source in self.barren:
            reason, theorem, frozen = "nothing in the pool can be pledged for a debt", ("SOLV-9",), ("SOLV-9",)
        elif market.losable and self.lines and len(set().union(*self._read_in(source))) == 1:
            reason, upper = (
                "collateral and debts are valued by one feed, so that no price moves one without the other",
                0,
            )
            theorem = ("SOLV-5",)
        elif market.losable and market.priced_alone:
            theorem = (*theorem, *BY_COLLATERAL)
        yield _loss(source, market, "principal", upper, reason, theorem, ANY_PRICE)
        reason = "as long as the debts are out, as much of the supply cannot be redeemed"
        yield _loss(source, market, "frozen", market.losable, reason, frozen, UNTIL_RECORDED)

    def _over_line(self, source: str, market: Exposure, credit: Credit) -> Iterator[Loss]:
        reason = f'the core pool loses at most the principal that the line of "{source}" owes'
        if credit.at_risk < credit.drawn:
            reason += ", less the first-loss reserve that is pledged to it"
        direct = _loss(source, market, "principal", credit.at_risk, reason, OVER_A_LINE, self.over_a_line)
        later = self._second_round(source, market, self._lent_by(market.pool, source))
        if later.upper:
            direct.direct = True
            later.upper = min(credit.at_risk + later.upper, max(market.supplied, credit.at_risk))
            later.upper_reason = f"what goes over the line, and then: {later.upper_reason}"
            later.theorem = (*OVER_A_LINE, *later.theorem)
        yield direct
        if later.upper:
            yield later
        out = max(credit.drawn, credit.at_risk)
        reason = "principal that is out over the line is not there for redemptions"
        yield _loss(source, market, "frozen", out, reason, ("ISO-6", "LINE-1"), UNTIL_RECORDED)

    def _second_round(self, source: str, market: Exposure, lent: list[tuple[Exposure, Credit]]) -> Loss:
        """The core's share price falls, its shares are collateral there, so that its other borrowers may default."""
        if not self.from_file and all(_covered(each, credit) for each, credit in lent):
            reason = "the share prices fall by less than what every healthy account has beyond the incentive"
            return _loss(source, market, "principal", 0, reason, ("SOLV-5",), HEALTHY)
        reason = "the lower share price of what was lent leaves other borrowers of the core pool without cover"
        theorem = (*OF_SHORTFALL, *self.caps)
        return _loss(source, market, "principal", followed(market, lent), reason, theorem, HEALTHY)

    def _nothing(self, source: str, market: Exposure) -> Loss:
        isolated = self.kinds[source] != "core" or not self.lines
        theorem: tuple[str, ...] = ("ISO-5", "ISO-1") if isolated else ("ISO-1",)
        reason = "the failure changes no field, no valuation and no cash of this pool"
        if market.credit is not None:
            reason += "; later its rates may rise with the core's, which its borrowers pay"
        return _loss(source, market, "principal", 0, reason, theorem, AT_ONCE)

    def _less_credit(self, source: str, market: Exposure, sister: Credit | None) -> Loss:
        """What a sister, or the core itself, keeps of the core's cash is not there for this pool's draws."""
        assert market.credit is not None  # noqa: S101 - for the type checker
        undrawn = max(0, market.credit.limit - market.credit.drawn)
        if source == market.credit.lender:
            undrawn = min(undrawn, self.found[f"{source}/{market.asset}"].losable)
            reason = "credit that the core pool cannot pay out; nothing that this pool has is touched"
        elif sister is not None and sister.lender == market.credit.lender:
            undrawn = min(undrawn, max(sister.drawn, sister.at_risk))
            reason = "credit that a sister pool has drawn and does not pay back; nothing that this pool has is touched"
        else:
            reason, undrawn = "no credit line of this asset connects the two pools", 0
        return _loss(source, market, "frozen", undrawn, reason, ("ISO-5", "ISO-6", "LINE-1"), UNTIL_RECORDED)

    def _credit(self, pool: str, asset: str) -> Credit | None:
        market = self.found.get(f"{pool}/{asset}")
        return market.credit if market is not None else None

    def _lent_by(self, core: str, source: str) -> list[tuple[Exposure, Credit]]:
        """The markets of a core pool whose shares are collateral and that lent to a pool, with the lines."""
        lent = []
        for each in self.markets[source]:
            if each.credit is not None and each.credit.lender == core and each.credit.at_risk > 0:
                lender = self.found[f"{core}/{each.asset}"]
                if lender.threshold > 0:
                    lent.append((lender, each.credit))
        return lent

    # --- a feed answers wrongly -----------------------------------------------------------------------------------

    def of_feed(self, oracle: str, market: Exposure) -> Iterator[Loss]:
        """What a market loses by a feed that several pools read."""
        source = oracle_node(oracle)
        if market.oracle == oracle:
            reason = "all that is supplied is valued by this feed"
            yield _loss(source, market, "value", market.supplied, reason, self.caps, ANY_PRICE)
        hit = [each for each in self.found.values() if each.credit is not None and self._hits(oracle, each.pool)]
        lent = [
            (self.found[f"{each.credit.lender}/{each.asset}"], each.credit) for each in hit if each.credit is not None
        ]
        lent = [(lender, credit) for lender, credit in lent if lender.pool == market.pool]
        over_lines = sum(credit.at_risk for lender, credit in lent if lender is market)
        pledged = [(lender, credit) for lender, credit in lent if lender.threshold > 0]
        theorem = (*self.caps, "ISO-3", "LINE-1") if over_lines else self.caps
        reason = "debts whose collateral, or which themselves, are valued by this feed may end without cover"
        if self._hits(oracle, market.pool):
            own = market.losable
        else:
            own = followed(market, pledged)
            theorem = (*theorem, *OF_SHORTFALL) if own else theorem
            reason = (
                "debts of pools that draw on this one may end without cover, by this feed, and its share prices fall"
            )
        upper = min(own + over_lines, market.supplied)
        if upper == 0:
            return
        if market.priced_alone:
            theorem = (*theorem, *BY_COLLATERAL)
        if over_lines:
            reason += (
                ", here and in pools that draw on this market; together at most what its suppliers and reserves have"
            )
        yield _loss(source, market, "principal", upper, reason, theorem, ANY_PRICE)

    def _read_in(self, pool: str) -> tuple[set[str], set[str]]:
        """The feeds that value collateral in a pool, and those that value debts."""
        markets = self.markets[pool]
        return {each.oracle for each in markets if each.threshold > 0}, {
            each.oracle for each in markets if each.owed > 0
        }

    def _hits(self, oracle: str, pool: str) -> bool:
        """Whether a feed moves what is pledged in a pool against what is owed there.

        All of a borrower's collateral stands for all that he owes: it may go to who repays his other debts.
        """
        held, owed = self._read_in(pool)
        return oracle in held | owed and not (self.lines and (pool in self.barren or len(held | owed) == 1))


def followed(market: Exposure, lent: list[tuple[Exposure, Credit]]) -> int:
    """The most that follows in a core market from losses over lines, at constant prices [smallest unit].

    With T the thresholds, the accounts' shortfalls together rise by at most T x loss with each loss of a market, and
    fall by each debt that is recorded as bad: the sum of (1 - T) x bad debts is at most that of T x losses over lines.
    """
    value = sum(credit.at_risk * lender.price * lender.threshold for lender, credit in lent)
    left = (WAD - market.threshold) * market.price
    return min(market.losable, div_up(value, left)) if left > 0 and value > 0 else market.losable if value > 0 else 0


def _covered(lender: Exposure, credit: Credit) -> bool:
    """Whether a share price falls so little that collateral stays above incentive x debt: L / assets <= 1 - T x i."""
    return credit.at_risk * WAD * WAD <= lender.supplied * (WAD * WAD - lender.threshold * lender.incentive)


def _loss(
    source: str, market: Exposure, kind: Any, upper: int, reason: str, theorem: tuple[str, ...], horizon: str
) -> Loss:
    return Loss(source, market.pool, market.asset, kind, upper, reason, theorem=theorem, horizon=horizon)
