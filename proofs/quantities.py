"""Claims about numbers, computed by running the model: what the claim says, at how many points, and with which figures.

A computation runs a shipped protocol with the demands, factors and price moves of a grid, and holds what comes out
against what is claimed.  It says how many points it looked at: a grid is no proof, the theorems beside it are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import product
from typing import Any, TypeAlias

from poolproof.models.credit_line import LinedMarket
from poolproof.models.market import borrow_rate
from poolproof.spec.action import perform
from poolproof.spec.arithmetic import WAD
from poolproof.spec.model import Model
from poolproof.spec.protocol import PoolConfig, Protocol
from poolproof.spec.refusal import Refusal

from . import registry
from .limits import Limit

DAY = 86_400
MILLION = 10**6
BLUE_CHIPS = {"ETH", "WBTC", "USDC", "USDT"}
"""What Astera's core pool takes as collateral."""


@dataclass(slots=True)
class Figures:
    """What a computation found: lines for people, where it disagrees with the claim, and under which conditions not."""

    lines: list[str] = field(default_factory=list)
    disagreements: list[str] = field(default_factory=list)
    limits: list[Limit] = field(default_factory=list)

    def check(self, agrees: bool, what: str) -> None:
        """Note a disagreement."""
        if not agrees:
            self.disagreements.append(what)


Computation: TypeAlias = Callable[[Protocol], Figures]


class Scene:
    """A protocol on integers, acted upon step by step."""

    def __init__(self, protocol: Protocol) -> None:
        self.protocol = protocol
        self.model: Model = registry.of(protocol)[0]
        self.state: Any = self.model.build(protocol)
        self.actions = {action.name: action for action in self.model.actions}

    def attempt(self, name: str, *arguments: Any) -> Refusal | None:
        """Carry an action out; the refusal if it refuses."""
        return perform(self.state, self.actions[name], arguments)

    def do(self, name: str, *arguments: Any) -> None:
        """Carry an action out that has to complete."""
        refusal = self.attempt(name, *arguments)
        if refusal is not None:
            message = f"{name}{arguments} in {self.protocol.name}: {refusal}"
            raise ValueError(message)

    def refused(self, name: str, *arguments: Any) -> str:
        """Carry an action out that may refuse; the refusal's name, or nothing."""
        refusal = self.attempt(name, *arguments)
        return refusal.name if refusal is not None else ""

    def market(self, name: str) -> Any:
        """A market, ready to be read."""
        return self.state.markets[name]

    def unit(self, name: str) -> int:
        """A whole token of a market's asset."""
        pool, _, asset = name.partition("/")
        markets = next(config.markets for config in self.protocol.pools if config.id == pool)
        decimals: int = next(market.decimals for market in markets if market.asset == asset)
        return int(10**decimals)


# --- A6: shared against fragmented ------------------------------------------------------------------------

TERM = 30 * DAY
"""How long the loans of a comparison run [slots]."""
GRID = ((0, 4, 8, 10, 11, 12, 15), (0, 0.5, 1, 2), (0, 1, 2, 3))
"""Demands at the three pools [million ETH]."""
SHOWN = ((12, 1, 1), (15, 2, 3), (8, 2, 3), (10, 0.5, 1))
"""Demands of which the figures are printed."""
ROUNDINGS = 12
"""Most units by which two ways to the same sum may differ: each accrual and each repayment rounds once."""
SHARED, ALONE = ("core", "shared-a", "shared-b"), ("alone-0", "alone-a", "alone-b")


@dataclass(frozen=True, slots=True)
class Layout:
    """What one layout did with three demands: by pool what was served and what it cost, and what suppliers earned."""

    served: tuple[int, ...]
    rates: tuple[int, ...]
    paid: tuple[int, ...]
    earned: int
    reserves: int


