"""Recorded traces of Venus isolated pools: from their lines to actions of the model, and from its state back.

A trace is a line with the deployment's parameters, one with the state after it, and one for each action.  A file of
rate models has a line for each, with its cases.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Any

from poolproof.models.deployed.venus.build import ACTIONS, FIRST_SUPPLIER, MarketStart, PoolStart, build
from poolproof.models.deployed.venus.market import SHARE_RESERVE, VToken, borrow_rate, exchange_rate, supply_rate
from poolproof.models.deployed.venus.pool import SHORTFALL, Comptroller, Pausable, liquidity
from poolproof.models.deployed.venus.rates import SECONDS_PER_YEAR, RateModel, curve_of, utilisation
from poolproof.models.deployed.venus.rates import borrow_rate as rate_of
from poolproof.models.deployed.venus.rates import supply_rate as supply_rate_of
from poolproof.models.deployed.word import Revert
from poolproof.spec.action import Action, perform

from .conform import ConformReport, Difference, Line, Malformed, compare

BY_CONTRACT_NAME: dict[str, Action] = {
    re.sub(r"_(.)", lambda found: found[1].upper(), action.name): action for action in ACTIONS
}
"""The actions by the name of the contract's function."""
SHORT_NAMES = {"asset": "m", "assets": "ms", "rate_model": "rateModel"}
"""Arguments whose recorded name is another."""
ILL_FORMED = (KeyError, IndexError, TypeError, ValueError, AttributeError)
"""What reading a value that is something else raises."""

SCALARS = {
    "totalBorrows": "total_borrows",
    "totalReserves": "total_reserves",
    "badDebt": "bad_debt",
    "totalSupply": "total_supply",
    "borrowIndex": "borrow_index",
    "accrualBlock": "accrued_at",
    "reduceReservesBlock": "swept_at",
}
"""Recorded scalars of a market, and what the model calls them; the cash and what is derived stand beside them."""
RATES: dict[str, Callable[[VToken], int]] = {
    "exchangeRate": exchange_rate,
    "borrowRate": borrow_rate,
    "supplyRate": supply_rate,
}
"""Recorded views of a market."""


def _wording(wrong: Exception) -> str:
    """Why a line could not be read."""
    return f"{wrong} is missing or unknown" if isinstance(wrong, KeyError) else str(wrong)


def replay_lines(lines: Iterator[Line], report: ConformReport) -> None:
    """Replay a file.  Raises: Malformed."""
    first = next(lines, None)
    if first is None:
        raise Malformed(1, "the file is empty")
    if "cases" in first[1]:
        for line in chain([first], lines):
            _replay_cases(*line, report)
        return
    _replay_trace(first, lines, report)


# --- traces --------------------------------------------------------------------------------------------------------


