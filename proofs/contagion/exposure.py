"""How much is at stake in each market: what suppliers have, what borrowers owe, what a credit line has out.

Two readings of one question.  From a state: the amounts as they are, interest up to now included.  From a protocol file
alone: the most that its caps and limits admit, at the last deposit, borrow or draw; what interest adds later is not
counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from poolproof.models.credit_line import LinedMarket
from poolproof.models.deployed.venus.market import VToken
from poolproof.models.deployed.venus.model import VTOKEN_DIGITS
from poolproof.models.market import Market, suppliers_assets
from poolproof.models.system import SEPARATOR
from poolproof.proofs import registry
from poolproof.proofs.snapshots import copy_state
from poolproof.spec.arithmetic import WAD, div_up
from poolproof.spec.errors import UsageError, shown_text
from poolproof.spec.protocol import MarketConfig, PoolConfig, Protocol

DEPLOYED = ("venus",)
"""Models of deployed contracts, in which a file's credit lines, core pools and routes mean nothing."""


@dataclass(frozen=True, slots=True)
class Credit:
    """What a market has from a core pool over its line.

    Units: all [smallest unit].  ``drawn``: principal that is out; ``reach``: the most that can be out without a change
    of parameters; ``at_risk``: the most that the core loses, the first-loss reserve that is pledged taken off.
    """

    lender: str
    limit: int
    drawn: int
    reach: int
    at_risk: int


@dataclass(frozen=True, slots=True)
class Exposure:
    """What is at stake in one market.

    Units: ``supplied``, what suppliers and reserves have, ``owed``, what borrowers owe [smallest unit]; ``bad_debt``,
    recorded and not recovered [smallest unit]; ``price`` [value per smallest unit]; ``threshold``, ``incentive`` [wad];
    ``max_rate`` [wad per slot].  ``priced_alone``: all collateral of the pool is valued by the market's own feed, so
    that at any price what is owed is at most the sum of thresholds x supply caps.
    """

    pool: str
    asset: str
    decimals: int
    oracle: str
    price: int
    supplied: int
    owed: int
    threshold: int
    incentive: int
    max_rate: int
    bad_debt: int = 0
    credit: Credit | None = None
    priced_alone: bool = False

    @property
    def name(self) -> str:
        """The market's name in a system."""
        return f"{self.pool}{SEPARATOR}{self.asset}"

    @property
    def losable(self) -> int:
        """The most that suppliers and reserves lose when borrowers do not pay [smallest unit]."""
        return min(self.supplied, self.owed)


def exposures(protocol: Protocol, state: Any = None) -> dict[str, Exposure]:
    """What is at stake in each market, by "pool/asset".

    Refuses: a state of a model whose markets are of an unknown kind.
    """
    if state is None:
        found = [_of_file(protocol, pool, market) for pool in protocol.pools for market in pool.markets]
    else:
        pools = pools_of(present(protocol, state), protocol)
        found = [
            _of_state(protocol, pool, market, pools[pool.id], market_of(pools[pool.id], pool.id, market.asset))
            for pool in protocol.pools
            for market in pool.markets
        ]
    return {each.name: each for each in found}


def has_lines(protocol: Protocol) -> bool:
    """Whether credit lines, a core pool and routes of the file mean something in its model."""
    return protocol.model not in DEPLOYED


def oracle_of(protocol: Protocol, config: MarketConfig) -> str:
    """The feed that a market reads; deployed pools read one for each asset."""
    return config.asset if protocol.model in DEPLOYED else config.oracle or config.asset


# --- states -------------------------------------------------------------------------------------------------------


def present(protocol: Protocol, state: Any) -> Any:
    """A copy of a state in which every market is charged interest up to now."""
    model, _ = registry.of(protocol)
    copied = copy_state(state)
    for pool in pools_of(copied, protocol).values():
        for market in pool.markets.values():
            model.accrue(market, pool.now)
    return copied


