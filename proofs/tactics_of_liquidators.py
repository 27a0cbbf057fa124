"""How accounts become unhealthy, are liquidated, and default."""

from __future__ import annotations

from functools import partial
from typing import Any

from poolproof.models.liquidation import margin_to_liquidation
from poolproof.models.market import unit_value
from poolproof.spec.arithmetic import WAD
from poolproof.spec.state import Account

from .situation import Arguments
from .tactics_of_governance import EnvironmentTactics
from .tactics_of_users import UserTactics


class LiquidatorTactics(UserTactics, EnvironmentTactics):
    """Tactics of liquidators of the reference system, and plans that give them something to do."""

    def to_liquidate(self) -> Arguments:
        """An unhealthy account is liquidated, or one is made unhealthy first."""
        found = self.a_debtor()
        if found is None:
            return None
        borrower = found[0]
        margin = self.margin_of(borrower, margin_to_liquidation)
        if margin is None:
            return None
        if margin > 0 and not self.bold:
            if self.plans and self.bits(1):
                self.plan_liquidation(borrower, margin)
            return None
        return self.liquidation_of(borrower)

    def liquidation_of(self, borrower: Account, of: Any = None) -> Arguments:
        """Liquidate an account, if it is unhealthy, for some collateral or for that in one market."""
        debts = [m for m in self.every if m.debts[borrower] and m.entered[borrower]]
        holds = [m for m in self.every if m.shares[borrower] and (m.entered[borrower] or not self.bits(2))]
        collaterals = [of] if of else holds
        margin = self.margin_of(borrower, margin_to_liquidation)
        if not debts or margin is None or (margin > 0 and not self.bold):
            return None
        debt = debts[int(self.real() * len(debts))]
        if not collaterals:
            if self.bits(3):
                return None
            collaterals = list(self.every)
        if not of and not self.bits(1 if self.bold else 3):
            collaterals = list(self.every)
        collateral = collaterals[int(self.real() * len(collaterals))]
        liquidator = self.another(borrower)
        owed = -(-debt.debts[borrower] * debt.index // WAD)
        most = owed * self.state.close_factor // WAD + 1
        limit = min(debt.tokens[liquidator], most if self.bits(2) else owed)
        if limit <= 0 or (liquidator == borrower and not self.bold):
            return None
        return liquidator, borrower, debt.asset, collateral.asset, self.draw.amount(limit)

    def plan_liquidation(self, borrower: Account, margin: int) -> None:
        """Lower the price of a collateral until its account is unhealthy or insolvent, then liquidate it."""
        collaterals = [m for m in self.every if m.entered[borrower] and m.shares[borrower] and m.feed.price]
        if not collaterals:
            return
        market = collaterals[int(self.real() * len(collaterals))]
        worth = market.shares[borrower] * unit_value(market, market.liquidation_threshold, self.state.now)
        price = before = market.feed.price
        choice = self.bits(3)
        if choice < 2 or not 0 < margin < worth:
            price >>= 1 + self.bits(3)  # so far that one liquidation takes it all, and debt is left
        else:
            fallen = price * (worth - margin) // worth
            price = fallen - self.bits(1) if choice < 4 else fallen - (fallen * self.bits(16) >> 17) - 1
        if price <= 0:
            return
        self.plan("set_price", partial(self.price_of, market.asset, price))
        for _ in range(1 + self.bits(2)):
            self.plan("liquidate", partial(self.liquidation_of, borrower))
        if not self.bits(2):
            silent = market if self.bits(1) else self.a_market()
            self.plan("set_price", partial(self.price_of, silent.asset, 0))
            self.plan("liquidate", partial(self.liquidation_of, borrower, silent))
        if self.bits(1):
            self.plan("write_off", partial(self.write_off_of, borrower))
        if self.bits(1):
            self.plan("set_price", partial(self.price_of, market.asset, before))

    def to_write_off(self) -> Arguments:
        """Bad debt is recorded, or comes about first."""
        found = self.a_debtor()
        if found is None:
            return None
        account = found[0]
        arguments = self.write_off_of(account)
        if arguments is None and self.plans:
            self.plan_write_off(account)
        return arguments

    def write_off_of(self, account: Account) -> Arguments:
        """Record the bad debt of an account, if it has no collateral or dust."""
        if self.bold:
            return self.a_user(), account
        now, value, debt = self.state.now, 0, 0
        for market in self.every:
            if market.entered[account]:
                debt += market.debts[account] * market.index * market.feed.price
                if market.shares[account]:
                    value += market.shares[account] * (unit_value(market, WAD, now) + 1)
        if value > self.state.dust_value or (value and value >= debt):
            return None
        if not debt and self.bits(3):
            return None
        return self.a_user(), account

    def plan_write_off(self, account: Account) -> None:
        """Let an account's collateral become worth nothing, record its debt, and let the prices come back."""
        held = [m for m in self.every if m.entered[account] and m.shares[account] and m.feed.price]
        owing = [m.asset for m in self.every if m.debts[account]]
        if len(held) > 3 or any(m.asset in owing for m in held):
            return
        emptied = self.bits(2) == 0
        if emptied:  # then the loss takes all that suppliers have
            self.plan("borrow", partial(self.borrow_all_for, account))
        for market in held:
            worth = market.shares[account] * unit_value(market, WAD, self.state.now)
            price = market.feed.price
            if worth > self.state.dust_value:
                price = max(1, price * self.state.dust_value // (worth * (len(held) + self.bits(2))))
            elif self.bits(1):
                price = max(1, price >> self.bits(5))
            self.plan("set_price", partial(self.price_of, market.asset, price))
        if self.bits(1):
            self.plan("liquidate", partial(self.liquidation_of, account))
        self.plan("write_off", partial(self.write_off_of, account))
        if emptied:
            self.plan("deposit", self.to_deposit)
        for market in held:
            if self.bits(2):
                self.plan("set_price", partial(self.price_of, market.asset, market.feed.price))