class Replay:
    """A trace under way: the model, the last recorded state, and the parameters that reading an action needs."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.time_based = bool(config["timeBased"])
        self.slots_per_year = SECONDS_PER_YEAR if self.time_based else int(config["blocksPerYear"])
        self.pool = build(_start_of(config, self.slots_per_year, time_based=self.time_based))
        self.names = tuple(self.pool.markets)
        self.held = {name: sum(self.pool.seen(name).underlying.values()) for name in self.names}
        self.recorded = state_of(self.pool)

    def start(self, line: Mapping[str, Any]) -> list[Difference]:
        """Compare the state after deployment."""
        return self._compare_state(line["st"])

    def step(self, line: Mapping[str, Any]) -> list[Difference]:
        """Carry out an action, and compare how it ended, the whole state after it, and its events."""
        pool = self.pool
        pool.now, action, arguments = self.action(line)
        refusal = perform(pool, action, arguments)
        recorded_end = None if line["ok"] else _error(line["err"]["name"], line["err"]["args"])
        model_end = None if refusal is None else _error(*_reverted(refusal))
        found = [Difference("err", str(recorded_end), str(model_end))] if recorded_end != model_end else []
        events = [] if refusal is not None else [[_shown(each) for each in event] for event in pool.events]
        if events != line.get("ev", []):
            found += compare("ev", line.get("ev", []), events)
        if refusal is None and not line["ok"]:
            pool.journal.undo()  # what is not recorded, as parameters, goes back too
        return found + self._compare_state(line["st"] if line["ok"] else self.recorded)

    def _compare_state(self, recorded: dict[str, Any]) -> list[Difference]:
        """Compare every value of the state; where one differs, go on from the recorded state."""
        self.recorded = recorded
        model = state_of(self.pool)
        if model == recorded:
            return []
        found = list(compare("st", recorded, model))
        self._set(recorded)
        return found

    def action(self, line: Mapping[str, Any]) -> tuple[int, Action, tuple[Any, ...]]:
        """The slot of a line, its action, and the arguments in the action's order."""
        action, given = BY_CONTRACT_NAME[line["a"]], line["args"]
        values: list[Any] = []
        for name, domain in action.domains.items():
            value = given["mc" if name == "collateral" else SHORT_NAMES.get(name, name)]
            match domain.kind:
                case "user":
                    values.append(str(value))
                case "asset":
                    values.append(self.names[value])
                case "flag":
                    values.append(bool(value))
                case "assets":
                    values.append(tuple(self.names[each] for each in value))
                case "orders":
                    values.append(tuple((self.names[o["mc"]], self.names[o["mb"]], int(o["repay"])) for o in value))
                case "pausables":
                    values.append(tuple(int(Pausable(each)) for each in value))
                case "rate_model":
                    values.append(RateModel(_address(line), curve_of(value, self.slots_per_year)))
                case _:
                    values.append(int(value))
        return int(line["ts" if self.time_based else "bn"]), action, tuple(values)

    def _set(self, recorded: Mapping[str, Any]) -> None:
        """Make the recorded state the model's; what is not recorded, as parameters and prices, stays as it is.

        The shortfall contract's tokens are not recorded: they are what is left of the whole.
        """
        pool = self.pool
        for position, name in enumerate(self.names):
            market, of = pool.seen(name), recorded["m"][position]
            for key, scalar in SCALARS.items():
                setattr(market, scalar, int(of[key]))
            if not market.counts_donations:
                market.internal_cash = int(of["cash"])
            market.underlying.restore_(name, int(of["bal"]))
            market.underlying.restore_(SHARE_RESERVE, int(recorded["psr"][position]))
            for account, holds in recorded["u"].items():
                market.tokens.restore_(account, int(holds["v"][position]))
                market.underlying.restore_(account, int(holds["t"][position]))
                if account != FIRST_SUPPLIER:
                    market.principal.restore_(account, int(holds["p"][position]))
                    market.interest_index.restore_(account, int(holds["i"][position]))
            others = sum(held for account, held in market.underlying.items() if account != SHORTFALL)
            market.underlying.restore_(SHORTFALL, self.held[name] - others)
        for account in pool.users:
            entered = tuple(self.names[position] for position in recorded["u"][account]["in"])
            pool.entered.restore_(account, entered)


def _replay_trace(first: Line, lines: Iterator[Line], report: ConformReport) -> None:
    """Replay a trace: a line of parameters, one of the start, one for each action."""
    number, line = first
    try:
        if line.get("type") != "config":
            raise Malformed(number, "the first line has no parameters of a deployment")
        replay = Replay(line["config"])
        number, line = next(lines, (number + 1, {}))
        if line.get("type") != "init":
            raise Malformed(number, "the state after deployment is missing")
        report.note(None, replay.start(line))
        report.traces += 1
        for number, line in lines:  # the number is told where a line is ill-formed
            if line["type"] != "act":
                raise Malformed(number, "the line is no action")
            report.note(int(line["k"]), replay.step(line))
            report.actions += 1
            report.refusals += not line["ok"]
    except ILL_FORMED as wrong:
        raise Malformed(number, _wording(wrong)) from None


def _start_of(config: Mapping[str, Any], slots_per_year: int, *, time_based: bool) -> PoolStart:
    """The deployment of a trace."""
    pool = config["pool"]
    markets = config["markets"]
    users = tuple(f"u{position}" for position in range(len(markets[0]["userBalances"])))
    return PoolStart(
        now=int(config["startTimestamp" if time_based else "startBlock"]),
        users=users,
        close_factor=int(pool["closeFactor"]),
        liquidation_incentive=int(pool["liquidationIncentive"]),
        min_liquidatable_collateral=int(pool["minLiquidatableCollateral"]),
        max_borrow_rate=int(config["maxBorrowRate"]),
        counts_donations=config.get("cashMode", "internalCash") == "balanceOf",
        markets=tuple(
            MarketStart(
                name=f"m{position}",
                price=int(market["price"]),
                initial_exchange_rate=int(market["initialExchangeRate"]),
                rate_model=RateModel(f"irm{position}", curve_of(market["rateModel"], slots_per_year)),
                collateral_factor=int(market["collateralFactor"]),
                liquidation_threshold=int(market["liquidationThreshold"]),
                reserve_factor=int(market["reserveFactor"]),
                protocol_seize_share=int(market["protocolSeizeShare"]),
                sweep_interval=int(market["reduceReservesBlockDelta"]),
                initial_supply=int(market["initialSupply"]),
                supply_cap=int(market["supplyCap"]),
                borrow_cap=int(market["borrowCap"]),
                wallets=dict(zip(users, map(int, market["userBalances"]), strict=True))
                | {SHORTFALL: int(market["shortfallBalance"])},
            )
            for position, market in enumerate(markets)
        ),
    )


