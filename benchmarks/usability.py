"""Is the reference pool usable, or safe by refusing?  What succeeded on Venus, tried on the reference pool.

    python benchmarks/usability.py

Recorded random sequences on the Venus contracts (see tests/conformance/data/README.md) are translated action
by action; what Venus refused is not tried, because it would part the states.  They part anyway: rates,
rounding, reserves and bad debt differ, and after a refusal so do holdings.  Amounts therefore follow the
holdings: a redemption takes the same part of what is held.
"""
# ruff: noqa: INP001, N802 - a script that stands alone; its methods have the contracts' own names

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from poolproof.models.isolated_pool import ACTIONS, Pool
from poolproof.models.market import Market, tokens_for_shares
from poolproof.models.reference import REFERENCE
from poolproof.spec.action import perform
from poolproof.spec.arithmetic import WAD
from poolproof.spec.fields import LARGEST_AMOUNT
from poolproof.spec.protocol import MarketConfig, PoolConfig, Protocol, RateModelConfig

DATA = Path(__file__).parents[1] / "tests" / "conformance" / "data" / "venus_actions.jsonl.gz"
ALL = 2**256 - 1
"""What Venus takes for everything that is owed, and for no cap."""
USERS = ("u0", "u1", "u2", "u3", "seed", "short")
SECONDS_PER_YEAR = 31_536_000
BY = {action.name: action for action in ACTIONS}

USER_ACTIONS = (
    "mint",
    "mintBehalf",
    "redeem",
    "redeemBehalf",
    "redeemUnderlying",
    "redeemUnderlyingBehalf",
    "transfer",
    "enterMarkets",
    "exitMarket",
    "borrow",
    "borrowBehalf",
    "repayBorrow",
    "repayBorrowBehalf",
    "liquidateBorrow",
    "liquidateAccount",
    "healAccount",
)
"""What users do to have a position or to leave it."""

LEFT_OUT = {
    "updateDelegate": "the pool has no delegates",
    "setActionsPaused": "the pool cannot be paused",
    "setForcedLiquidation": "a healthy account is never liquidated",
    "forced liquidateBorrow": "a healthy account is never liquidated",
    "seize": "internal to the contracts",
    "healBorrow": "internal to the contracts",
    "syncCash": "donated tokens count for nobody",
    "badDebtRecovered": "the pool has no auctions",
    "setProtocolSeizeShare": "the pool takes no share of a seizure",
    "setReduceReservesBlockDelta": "reserves are taken by hand",
    "setMinLiquidatableCollateral": "the dust threshold is fixed at creation",
}
"""What has no counterpart, and why."""

REASONS = {
    "InsufficientCollateral": "all markets of the account are accrued (there the one acted on), or drift",
    "AccountHealthy": "drift: a borrow refused here; holdings and seizures rounded down further there",
    "InsufficientCash": "drift: a repayment or liquidation that did not happen here",
    "ZeroAmount": "nothing was asked for, which Venus accepts",
    "CapBelowCounted": "a supply cap is not set below what already counts as collateral",
    "OutsideRegion": "incentive x threshold would exceed 1",
    "Collectable": "the collateral is worth more than the debt or than dust, and no liquidation succeeds",
    "NoDebt": "drift: the debt was written off or repaid before",
    "DebtOutstanding": "drift: a debt that was healed there is still owed here",
    "NotCollateral": "drift: the borrower could not enter or had left the market",
    "InsufficientTokens": "drift: a borrow that was refused brought no tokens",
    "InsufficientShares": "drift: a deposit that was refused brought no shares",
    "InsufficientReserves": "drift: other interest, hence other reserves",
    "BorrowCapExceeded": "drift: a debt that was repaid or healed there is still owed here",
    "NothingRepaid": "the offer is worth less than one debt share",
}
"""Why the reference pool refuses what Venus accepted.  Drift: the states had parted before."""

Outcome: TypeAlias = str | None
"""The name of the refusal, or None for success."""
Translate: TypeAlias = Callable[[dict[str, Any]], Outcome]