def pools_of(state: Any, protocol: Protocol) -> Mapping[str, Any]:
    """The pools of a state by id; a model of one pool has it as its state."""
    pools: Mapping[str, Any] | None = getattr(state, "pools", None)
    return pools if pools is not None else {protocol.pools[0].id: state}


def market_of(pool: Any, pool_id: str, asset: str) -> Any:
    """A market of a pool, which knows it by its asset or, in some models, by "pool/asset"."""
    name = asset if asset in pool.markets else f"{pool_id}{SEPARATOR}{asset}"
    return dict.__getitem__(pool.markets, name)


def _of_state(protocol: Protocol, pool: PoolConfig, config: MarketConfig, there: Any, market: Any) -> Exposure:
    if isinstance(market, VToken):
        price, max_rate, bad_debt = market.price, market.max_borrow_rate, market.bad_debt
        supplied, owed = market.cash + market.total_borrows, market.total_borrows
    elif isinstance(market, Market):
        price, max_rate, bad_debt = market.feed.price, market.max_rate, div_up(market.bad_debt, WAD)
        supplied = div_up(suppliers_assets(market) + market.reserves, WAD)
        owed = div_up(market.debt_shares * market.index, WAD)
    else:
        rule = f"a market of the model {shown_text(protocol.model)} cannot be read for a contagion analysis"
        raise UsageError(rule, "--state", "leave the state out, for the worst that the file allows")
    credit = None
    if isinstance(market, LinedMarket):
        reach = max(market.principal, min(market.limit, market.debt_ceiling, market.borrow_cap))
        at_risk = max(0, market.principal - market.first_loss)
        credit = Credit(_core(protocol), market.limit, market.principal, reach, at_risk)
    return Exposure(
        pool.id,
        config.asset,
        config.decimals,
        oracle_of(protocol, config),
        price,
        supplied,
        owed,
        market.liquidation_threshold,
        there.liquidation_incentive,
        max_rate,
        bad_debt,
        credit,
    )


# --- files --------------------------------------------------------------------------------------------------------


def _of_file(protocol: Protocol, pool: PoolConfig, config: MarketConfig) -> Exposure:
    credit, owed = None, config.borrow_cap if lends_at_all(protocol, pool) else 0
    oracle = oracle_of(protocol, config)
    held = [each for each in pool.markets if each.liquidation_threshold > 0]
    alone = has_lines(protocol) and {oracle_of(protocol, each) for each in held} == {oracle}
    if alone:
        owed = min(owed, sum(each.liquidation_threshold * each.supply_cap // WAD for each in held))
    if config.line is not None and has_lines(protocol):
        owed = min(owed, config.line.debt_ceiling)
        reach = min(owed, config.line.limit)
        credit = Credit(_core(protocol), config.line.limit, 0, reach, reach)
    return Exposure(
        pool.id,
        config.asset,
        config.decimals,
        oracle,
        config.price,
        _most_supplied(protocol, config),
        owed,
        config.liquidation_threshold,
        pool.liquidation_incentive,
        config.max_rate,
        credit=credit,
        priced_alone=alone,
    )


def _most_supplied(protocol: Protocol, config: MarketConfig) -> int:
    """The supply cap; on deployed pools the first supply, which no cap stops, and a unit for each 1e18 vTokens more."""
    if has_lines(protocol):
        return config.supply_cap
    first = config.venus.initial_supply if config.venus is not None else 0
    most: int = max(config.supply_cap, first)
    margin: int = div_up(most, 10 ** (config.decimals + VTOKEN_DIGITS))
    return most + 1 + margin


def lends_at_all(protocol: Protocol, pool: PoolConfig) -> bool:
    """Whether anything in a pool can be pledged, without which nothing is borrowed (SOLV-9).

    On deployed pools an amount is borrowed without collateral whose value rounds down to nothing.
    """
    return not has_lines(protocol) or any(each.ltv > 0 and each.supply_cap > 0 for each in pool.markets)


def _core(protocol: Protocol) -> str:
    """The pool that lends over credit lines."""
    return next(pool.id for pool in protocol.pools if pool.kind == "core")