def state_of(pool: Comptroller) -> dict[str, Any]:
    """The state as traces record it."""
    markets = [pool.seen(name) for name in pool.markets]
    positions = {name: position for position, name in enumerate(pool.markets)}
    accounts: dict[str, Any] = {
        account: {
            "v": [str(market.tokens[account]) for market in markets],
            "t": [str(market.underlying[account]) for market in markets],
            "p": [str(market.principal[account]) for market in markets],
            "i": [str(market.interest_index[account]) for market in markets],
            "in": [positions[name] for name in pool.markets_of(account)],
            "lq": _liquidity(pool, account),
        }
        for account in pool.users
    }
    first_supplier = {
        "v": [str(market.tokens[FIRST_SUPPLIER]) for market in markets],
        "t": [str(market.underlying[FIRST_SUPPLIER]) for market in markets],
    }
    accounts.setdefault(FIRST_SUPPLIER, first_supplier)
    return {
        "m": [
            {"cash": str(market.cash), "bal": str(market.underlying[market.name])}
            | {key: str(getattr(market, scalar)) for key, scalar in SCALARS.items()}
            | {key: _view(view, market) for key, view in RATES.items()}
            for market in markets
        ],
        "u": accounts,
        "psr": [str(market.underlying[SHARE_RESERVE]) for market in markets],
    }


def _view(view: Callable[..., int], *arguments: Any) -> str | None:
    """What a view answers, None where it reverts."""
    try:
        return str(view(*arguments))
    except Revert:
        return None


def _liquidity(pool: Comptroller, account: str) -> list[str] | None:
    """Liquidity and shortfall at the thresholds, then at the collateral factors, None where the views revert."""
    at_thresholds = liquidity(pool, account, at_threshold=True)
    at_factors = liquidity(pool, account, at_threshold=False)
    if at_thresholds is None or at_factors is None:
        return None
    return [str(value) for value in at_thresholds + at_factors]


def _reverted(refusal: Exception) -> tuple[str, tuple[str, ...]]:
    """How a refusal reads in a trace."""
    if not isinstance(refusal, Revert):
        raise TypeError(f"{refusal!r} is no error of a contract")
    return refusal.error


def _error(name: str, arguments: Any) -> str:
    """An error with its arguments."""
    return f"{name}({', '.join(str(each) for each in arguments)})"


def _shown(value: str | int | bool) -> str | bool:
    """An event's argument as traces write it."""
    return value if isinstance(value, bool) else str(value)


def _address(line: Mapping[str, Any]) -> str:
    """The address of a new rate model's contract: traces name it in the event alone."""
    for event in line.get("ev", []):
        if event[1] == "NewMarketInterestRateModel":
            return str(event[3])
    return "a rate model"


# --- rate models ---------------------------------------------------------------------------------------------------


def _replay_cases(number: int, line: Mapping[str, Any], report: ConformReport) -> None:
    """Compare utilisation, borrow rate and supply rate of a rate model, case by case."""
    try:
        curve = curve_of(line["rateModel"], SECONDS_PER_YEAR if line["timeBased"] else int(line["blocksPerYear"]))
        for position, case in enumerate(line["cases"]):
            cash, borrows, reserves, bad_debt, factor = map(int, case[:5])
            model = [
                _view(utilisation, cash, borrows, reserves, bad_debt),
                _view(rate_of, curve, cash, borrows, reserves, bad_debt),
                _view(supply_rate_of, curve, cash, borrows, reserves, bad_debt, factor),
            ]
            report.note(number, list(compare(f"cases[{position}]", case[5:], model)))
            report.cases += 1
    except ILL_FORMED as wrong:
        raise Malformed(number, _wording(wrong)) from None