@dataclass(slots=True)
class Tally:
    """What became of one kind of action: how often it succeeded there, how often here too, and why not."""

    there: int = 0
    here: int = 0
    reasons: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Usability:
    """The tallies by the names that Venus gives to actions, and what was left out."""

    by_action: dict[str, Tally] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)

    @property
    def there(self) -> int:
        """Translated actions that succeeded on Venus."""
        return sum(tally.there for tally in self.by_action.values())

    @property
    def here(self) -> int:
        """Those of them that succeeded on the reference pool."""
        return sum(tally.here for tally in self.by_action.values())

    def share(self, names: Collection[str] = ()) -> float:
        """The part that succeeded here of what succeeded there, of some actions or of all."""
        chosen = [tally for name, tally in self.by_action.items() if not names or name in names]
        return sum(tally.here for tally in chosen) / max(sum(tally.there for tally in chosen), 1)


# --- the pool -----------------------------------------------------------------------------------------------


def rate_config(model: dict[str, str], slots_per_year: int) -> RateModelConfig:
    """The rate model; of one with two kinks the second, and up to it a straight line of the same end."""
    yearly = {key: int(value) for key, value in model.items() if key != "model"}
    base, slope = yearly["baseRatePerYear"], yearly["multiplierPerYear"]
    if model["model"] == "WhitePaperInterestRateModel":
        return RateModelConfig(
            kind="white-paper",
            base_rate_per_year=base,
            multiplier_per_year=slope,
            slots_per_year=slots_per_year,
        )
    kink = yearly.get("kink", 0)
    if model["model"] == "TwoKinksInterestRateModel":
        first, kink = yearly["kink1"], yearly["kink2"]
        rise = first * slope + (kink - first) * yearly["multiplier2PerYear"] + yearly["baseRate2PerYear"] * WAD
        slope, base = max(rise // max(kink, 1), 0), max(base, 0)
    return RateModelConfig(
        kind="jump",
        base_rate_per_year=base,
        multiplier_per_year=slope,
        jump_multiplier_per_year=yearly["jumpMultiplierPerYear"],
        kink=kink,
        slots_per_year=slots_per_year,
    )


class Translation:
    """One trace on the reference pool."""

    def __init__(self, trace: dict[str, Any]) -> None:
        config = trace["config"]
        self.slots_per_year = SECONDS_PER_YEAR if config["timeBased"] else int(config["blocksPerYear"])
        self.scales = [self._scale(market) for market in config["markets"]]
        self.assets = [market["symbol"] for market in config["markets"]]
        self.forced: set[int] = set()
        self.state: Pool = REFERENCE.build(self._protocol(trace["trace"], config))
        for position, market in enumerate(config["markets"]):
            self._fill_wallets(position, market)

    @staticmethod
    def _scale(market: dict[str, Any]) -> int:
        """The least power of ten by which all tokens together fit the reference pool's amounts."""
        total = sum(map(int, market["userBalances"])) + int(market["initialSupply"])
        total += int(market["shortfallBalance"])
        scale = 1
        while total // scale * 4 > LARGEST_AMOUNT:
            scale *= 10
        return scale

    def _protocol(self, name: str, config: dict[str, Any]) -> Protocol:
        """The recorded configuration as a protocol."""
        pool = config["pool"]
        return Protocol(
            schema="poolproof.protocol/1",
            name=name.replace("_", "-"),
            title=name,
            source="recorded traces of the Venus contracts",
            horizon=2**30,
            users=USERS,
            pools=(
                PoolConfig(
                    id="main",
                    close_factor=int(pool["closeFactor"]),
                    liquidation_incentive=int(pool["liquidationIncentive"]),
                    dust_value=int(pool["minLiquidatableCollateral"]) * WAD,
                    markets=tuple(self._market(i, market) for i, market in enumerate(config["markets"])),
                ),
            ),
        )

    def _market(self, position: int, market: dict[str, Any]) -> MarketConfig:
        """One market of the recorded configuration."""
        wallets = [*map(int, market["userBalances"]), int(market["shortfallBalance"])]
        return MarketConfig(
            asset=market["symbol"],
            decimals=market["decimals"],
            price=int(market["price"]) * self.scales[position],
            ltv=int(market["collateralFactor"]),
            liquidation_threshold=int(market["liquidationThreshold"]),
            reserve_factor=int(market["reserveFactor"]),
            supply_cap=self._cap(position, market["supplyCap"]),
            borrow_cap=self._cap(position, market["borrowCap"]),
            share_limit=2**190,
            wallet=self._amount(position, max(wallets)),
            rate_model=rate_config(market["rateModel"], self.slots_per_year),
        )

    def _fill_wallets(self, position: int, market: dict[str, Any]) -> None:
        """Give everyone the recorded balance, and let the first supplier supply."""
        first = self._amount(position, int(market["initialSupply"]))
        amounts = [self._amount(position, int(balance)) for balance in market["userBalances"]]
        amounts += [first, self._amount(position, int(market["shortfallBalance"]))]
        record = dict.__getitem__(self.state.markets, self.assets[position])
        for user, amount in zip(USERS, amounts, strict=True):
            record.tokens.restore_(user, amount)
        refused = self._do("deposit", "seed", record.asset, first)
        if refused is not None:
            raise ValueError(f"{record.asset}: the first supply is refused: {refused}")

    def _amount(self, position: int, amount: int) -> int:
        """An amount at the market's scale; what is not nothing stays at least one unit."""
        return -(-amount // self.scales[position])

    def _cap(self, position: int, cap: str) -> int:
        """A cap at the market's scale."""
        return min(int(cap) // self.scales[position], LARGEST_AMOUNT)

    def _do(self, name: str, *arguments: Any) -> Outcome:
        """Carry an action out; the refusal's name if it refuses."""
        refusal = perform(self.state, BY[name], arguments)
        return None if refusal is None else refusal.name

    def _all_of(self, outcomes: Iterator[Outcome]) -> Outcome:
        """The first refusal of several actions, after which the rest is not tried."""
        return next((outcome for outcome in outcomes if outcome is not None), None)

    # --- actions --------------------------------------------------------------------------------------------

    def wait(self, elapsed: int) -> None:
        """Let the recorded time pass."""
        if elapsed:
            self._do("pass_time", elapsed)

    def run(self, name: str, arguments: dict[str, Any]) -> Outcome:
        """Translate one action and carry it out; ``LookupError`` for one that has no counterpart."""
        if name == "setForcedLiquidation":
            (self.forced.add if arguments["enable"] else self.forced.discard)(arguments["m"])
        if name == "liquidateBorrow" and arguments["m"] in self.forced:
            raise LookupError("forced liquidateBorrow")
        translate: Translate | None = getattr(self, f"_{name}", None)
        if translate is None:
            raise LookupError(name)
        return translate(arguments)

    def _asset(self, arguments: dict[str, Any]) -> str:
        asset: str = self.assets[arguments["m"]]
        return asset

    def _tokens(self, arguments: dict[str, Any], key: str = "amount", position: int | None = None) -> int:
        """An amount of tokens of the market; everything where Venus says everything."""
        amount = int(arguments[key])
        if amount == ALL:
            return LARGEST_AMOUNT
        return self._amount(arguments["m"] if position is None else position, amount)

    def _market_now(self, arguments: dict[str, Any]) -> Market:
        """The market, accrued."""
        self._do("accrue_interest", self._asset(arguments))
        return dict.__getitem__(self.state.markets, self._asset(arguments))

    def _mint(self, a: dict[str, Any]) -> Outcome:
        return self._do("deposit", a["user"], self._asset(a), self._tokens(a))

    def _mintBehalf(self, a: dict[str, Any]) -> Outcome:
        """Hand the tokens over; the one who gets them deposits."""
        self._hand_over(a, a["user"], a["minter"], self._tokens(a))
        return self._do("deposit", a["minter"], self._asset(a), self._tokens(a))

    def _hand_over(self, a: dict[str, Any], payer: str, receiver: str, amount: int) -> None:
        """Move tokens between wallets, as far as they are there; no business of the pool."""
        tokens = dict.__getitem__(self.state.markets, self._asset(a)).tokens
        moved = min(amount, tokens[payer])
        tokens.restore_(payer, tokens[payer] - moved)
        tokens.restore_(receiver, tokens[receiver] + moved)

    def _behalf(self, a: dict[str, Any], owner: str, translate: Translate) -> Outcome:
        """Let the owner act, and hand over the tokens that it brings to the delegate."""
        tokens = dict.__getitem__(self.state.markets, self._asset(a)).tokens
        before = tokens[owner]
        refused = translate(a | {"user": owner})
        if refused is None:
            self._hand_over(a, owner, a["user"], tokens[owner] - before)
        return refused

    def _borrowBehalf(self, a: dict[str, Any]) -> Outcome:
        return self._behalf(a, a["borrower"], self._borrow)

    def _redeemBehalf(self, a: dict[str, Any]) -> Outcome:
        return self._behalf(a, a["redeemer"], self._redeem)

    def _redeemUnderlyingBehalf(self, a: dict[str, Any]) -> Outcome:
        return self._behalf(a, a["redeemer"], self._redeemUnderlying)

    def _same_part(self, a: dict[str, Any], holder: str, tokens: int) -> int:
        """The part of the holding here that an action took of the holding there."""
        shares: int = self._market_now(a).shares[holder]
        return shares * tokens // max(int(a["held"]), 1)

    def _redeem(self, a: dict[str, Any]) -> Outcome:
        return self._do("redeem", a["user"], self._asset(a), self._same_part(a, a["user"], int(a["tokens"])))

    def _redeemUnderlying(self, a: dict[str, Any]) -> Outcome:
        """The amount, or all that the account has where that is less or was all there."""
        market = self._market_now(a)
        worth = tokens_for_shares(market, market.shares[a["user"]])
        amount = self._tokens(a)
        return self._do("withdraw", a["user"], market.asset, worth if a["taken"] == a["held"] else min(amount, worth))

    def _transfer(self, a: dict[str, Any]) -> Outcome:
        part = self._same_part(a, a["user"], int(a["tokens"]))
        return self._do("transfer", a["user"], a["to"], self._asset(a), part)

    def _enterMarkets(self, a: dict[str, Any]) -> Outcome:
        return self._all_of(self._do("enter", a["user"], self.assets[m]) for m in a["ms"])

    def _exitMarket(self, a: dict[str, Any]) -> Outcome:
        return self._do("exit", a["user"], self._asset(a))

    def _borrow(self, a: dict[str, Any]) -> Outcome:
        return self._do("borrow", a["user"], self._asset(a), self._tokens(a))

    def _repayBorrow(self, a: dict[str, Any]) -> Outcome:
        return self._do("repay", a["user"], a["user"], self._asset(a), self._tokens(a))

    def _repayBorrowBehalf(self, a: dict[str, Any]) -> Outcome:
        return self._do("repay", a["user"], a["borrower"], self._asset(a), self._tokens(a))

    def _liquidateBorrow(self, a: dict[str, Any]) -> Outcome:
        return self._do(
            "liquidate",
            a["user"],
            a["borrower"],
            self._asset(a),
            self.assets[a["mc"]],
            self._tokens(a, "repay"),
        )

    def _liquidateAccount(self, a: dict[str, Any]) -> Outcome:
        """Liquidate by each order: here the first one may already make the account healthy."""
        first, *others = [
            self._do(
                "liquidate",
                a["user"],
                a["borrower"],
                self.assets[order["mb"]],
                self.assets[order["mc"]],
                self._tokens(order, "repay", order["mb"]),
            )
            for order in a["orders"]
        ]
        return None if None in others else first

    def _healAccount(self, a: dict[str, Any]) -> Outcome:
        """Record the bad debt; where the collateral is worth too much for that, liquidate first."""
        refused = self._do("write_off", a["user"], a["borrower"])
        if refused != "Collectable":
            return refused
        tried = [
            self._do("liquidate", a["user"], a["borrower"], owed, seized, LARGEST_AMOUNT)
            for owed in self.assets
            for seized in self.assets
        ]
        return None if None in tried else refused

    def _accrueInterest(self, a: dict[str, Any]) -> Outcome:
        return self._do("accrue_interest", self._asset(a))

    def _donate(self, a: dict[str, Any]) -> Outcome:
        return self._do("donate", a["user"], self._asset(a), self._tokens(a))

    def _addReserves(self, a: dict[str, Any]) -> Outcome:
        return self._do("add_reserves", a["user"], self._asset(a), self._tokens(a))

    def _reduceReserves(self, a: dict[str, Any]) -> Outcome:
        return self._do("take_reserves", self._asset(a), self._tokens(a))

    def _setPrice(self, a: dict[str, Any]) -> Outcome:
        return self._do("set_price", self._asset(a), int(a["price"]) * self.scales[a["m"]])

    def _setCollateralFactor(self, a: dict[str, Any]) -> Outcome:
        return self._do("set_risk_factors", self._asset(a), int(a["cf"]), int(a["lt"]))

    def _setMarketSupplyCaps(self, a: dict[str, Any]) -> Outcome:
        return self._do("set_supply_cap", self._asset(a), self._cap(a["m"], a["cap"]))

    def _setMarketBorrowCaps(self, a: dict[str, Any]) -> Outcome:
        return self._do("set_borrow_cap", self._asset(a), self._cap(a["m"], a["cap"]))

    def _setCloseFactor(self, a: dict[str, Any]) -> Outcome:
        return self._do("set_close_factor", int(a["value"]))

    def _setLiquidationIncentive(self, a: dict[str, Any]) -> Outcome:
        return self._do("set_liquidation_incentive", int(a["value"]))

    def _setReserveFactor(self, a: dict[str, Any]) -> Outcome:
        return self._do("set_reserve_factor", self._asset(a), int(a["value"]))

    def _setInterestRateModel(self, a: dict[str, Any]) -> Outcome:
        rates = rate_config(a["rateModel"], self.slots_per_year)
        base, slope, jump = (
            yearly // self.slots_per_year
            for yearly in (
                rates.base_rate_per_year,
                rates.multiplier_per_year,
                rates.jump_multiplier_per_year,
            )
        )
        return self._do("set_rate_model", self._asset(a), base, slope, jump, rates.kink)


# --- all traces ---------------------------------------------------------------------------------------------


def traces() -> Iterator[dict[str, Any]]:
    """The recorded traces."""
    with gzip.open(DATA, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def measure() -> Usability:
    """Run every trace on the reference pool."""
    result = Usability()
    for trace in traces():
        translation = Translation(trace)
        for elapsed, name, arguments, succeeded in trace["actions"]:
            translation.wait(elapsed)
            if not succeeded:
                continue
            try:
                outcome = translation.run(name, arguments)
            except LookupError as unknown:
                result.left_out[str(unknown.args[0])] += 1
                continue
            tally = result.by_action.setdefault(name, Tally())
            tally.there += 1
            if outcome is None:
                tally.here += 1
            else:
                tally.reasons[outcome] += 1
    return result


def table(result: Usability) -> str:
    """A line for each action: how often it succeeded there and here, and the reasons where it did not."""
    lines = [f"{'action':24}{'there':>7}{'here':>7}{'':>8}  refused here because"]
    for name, tally in sorted(result.by_action.items(), key=lambda entry: -entry[1].there):
        reasons = ", ".join(f"{reason} {count}" for reason, count in tally.reasons.most_common())
        lines.append(f"{name:24}{tally.there:>7}{tally.here:>7}{tally.here / tally.there:>8.1%}  {reasons}")
    lines.append(f"{'what users do':38}{result.share(USER_ACTIONS):>8.1%}")
    lines.append(f"{'all':24}{result.there:>7}{result.here:>7}{result.share():>8.1%}")
    seen = {reason for tally in result.by_action.values() for reason in tally.reasons}
    lines += [f"{reason}: {REASONS[reason]}" for reason in REASONS if reason in seen]
    lines += [f"left out: {count:>4} {name} ({LEFT_OUT[name]})" for name, count in result.left_out.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(measure()))  # noqa: T201 - a script
