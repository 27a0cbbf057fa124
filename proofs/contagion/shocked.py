"""A run in which a price move costs a pool as much as the model lets it, from the protocol's start.

Somebody borrows while the price of his collateral is higher by threshold / loan-to-value, takes back what he does not
need, and the price returns: he owes just what the threshold allows, at the prices of the start, and nobody can be
liquidated.  Then the feeds move, all at once; he is liquidated as far as his collateral goes, his debt in the market
that loses last, and what is left is recorded.  Over a line he borrows in the pool that draws; where that lowers the
price of shares, others have borrowed against them before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias

from poolproof.models.core_pool import CoreMarket
from poolproof.models.deployed.venus.market import VToken
from poolproof.models.system import place_of
from poolproof.proofs import registry
from poolproof.proofs.snapshots import copy_state
from poolproof.spec.arithmetic import WAD
from poolproof.spec.model import Model
from poolproof.spec.protocol import Protocol
from poolproof.spec.state import Account

from .choices import Case, Choice, lenders_of
from .exposure import pools_of
from .losses import loss_between
from .network import Contagion, Loss
from .scripts import BORROW, WITHDRAW, Ended, Script, cash_of, feed_of, is_collateral, lends
from .shock import BY_SHARES, Shocks, moved_price, moves_of_feeds
from .unnoticed import losses_over_time
from .unwinding import unwinding_of
from .witness import IN_SHARES, REFUSED, Witness, is_close, shown

AT_THE_THRESHOLD = (
    "the bound is believed to be the loose side: it counts every debt at the threshold of the collateral that pays "
    "least, and what is lost anywhere in the pool as if it could be lost here"
)
"""Why what a price move costs at once stays below its bound."""


@dataclass(frozen=True, slots=True)
class Position:
    """Somebody who borrows in a pool up to the threshold of what he pledges there.

    ``pledged``: what pays least after the move first, all that can be supplied or an ``amount``; ``loans``: what is
    borrowed, in this order, all that can be or so much.
    """

    account: Account
    pool: str
    pledged: tuple[str, ...]
    loans: tuple[tuple[str, int | None], ...]
    amount: int | None = None


Positions: TypeAlias = tuple[Position, ...]
Watch: TypeAlias = Callable[[str, int, int], None]
"""Told the stage, how much of it is done, and how much there is."""


def show_losses_of_shock(
    protocol: Protocol, shocks: Shocks, rows: Sequence[Loss], analysis: Contagion, watch: Watch
) -> None:
    """Give each loss of a price move that may be above nothing the largest run that is found, and a reason."""
    model, _ = registry.of(protocol)
    runs = Runs(model, protocol, shocks)
    wanted = [row for row in rows if row.upper]
    for place, row in enumerate(wanted):
        watch(f"price moves: {row.pool}/{row.asset}", place, len(wanted))
        assert row.upper is not None  # noqa: S101 - for the type checker
        case = Case(row.source, row.pool, row.asset, row.kind)
        found = runs.largest(case, row.upper)
        row.gap = _gap_of(row, row.upper, found)
        if found is not None:
            row.lower, row.witness = found.loss, shown(model, protocol, case, found).to_json()
            analysis.over_time.append(losses_over_time(model, protocol, case, found))


def _gap_of(row: Loss, upper: int, found: Witness | None) -> str | None:
    """Why a loss stays more than a hundredth below its bound."""
    loose = IN_SHARES if set(BY_SHARES) <= set(row.theorem) else AT_THE_THRESHOLD
    if is_close(0 if found is None else found.loss, upper):
        return None
    if found is None:
        return f"no run loses anything; {loose}"
    limits = dict.fromkeys(REFUSED.get(each, each) for each in found.limits)
    refused = f"drawing more is refused: {', '.join(limits)}; " if limits else ""
    return refused + loose


class Runs:
    """The runs of one price move."""

    def __init__(self, model: Model, protocol: Protocol, shocks: Shocks) -> None:
        self.model, self.protocol = model, protocol
        self.moves = moves_of_feeds(protocol, shocks)
        self.start = Script(model, protocol)
        self.incentive = {pool.id: Fraction(pool.liquidation_incentive, WAD) for pool in protocol.pools}

    def largest(self, case: Case, upper: int) -> Witness | None:
        """The run in which a market loses most, of those that are tried; None where none loses anything."""
        best: tuple[Witness, Positions] | None = None
        for further in (self._choices(case), None):
            choices = further if further is not None else self._looped(case, *best) if best is not None else ()
            for positions in choices:
                found = self._played(case, positions)
                if found is not None and found.loss > (best[0].loss if best is not None else 0):
                    best = found, positions
                if best is not None and is_close(best[0].loss, upper):
                    return best[0]
        return best[0] if best is not None else None

    # --- one run --------------------------------------------------------------------------------------------------

    def _played(self, case: Case, positions: Positions) -> Witness | None:
        """Play a run; None where it cannot be played, or somebody can be liquidated before the move."""
        script = Script(self.model, self.protocol)
        script.last = case.asset
        try:
            self._enter(script, case, positions)
        except Ended:
            return None
        pools = pools_of(script.state, self.protocol)
        if any(unwinding_of(pools[each.pool]).is_unhealthy(each.account) is not False for each in positions):
            return None
        script.collapse = len(script.calls)
        for feed, move in self.moves.items():
            script.answer(feed, moved_price(script.prices[feed], move))
        for each in reversed(positions):
            with suppress(Ended):
                script.record(each.pool, each.account)
        loss = loss_between(script.before, script.state, case.pool, case.asset, case.kind)
        reached = tuple(name for each in positions if each.amount is not None for name in each.pledged)
        choice = Choice({each.pool: each.pledged for each in positions}, reached=reached)
        return Witness(
            loss, script.calls, script.before, script.state, script.start, script.collapse, choice, script.limits
        )

    def _enter(self, script: Script, case: Case, positions: Positions) -> None:
        """Let suppliers come, where the pool that loses lends over a line none beside it, and everybody borrow."""
        pledged = {name for each in positions for name in each.pledged}
        for each in positions:
            cores = {drawing: core for core, drawing in lenders_of(script, each.pool).items()}
            for name, _ in each.loans:
                core = cores.get(name)
                lent = [core] if core is not None else []
                if core is None or core not in {case.market, *pledged}:
                    lent.append(name)
                for wanted in lent:
                    if wanted not in pledged:
                        script.fund(wanted)
        for each in positions:
            for name in each.pledged:
                script.pledge(each.account, name, each.amount)
        script.before, script.start = copy_state(script.state), len(script.calls)
        for each in positions:
            self._borrow(script, each)

    def _borrow(self, script: Script, position: Position) -> None:
        """Borrow at the threshold, and take back what is not needed, what pays most first."""
        account, short = position.account, Fraction(0)
        for feed, price in self._edges(script, position).items():
            script.answer(feed, price)
        pays = self._pays(position.pledged[0])
        taken = 0
        for name, wanted in position.loans:
            price, moved = script.prices[feed_of(name, script.markets[name])], self._moved(name)
            most = cash_of(script.markets[name])
            if wanted is not None:
                most = min(most, wanted)
            elif taken and moved <= pays:
                most = min(most, int(short / (max(price, 1) * pays)))
            script.open(name)
            amount = script.most(BORROW, account, name, at_most=most)
            short += amount * price * (moved - pays)
            taken += amount
        if not taken:
            raise Ended
        for name in reversed(position.pledged):
            script.most(WITHDRAW, account, name, at_most=cash_of(script.markets[name]))
        for feed in self._edges(script, position):
            script.answer(feed, script.prices[feed])

    def _edges(self, script: Script, position: Position) -> dict[str, int]:
        """The prices of collateral at which the loan-to-value allows what the threshold does at those of the start."""
        edges: dict[str, int] = {}
        for name in position.pledged:
            market = script.markets[name]
            feed = feed_of(name, market)
            price = script.prices[feed] * market.liquidation_threshold // _loan_to_value(market)
            edges[feed] = min(price, edges.get(feed, price))
        return edges

    # --- what is tried --------------------------------------------------------------------------------------------

    def _choices(self, case: Case) -> Iterator[Positions]:
        """Who borrows what: in the pool that loses, over its lines, and against shares whose price falls."""
        own = list(self._in_pool(case.pool, case.market, case.market))
        over = self._over_lines(case.market)
        if over and own:
            yield (*over, own[0])
        yield from ((each,) for each in own)
        if over:
            yield over
        for name in self._collaterals(case.pool):
            ruined = self._over_lines(name, case.market) if name != case.market else ()
            if ruined:
                drawn = self._drawn(name, ruined)
                borrower = Position(self.start.borrower, case.pool, (name,), ((case.market, None),), drawn)
                yield (borrower, *ruined)

    def _in_pool(self, pool: str, *wanted: str) -> Iterator[Position]:
        """Somebody who borrows in a pool: what is wanted first, and what else brings a shortage; or in another order."""
        first = dict.fromkeys(wanted)
        names = [name for name, each in self.start.markets.items() if place_of(name)[0] == pool and lends(each)]
        held = sorted(self._collaterals(pool), key=self._pays)
        tops = [self._moved(name) for name in names]
        pledged = tuple(name for name in held if self._pays(name) < max(tops, default=Fraction(0)))
        if not pledged:
            return
        pays = self._pays(pledged[0])
        short = sorted((name for name in names if self._moved(name) > pays), key=lambda name: -self._moved(name))
        beside = [name for name in short if name not in first]
        account = self.start.defaulter
        if all(name in short for name in first):
            yield Position(account, pool, pledged, tuple((name, None) for name in (*first, *beside)))
            alone = tuple(name for name in pledged if self._pays(name) < max(self._moved(each) for each in first))
            yield Position(account, pool, alone, tuple((name, None) for name in first))
        elif beside:
            yield Position(account, pool, pledged, tuple((name, None) for name in (*beside, *first)))
            top = self._moved(beside[0])
            for name in first:
                market, price = self.start.markets[pledged[0]], self._price(pledged[0])
                covered = self._cap(pledged[0]) * price * int(market.liquidation_threshold) // WAD
                most = int(covered * (top - pays) / top / max(self._price(name), 1))
                yield Position(account, pool, pledged, ((name, most), *((each, None) for each in beside)))

    def _over_lines(self, *cores: str) -> Positions:
        """Somebody who borrows in every pool that draws on a core market: there, then on the others named, and beside."""
        found = []
        for pool in self.protocol.pools:
            lenders = lenders_of(self.start, pool.id)
            if cores[0] in lenders:
                drawing = [lenders[core] for core in cores if core in lenders]
                found += list(self._in_pool(pool.id, *drawing))[:1]
        return tuple(found)

    def _looped(self, case: Case, best: Witness, positions: Positions) -> Iterator[Positions]:
        """With supply that is pledged by who borrows it, as much as leaves for the others what they took."""
        market = self.start.markets[case.market]
        left = WAD - _loan_to_value(market)
        if not is_collateral(market) or not left or any(case.market in each.pledged for each in positions):
            return
        users = [user for user in self.start.users if user not in {each.account for each in positions}]
        loans = ((case.market, None),)
        for taken in dict.fromkeys((best.loss, self._borrowed(case, best))):
            supplied = min(taken * WAD // left, self._cap(case.market))
            loops = [Position(user, case.pool, (case.market,), loans, supplied // len(users)) for user in users]
            yield (*loops, *positions)

    def _borrowed(self, case: Case, found: Witness) -> int:
        """How much of what the market that loses can lend went out in a run, over lines too [tokens]."""
        drawing = {lenders_of(self.start, pool.id).get(case.market) for pool in self.protocol.pools}
        names = {case.market, *drawing, *([case.asset] if self.start.alone else [])}
        calls = found.calls[found.start : found.collapse]
        return sum(given[-1] for action, given in calls if action.name == BORROW and given[1] in names)

    def _drawn(self, core: str, positions: Positions) -> int:
        """How much of a core market is drawn over lines, if it has all it can have [tokens]."""
        script = Script(self.model, self.protocol)
        case = Case("", *place_of(core), "principal")
        try:
            self._enter(script, case, positions)
        except Ended:
            return 0
        return int(script.markets[core].lent) if isinstance(script.markets[core], CoreMarket) else 0

    # --- what a price move does to a market -----------------------------------------------------------------------

    def _price(self, name: str) -> int:
        return self.start.prices[feed_of(name, self.start.markets[name])]

    def _cap(self, name: str) -> int:
        return int(self.start.configs[name].supply_cap)

    def _moved(self, name: str) -> Fraction:
        """The price of a market after the move, as a part of that before."""
        price, feed = self._price(name), feed_of(name, self.start.markets[name])
        return Fraction(moved_price(price, self.moves[feed]), price) if price and feed in self.moves else Fraction(1)

    def _pays(self, name: str) -> Fraction:
        """What collateral pays after the move of a debt that it just covered, as a part of that debt before."""
        market = self.start.markets[name]
        return self._moved(name) * WAD / (int(market.liquidation_threshold) * self.incentive[place_of(name)[0]])

    def _collaterals(self, pool: str) -> list[str]:
        """The markets of a pool against which something can be borrowed."""
        markets = self.start.markets.items()
        return [name for name, each in markets if place_of(name)[0] == pool and is_collateral(each)]


def _loan_to_value(market: Any) -> int:
    return int(market.collateral_factor if isinstance(market, VToken) else market.ltv)
