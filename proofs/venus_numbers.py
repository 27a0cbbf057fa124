"""The numbers of a Venus pool beside which an amount may lie: where its roundings and limits are."""

from __future__ import annotations

from contextlib import suppress

from poolproof.models.deployed.venus.market import VToken, borrow_balance, exchange_rate
from poolproof.models.deployed.venus.pool import Comptroller, snapshot
from poolproof.models.deployed.word import MAX_UINT256, mul_wad_down
from poolproof.spec.action import Domain
from poolproof.spec.arithmetic import WAD
from poolproof.spec.refusal import Refusal
from poolproof.spec.state import Account


def numbers_beside(pool: Comptroller, market: VToken, users: list[Account], domain: Domain) -> list[int]:
    """The numbers of an argument's market and users beside which the argument may lie."""
    if domain.kind == "price":
        return [market.price]
    if domain.kind not in ("tokens", "shares"):
        return []
    rate = market.initial_exchange_rate
    with suppress(Refusal):
        rate = exchange_rate(market)
    if domain.kind == "shares":
        return [market.tokens[user] for user in users] + [WAD // rate + 1, market.total_supply]
    found = [market.underlying[user] for user in users] + [borrow_balance(market, user) for user in users]
    found += [market.tokens[user] * rate // WAD for user in users]
    found += [market.cash - market.total_reserves, market.total_reserves, rate // WAD]
    if market.supply_cap != MAX_UINT256:
        found.append(market.supply_cap - rate * market.total_supply // WAD)
    if market.borrow_cap != MAX_UINT256:
        found.append(market.borrow_cap - market.total_borrows - market.bad_debt)
    return found + [room for user in users if (room := room_to_borrow(pool, market, user))]


def room_to_borrow(pool: Comptroller, market: VToken, user: Account) -> int:
    """About what an account can borrow in a market, at the values stored [tokens]; 0 where that cannot be told."""
    if market.price == 0:
        return 0
    try:
        return snapshot(pool, user, at_threshold=False).liquidity * WAD // market.price
    except Refusal:
        return 0


def largest_repayment(pool: Comptroller, market: VToken, borrower: Account) -> int:
    """What one liquidation may repay [tokens]."""
    return mul_wad_down(pool.close_factor, borrow_balance(market, borrower))