def shared_liquidity(protocol: Protocol) -> Figures:
    """Serve the same demands from one core pool with lines and from separate pools, for a month, and settle."""
    figures = Figures()
    points = more = whole = dearer = 0
    for demands in product(*GRID):
        amounts = [int(demand * MILLION) * 10**18 for demand in demands]
        scene = Scene(protocol)
        shared, alone = _layouts(scene, amounts)
        points += 1
        d0, d1, d2 = amounts
        size = 15 * MILLION * 10**18
        growth = min(d0, size - d1 - d2) - min(d0, 10 * MILLION * 10**18)
        at = f"demands of {_shown(demands)}"
        found = sum(shared.served) - sum(alone.served)
        figures.check(found == growth >= 0, f"{at}: the served volume grows by {found}, not by {growth}")
        more += growth > 0
        figures.check(
            (growth > 0) == (d0 > 10 * MILLION * 10**18 and d1 + d2 < 5 * MILLION * 10**18), f"{at}: who serves more"
        )
        if shared.served == alone.served:
            whole += 1
            saved = sum(alone.paid) - sum(shared.paid)
            figures.check(saved >= -ROUNDINGS, f"{at}: borrowers together pay {-saved} more")
            lost = alone.earned + alone.reserves - shared.earned - shared.reserves
            figures.check(abs(lost - saved) <= ROUNDINGS, f"{at}: suppliers lose {lost}, borrowers save {saved}")
            dearer += any(mine > own for mine, own in zip(shared.rates, alone.rates, strict=True))
        if demands in SHOWN:
            figures.lines.append(_row(demands, shared, alone))
    figures.lines += [
        f"{points} demands: the served volume grows by min(d0, 15M - d1 - d2) - min(d0, 10M), more than 0 at {more}",
        f"at the {whole} that both serve alike, borrowers together pay no more, and suppliers earn that much less",
        f"at {dearer} of them some pool's own borrowers pay a higher rate than they would alone",
    ]
    return figures


