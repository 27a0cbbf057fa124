"""Accounts that cannot hold, unwound: liquidated as far as that goes, and what is left recorded as bad debt.

Each kind of pool is unwound by its own actions, by an account that has all the funds that it needs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

from poolproof.models.deployed.venus.liquidation import (
    heal_account,
    liquidate_account,
    liquidate_borrow,
    tokens_to_seize,
)
from poolproof.models.deployed.venus.market import VToken, borrow_balance, exchange_rate
from poolproof.models.deployed.venus.pool import Comptroller, snapshot
from poolproof.models.isolated_pool import Pool, liquidate, write_off
from poolproof.models.liquidation import collateral_value_up, debt_value, margin_to_liquidation
from poolproof.models.market import Market, owed, priced_assets, priced_shares
from poolproof.spec.action import perform
from poolproof.spec.arithmetic import WAD, div_up
from poolproof.spec.errors import UsageError
from poolproof.spec.refusal import Refusal
from poolproof.spec.state import Account

LIQUIDATOR: Account = "liquidator"


class Unwinding(ABC):
    """What can be done to the accounts of a pool; each kind of pool by its own actions."""

    def __init__(self, pool: Any) -> None:
        self.pool = pool

    @abstractmethod
    def debtors(self) -> list[Account]:
        """The accounts that owe something."""

    @abstractmethod
    def is_unhealthy(self, account: Account) -> bool | None:
        """Whether an account can be liquidated; None where a price is missing."""

    @abstractmethod
    def unwind(self, account: Account) -> Iterator[str]:
        """Liquidate an account as far as that goes, and record what is left: each step as it was taken."""


class _OfReference(Unwinding):
    pool: Pool

    def debtors(self) -> list[Account]:
        debts = (market.debts.items() for market in self.pool.markets.values())
        return sorted({account for items in debts for account, shares in items if shares})

    def is_unhealthy(self, account: Account) -> bool | None:
        try:
            return bool(self.pool.markets.sum_over(account, margin_to_liquidation, self.pool.now) < 0)
        except Refusal:
            return None

    def unwind(self, account: Account) -> Iterator[str]:
        while self._step(account):
            yield "liquidation"
        if perform(self.pool, write_off, (LIQUIDATOR, account)) is None:
            yield "record"

    def _step(self, account: Account) -> bool:
        """One liquidation of the largest debt for the largest collateral that the protocol accepts."""
        pool, now = self.pool, self.pool.now
        if not self.is_unhealthy(account):
            return False
        markets = [market for market in pool.markets.values() if market.entered[account]]
        debts = sorted(
            (each for each in markets if each.debts[account]), key=lambda each: -debt_value(each, account, now)
        )
        held = sorted(
            (each for each in markets if each.shares[account]),
            key=lambda each: -collateral_value_up(each, account, now),
        )
        for debt in debts:
            debt.tokens.restore_(LIQUIDATOR, owed(debt, account) + 1)
            for collateral in held:
                before = collateral.shares[account]
                amount = min(owed(debt, account), self._payable(debt, collateral, before))
                arguments = (LIQUIDATOR, account, debt.asset, collateral.asset, amount)
                if perform(pool, liquidate, arguments) is None and collateral.shares[account] < before:
                    return True
        return False

    def _payable(self, debt: Market, collateral: Market, shares: int) -> int:
        """What of a debt a number of shares pays, to the next unit, so that nothing is left of them."""
        price = debt.feed.price * self.pool.liquidation_incentive
        assets = div_up(shares * priced_assets(collateral), priced_shares(collateral))
        return int(div_up(assets * collateral.feed.price, price)) if price else 0


class _OfVenus(Unwinding):
    pool: Comptroller

    def debtors(self) -> list[Account]:
        debts = (market.principal.items() for market in self.pool.markets.values())
        return sorted({account for items in debts for account, principal in items if principal})

    def is_unhealthy(self, account: Account) -> bool | None:
        try:
            return snapshot(self.pool, account, at_threshold=True).shortfall > 0
        except Refusal:
            return None

    def unwind(self, account: Account) -> Iterator[str]:
        while self.is_unhealthy(account) and self._step(account):
            yield "liquidation"
        if not self.is_unhealthy(account):
            return
        self._fund()
        if perform(self.pool, liquidate_account, (LIQUIDATOR, account, self._orders(account))) is None:
            yield "liquidation"
        elif perform(self.pool, heal_account, (LIQUIDATOR, account)) is None:
            yield "record"

    def _step(self, account: Account) -> bool:
        """One liquidation by part, of the largest debt for the largest collateral that the protocol accepts."""
        pool = self.pool
        self._fund()
        for debt, collateral in self._pairs(account):
            most = pool.close_factor * borrow_balance(debt, account) // WAD
            amount = min(most, self._payable(debt, collateral, collateral.tokens[account]))
            before = collateral.tokens[account]
            arguments = (LIQUIDATOR, account, debt.name, collateral.name, amount)
            if amount and perform(pool, liquidate_borrow, arguments) is None and collateral.tokens[account] < before:
                return True
        return False

    def _pairs(self, account: Account) -> list[tuple[VToken, VToken]]:
        """Debts and collateral of an account, the largest values first."""
        markets = list(self.pool.counted_for(account))
        debts = sorted(markets, key=lambda each: -borrow_balance(each, account) * each.price)
        held = sorted(markets, key=lambda each: -each.tokens[account] * exchange_rate(each) * each.price)
        return [
            (debt, each) for debt in debts for each in held if borrow_balance(debt, account) and each.tokens[account]
        ]

    def _payable(self, debt: VToken, collateral: VToken, held: int) -> int:
        """The most of a debt that a number of vTokens pays."""
        ratio = tokens_to_seize(self.pool, debt, collateral, WAD)
        return held * WAD // ratio if ratio else 0

    def _orders(self, account: Account) -> tuple[tuple[str, str, int], ...]:
        """Every debt in full, for whatever collateral is left, in order."""
        left = {each.name: each.tokens[account] for _, each in self._pairs(account)}
        due = {debt.name: borrow_balance(debt, account) for debt, _ in self._pairs(account)}
        orders = []
        for debt, collateral in self._pairs(account):
            amount = min(due[debt.name], self._payable(debt, collateral, left[collateral.name]))
            if amount:
                orders.append((collateral.name, debt.name, amount))
                due[debt.name] -= amount
                left[collateral.name] -= tokens_to_seize(self.pool, debt, collateral, amount)
        return tuple(orders)

    def _fund(self) -> None:
        for market in self.pool.markets.values():
            market.underlying.restore_(LIQUIDATOR, market.total_borrows + 1)


def unwinding_of(pool: Any) -> Unwinding:
    """How the accounts of a pool are unwound.  Refuses: a pool of an unknown kind."""
    if isinstance(pool, Comptroller):
        return _OfVenus(pool)
    if isinstance(pool, Pool):
        return _OfReference(pool)
    rule = f"a pool of the kind {type(pool).__name__} cannot be liquidated here"
    raise UsageError(rule, "--shock", "leave the state out, for what the parameters admit")