def _layouts(scene: Scene, demands: Sequence[int]) -> tuple[Layout, Layout]:
    """Run both layouts side by side."""
    supplied = {"core": 15, "alone-0": 10, "alone-a": 2, "alone-b": 3}
    for pool, amount in supplied.items():
        scene.do("deposit", "supplier", f"{pool}/ETH", amount * MILLION * 10**18)
    sides = {side: list(zip(side, scene.protocol.users[1:], demands, strict=True)) for side in (SHARED, ALONE)}
    served: dict[str, int] = {}
    for side in (SHARED, ALONE):
        for pool, user, demand in sides[side][1:] + sides[side][:1]:  # the lines first: the core gets the rest
            scene.do("deposit", user, f"{pool}/C", 40_000 * MILLION * 10**18)
            scene.do("enter", user, f"{pool}/C")
            served[pool] = _serve(scene, user, f"{pool}/ETH", demand)
    core_rate = borrow_rate(scene.market("core/ETH"))
    rates = {pool: core_rate if pool in SHARED else borrow_rate(scene.market(f"{pool}/ETH")) for pool in served}
    scene.do("pass_time", TERM)
    paid = {
        pool: _settle(scene, user, f"{pool}/ETH") - served[pool] for side in sides.values() for pool, user, _ in side
    }
    scene.do("pass_time", next(pool.release_period for pool in scene.protocol.pools if pool.kind == "core"))
    earned = {pool: _leave(scene, f"{pool}/ETH") - amount * MILLION * 10**18 for pool, amount in supplied.items()}
    left = {pool: scene.market(f"{pool}/ETH").reserves // WAD for pool in served}

    def layout(side: tuple[str, ...]) -> Layout:
        return Layout(
            tuple(served[pool] for pool in side),
            tuple(rates[pool] for pool in side),
            tuple(paid[pool] for pool in side),
            sum(earned.get(pool, 0) for pool in side),
            sum(left[pool] for pool in side),
        )

    return layout(SHARED), layout(ALONE)


def _serve(scene: Scene, user: str, name: str, demand: int) -> int:
    """Borrow as much of a demand as there is: one unit more is refused."""
    market = scene.market(name)
    there = min(market.limit - market.principal, market.core.cash) if isinstance(market, LinedMarket) else market.cash
    amount: int = min(demand, there)
    if amount > 0:
        scene.do("borrow", user, name, amount)
    if amount < demand and not scene.refused("borrow", user, name, 1):
        message = f"{name} serves more than {amount}"
        raise ValueError(message)
    return amount


def _settle(scene: Scene, user: str, name: str) -> int:
    """Repay everything; what it took [tokens]."""
    before: int = scene.market(name).tokens[user]
    scene.do("repay", user, user, name, 2**100)
    if scene.market(name).debts[user]:
        message = f"{user} still owes in {name}"
        raise ValueError(message)
    return before - int(scene.market(name).tokens[user])


def _leave(scene: Scene, name: str) -> int:
    """Redeem all of the supplier's shares; what they paid [tokens]."""
    before: int = scene.market(name).tokens["supplier"]
    scene.do("accrue_interest", name)
    scene.do("redeem", "supplier", name, scene.market(name).shares["supplier"])
    return int(scene.market(name).tokens["supplier"]) - before


def _row(demands: Sequence[float], shared: Layout, alone: Layout) -> str:
    """One line of figures: utilisation, yearly rates and interest of both layouts."""

    def side(layout: Layout) -> str:
        rates = ", ".join(_percent(Fraction(rate * 365 * DAY, WAD)) for rate in layout.rates)
        used = Fraction(sum(layout.served), 15 * MILLION * 10**18)
        return f"utilisation {_percent(used)}, rates {rates}, interest {sum(layout.paid) // 10**18:,} ETH"

    return f"demands of {_shown(demands)}: shared {side(shared)}; separate {side(alone)}"


def _shown(demands: Sequence[float]) -> str:
    return " + ".join(f"{demand:g}M" for demand in demands)


def _percent(number: Fraction) -> str:
    return f"{float(100 * number):.2f} %"


# --- E1, E3: main pool and satellites ---------------------------------------------------------------------


def two_kinds_of_pool(protocol: Protocol) -> Figures:
    """Try every asset as collateral and as loan asset, in the main pool and in each satellite."""
    figures = Figures()
    for pool in protocol.pools:
        assets = [market.asset for market in pool.markets]
        both = [asset for asset in assets if _lent(protocol, pool.id, asset) and _backs(protocol, pool.id, asset)]
        lent = [asset for asset in assets if _lent(protocol, pool.id, asset)]
        backs = [asset for asset in assets if _backs(protocol, pool.id, asset)]
        figures.lines.append(f"{pool.id}: {', '.join(backs)} back loans, {', '.join(lent)} can be borrowed")
        if pool.kind == "satellite":
            figures.check((backs, lent, both) == ([pool.collateral], ["WETH"], []), f"{pool.id} is no satellite")
        else:
            figures.check(both == assets, f"{pool.id} has an asset that is not both")
    return figures


def _backs(protocol: Protocol, pool: str, asset: str) -> bool:
    """Whether an asset in the account lets a user borrow something of the pool."""
    scene = Scene(protocol)
    mine = f"{pool}/{asset}"
    scene.do("deposit", "bob", mine, 10 * scene.unit(mine))
    scene.do("enter", "bob", mine)
    return any(not scene.refused("borrow", "bob", name, 1) for name in _funded(scene, pool))


def _lent(protocol: Protocol, pool: str, asset: str) -> bool:
    """Whether an asset can be borrowed by an account with all that the pool takes."""
    scene = Scene(protocol)
    names = _funded(scene, pool)
    for name in names:
        scene.do("deposit", "bob", name, 10 * scene.unit(name))
        scene.do("enter", "bob", name)
    return not scene.refused("borrow", "bob", f"{pool}/{asset}", 1)


def _funded(scene: Scene, pool: str) -> list[str]:
    """The markets of a pool, each with some supply by another user."""
    names = [name for name in scene.state.markets if name.partition("/")[0] == pool]
    for name in names:
        scene.do("deposit", "alice", name, 100 * scene.unit(name))
    return names


INCENTIVES = (Fraction(105, 100), Fraction(110, 100), Fraction(120, 100))
MOVES = (Fraction(1, 100), Fraction(4, 100), Fraction(10, 100), Fraction(22, 100))
"""Relative moves of the collateral's price against the loan's."""


def largest_safe_factor(protocol: Protocol) -> Figures:
    """Find, for incentives and price moves, the threshold from which on a liquidation leaves bad debt."""
    figures = Figures()
    main = next(pool for pool in protocol.pools if pool.kind != "satellite")
    satellites = [pool for pool in protocol.pools if pool.kind == "satellite"]
    for incentive, move in product(INCENTIVES, MOVES):
        bound = (1 - move) / incentive
        above = bound + Fraction(1, 100)
        safe, unsafe = (_bad_debt(protocol, satellites[0], factor, incentive, move) for factor in (bound, above))
        at = f"incentive {float(incentive):g}, move {_percent(move)}"
        figures.check(safe == 0, f"{at}: a threshold of {_percent(bound)} leaves {safe} units of bad debt")
        figures.check(unsafe != 0, f"{at}: a threshold of {_percent(above)} leaves no bad debt")
        figures.check((unsafe is None) == (above * incentive > 1), f"{at}: {_percent(above)} and the region")
        told = (
            "is refused" if unsafe is None else f"leaves {unsafe / 10**18:.2f} WETH of 100 {satellites[0].collateral}"
        )
        figures.lines.append(f"{at}: a threshold of {_percent(bound)} leaves no bad debt, {_percent(above)} {told}")
    for pool in (main, *satellites):
        factor = max(market.liquidation_threshold for market in pool.markets)
        tolerated = 1 - Fraction(factor * pool.liquidation_incentive, WAD * WAD)
        figures.lines.append(f"{pool.id}: {_percent(Fraction(factor, WAD))} withstands a move of {_percent(tolerated)}")
        if pool.kind == "satellite":
            highest = max(market.liquidation_threshold for market in main.markets)
            figures.check(factor > highest, f"the factor of {pool.id} is not above that of {main.id}")
    return figures


def _bad_debt(
    protocol: Protocol, satellite: PoolConfig, threshold: Fraction, incentive: Fraction, move: Fraction
) -> int | None:
    """Borrow at the threshold, let the price fall, liquidate what pays, and record the rest [tokens].

    None where the model refuses the threshold: it is outside the region.
    """
    scene, pool = Scene(protocol), satellite.id
    collateral, loan = f"{pool}/{satellite.collateral}", f"{pool}/{satellite.bridge}"
    factor = int(threshold * WAD)
    scene.do("set_risk_factors", collateral, 0, 0)
    scene.do("set_liquidation_incentive", pool, int(incentive * WAD))
    scene.do("set_close_factor", pool, WAD)
    if scene.refused("set_risk_factors", collateral, factor, factor):
        return None
    held = 100 * scene.unit(collateral)
    scene.do("deposit", "alice", loan, 1000 * scene.unit(loan))
    scene.do("deposit", "bob", collateral, held)
    scene.do("enter", "bob", collateral)
    prices = scene.market(collateral).feed.price, scene.market(loan).feed.price
    debt = held * prices[0] * factor // (prices[1] * WAD)
    scene.do("borrow", "bob", loan, debt)
    fallen = -int(-prices[0] * (1 - move))
    scene.do("set_price", collateral, fallen)
    worth = held * fallen * WAD // (prices[1] * int(incentive * WAD))
    scene.attempt("liquidate", "carol", "bob", loan, collateral, min(debt, worth))
    scene.attempt("write_off", pool, "carol", "bob")
    return int(scene.market(loan).bad_debt) // WAD


# --- A2, A8: core and mini pools --------------------------------------------------------------------------


def core_takes_blue_chips(protocol: Protocol) -> Figures:
    """List what the core pool takes as collateral, and whether all that mini pools lend can come from it."""
    core = next(pool for pool in protocol.pools if pool.kind == "core")
    taken = {market.asset for market in core.markets if market.ltv > 0 or market.liquidation_threshold > 0}
    only_lent = [market.asset for market in core.markets if market.asset not in taken]
    figures = Figures([f"{core.id} takes {', '.join(sorted(taken))} as collateral"])
    if only_lent:
        figures.lines.append(f"{core.id} also lends {', '.join(only_lent)}, which is no collateral there")
    figures.check(taken == BLUE_CHIPS, f"{core.id} takes {', '.join(sorted(taken))}")
    for pool in protocol.pools:
        lent = [market for market in pool.markets if market.borrow_cap > 0 and pool.kind != "core"]
        figures.check(all(market.line for market in lent), f"{pool.id} lends an asset for which it has no line")
        if lent:
            figures.lines.append(f"{pool.id} lends {', '.join(market.asset for market in lent)}, each over a line")
    return figures


def worked_example(protocol: Protocol) -> Figures:
    """Carry the documentation's example out: factors, ceiling and the three parts of the rate."""
    figures, scene = Figures(), Scene(protocol)
    token, dollar = scene.unit("mini-a/X"), scene.unit("mini-a/asUSD")
    scene.do("deposit", "alice", "core/asUSD", 50 * MILLION * dollar)
    scene.do("deposit", "bob", "mini-a/X", 1000 * token)
    scene.do("enter", "bob", "mini-a/X")
    loan = 60_000 * dollar  # 60 % of 1,000 X at 100 USD
    scene.do("borrow", "bob", "mini-a/asUSD", loan)
    refused = scene.refused("borrow", "bob", "mini-a/asUSD", 1)
    figures.check(refused == "InsufficientCollateral", f"one unit above 60 %: {refused or 'accepted'}")
    price = scene.market("mini-a/X").feed.price
    for fallen, expected in ((price * 80 // 100, "AccountHealthy"), (price * 80 // 100 - 1, "")):
        scene.do("set_price", "mini-a/X", fallen)
        found = scene.refused("liquidate", "carol", "bob", "mini-a/asUSD", "mini-a/X", dollar)
        figures.check(found == expected, f"debt at 75 % of {fallen}: {found or 'liquidated'}")
    scene.do("set_price", "mini-a/X", price)
    scene.do("deposit", "dave", "mini-a/X", 90_000 * token)
    scene.do("enter", "dave", "mini-a/X")
    market = scene.market("mini-a/asUSD")
    ceiling: int = market.debt_ceiling
    scene.do("borrow", "dave", "mini-a/asUSD", ceiling - market.debt_shares * market.index // WAD)
    refused = scene.refused("borrow", "dave", "mini-a/asUSD", 1)
    figures.check(refused == "DebtCeilingExceeded", f"one unit above the ceiling: {refused or 'accepted'}")
    figures.check(ceiling == 5 * MILLION * dollar, f"the ceiling is {ceiling}")
    parts = [borrow_rate(market.core), borrow_rate(market), market.premium]
    index: int = market.index
    scene.do("pass_time", DAY)
    scene.do("accrue_interest", "mini-a/asUSD")
    grown: int = scene.market("mini-a/asUSD").index - index
    figures.check(grown == index * sum(parts) * DAY // WAD, f"a day's growth of the index is {grown}")
    yearly = [_percent(Fraction(part * 365 * DAY, WAD)) for part in parts]
    figures.lines += [
        "1,000 X at 100 USD back 60,000 asUSD, and not one unit more",
        "the account can be liquidated when X falls below 80 USD: the debt is 75 % of the collateral there",
        f"all borrowers together owe at most {ceiling // dollar:,} asUSD at a borrow",
        f"the rate is core {yearly[0]} + mini pool {yearly[1]} + premium {yearly[2]} a year, to the last digit",
    ]
    return figures


COMPUTATIONS: dict[str, Computation] = {
    computation.__name__: computation
    for computation in (
        shared_liquidity,
        two_kinds_of_pool,
        largest_safe_factor,
        core_takes_blue_chips,
        worked_example,
    )
}
"""What a claim file may name."""
