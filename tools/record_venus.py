"""Record what the Venus contracts do, on their bytecode, for `poolproof conform venus`.

    python tools/record_venus.py actions.json out.jsonl.gz
    python tools/record_venus.py --random 300 --seed 7 out.jsonl.gz

The file of actions has a deployment and `[[slots since the action before, name, arguments], ...]`; `docs/traces.md`
describes it.  At random, the deployment and the actions come from the seed; amounts lie beside the numbers that matter
in the model, which runs along for that alone.  Needs the extra `evm`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

from poolproof.evm.record import Recorder, record, write_recording
from poolproof.models.deployed.venus.governance import UNLISTING
from poolproof.models.deployed.venus.market import VToken, borrow_balance, exchange_rate
from poolproof.models.deployed.venus.pool import liquidity
from poolproof.models.deployed.word import MAX_UINT256, Revert
from poolproof.proofs.venus_numbers import largest_repayment, numbers_beside, room_to_borrow
from poolproof.proofs.venus_recordings import BY_CONTRACT_NAME, Replay
from poolproof.spec.arithmetic import WAD
from poolproof.spec.errors import UsageError

USERS = ("u0", "u1", "u2", "u3")
BLOCKS_PER_YEAR = (2_628_000, 10_512_000, 42_048_000)
DECIMALS = (6, 8, 18)
YEARLY = (0, WAD // 50, WAD // 5, WAD, 5 * WAD)
INDICES = {"asset": "m", "collateral": "mc"}
OFTEN = {
    "mint": 12,
    "redeem": 5,
    "redeemUnderlying": 5,
    "enterMarkets": 6,
    "borrow": 14,
    "repayBorrow": 6,
    "liquidateBorrow": 9,
    "liquidateAccount": 6,
    "healAccount": 8,
    "setPrice": 10,
    "updateDelegate": 3,
    "setActionsPaused": 0.4,
    "seize": 0.3,
    "healBorrow": 0.3,
    "unlistMarket": 0.15,
    "exitMarket": 2,
    "transfer": 3,
    "mintBehalf": 2,
    "redeemBehalf": 2,
    "redeemUnderlyingBehalf": 2,
    "borrowBehalf": 3,
    "repayBorrowBehalf": 2,
    "badDebtRecovered": 2,
    "accrueInterest": 2,
    "donate": 2,
    "addReserves": 2,
    "reduceReserves": 2,
}
"""How often an action is chosen; those not named here, which are of governance: 0.6."""
MOSTLY = 0.85
"""How often an argument suits its action, where one does."""
LIQUIDATIONS = ("liquidateBorrow", "liquidateAccount", "healAccount")
NOT_CHOSEN = ("passTime", "enterMarket")


# --- a deployment -------------------------------------------------------------------------------------------------


def deployment(chance: Random) -> dict[str, Any]:
    """A random deployment that the contracts accept."""
    incentive = WAD + chance.randrange(0, 50) * WAD // 100
    return {
        "startBlock": "1000000",
        "startTimestamp": "1700000000",
        "timeBased": chance.random() < 0.4,
        "blocksPerYear": str(chance.choice(BLOCKS_PER_YEAR)),
        "maxBorrowRate": str(chance.choice((5 * 10**11, 5 * 10**12, 5 * 10**12, 10**18))),
        "pool": {
            "closeFactor": str(chance.randrange(5, 91) * WAD // 100),
            "liquidationIncentive": str(incentive),
            "minLiquidatableCollateral": str(chance.choice((0, 100, 10_000, 10**7)) * WAD),
        },
        "markets": [market(chance, number, incentive) for number in range(chance.choice((1, 2, 3, 3, 3, 4)))],
    }


def market(chance: Random, number: int, incentive: int) -> dict[str, Any]:
    """A random market; what its users hold is worth about as much as in the others."""
    decimals = chance.choice(DECIMALS)
    token = 10**decimals
    dollars = chance.choice((0.0001, 0.37, 1, 1, 17, 60_000))
    threshold = chance.randrange(0, 101)
    factor = min(chance.randrange(0, threshold + 1), 95) if chance.random() < 0.3 else min(threshold, 95)
    wealth = int(chance.choice((2_000, 50_000, 10**7)) / dollars) + 1
    supply = max(wealth * token // chance.choice((1, 20, 10**4)), chance.choice((1, 10**3)) * token // 100 + 1)
    supply_cap = MAX_UINT256 if chance.random() < 0.7 else supply + wealth * token * chance.randrange(1, 6)
    borrow_cap = MAX_UINT256 if chance.random() < 0.6 else wealth * token // chance.choice((1, 3, 30))
    return {
        "symbol": f"T{number}",
        "decimals": decimals,
        "price": str(int(dollars * 10**6) * 10 ** (30 - decimals)),
        "initialExchangeRate": str(chance.choice((1, 1, 2, 3)) * 10 ** (decimals + 10)),
        "rateModel": rate_model(chance),
        "collateralFactor": str(factor * WAD // 100),
        "liquidationThreshold": str(threshold * WAD // 100),
        "reserveFactor": str(chance.choice((0, 10, 25, 100)) * WAD // 100),
        "protocolSeizeShare": str(chance.choice((0, (incentive - WAD) // 2, incentive - WAD))),
        "reduceReservesBlockDelta": str(chance.choice((1, 100, 28_800, 10**9))),
        "initialSupply": str(supply),
        "supplyCap": str(supply_cap),
        "borrowCap": str(borrow_cap),
        "userBalances": [str(wealth * token * share) for share in (3, 2, 1, 0)],
        "shortfallBalance": str(wealth * token),
    }


def rate_model(chance: Random, kind: str | None = None) -> dict[str, str]:
    """A random rate model, of a kind or of any."""
    chosen = kind or chance.choice(("JumpRateModelV2", "WhitePaperInterestRateModel", "TwoKinksInterestRateModel"))
    model = {"model": chosen, "baseRatePerYear": str(chance.choice(YEARLY[:3]))}
    model["multiplierPerYear"] = str(chance.choice(YEARLY))
    if chosen == "JumpRateModelV2":
        model["jumpMultiplierPerYear"] = str(chance.choice(YEARLY))
        model["kink"] = str(chance.choice((0, 50, 80, 100)) * WAD // 100)
    if chosen == "TwoKinksInterestRateModel":
        first = chance.randrange(1, 80)
        model["kink1"] = str(first * WAD // 100)
        model["multiplier2PerYear"] = str(chance.choice((*YEARLY, -WAD // 7)))
        model["baseRate2PerYear"] = str(chance.choice(YEARLY[:3]))
        model["kink2"] = str(chance.randrange(first + 1, 101) * WAD // 100)
        model["jumpMultiplierPerYear"] = str(chance.choice((*YEARLY, -WAD)))
    return model


def exchange_rate_or_0(market: VToken) -> int:
    """A market's exchange rate, 0 where the contract refuses to tell it."""
    try:
        return exchange_rate(market)
    except Revert:
        return 0


# --- actions ------------------------------------------------------------------------------------------------------


class Chooser:
    """Chooses actions; the model runs along, so that amounts lie beside what matters."""

    def __init__(self, chance: Random, recorder: Recorder) -> None:
        self.chance = chance
        self.recorder = recorder
        self.along = Replay(recorder.lines[0]["config"])
        self.names = tuple(name for name in BY_CONTRACT_NAME if name not in NOT_CHOSEN)
        self.longest = chance.choice((10**3, 10**5, 10**6))
        self.weights = [OFTEN.get(name, 0.6) for name in self.names]

    def go(self, count: int) -> None:
        """Record so many actions."""
        while len(self.recorder.lines) - 2 < count:
            if self.chance.random() < 0.03:
                self.crash()
            name = self.chance.choices(self.names, self.weights)[0]
            if name == "unlistMarket" and self.chance.random() < 0.5:
                self.unlist()
            elif name not in LIQUIDATIONS or any(map(self.is_short, USERS)) or self.chance.random() < 0.1:
                self.do(name)

    def do(self, name: str, **fixed: Any) -> None:
        """Record an action, with arguments at random but those given, and let the model follow."""
        self.along.pool.now += (slots := self.slots())
        arguments: dict[str, Any] = {}
        for argument, domain in BY_CONTRACT_NAME[name].domains.items():
            written = {"asset": "m", "assets": "ms", "collateral": "mc", "rate_model": "rateModel"}.get(
                argument, argument
            )
            arguments[written] = (
                fixed[written] if written in fixed else self.argument(name, argument, domain, arguments)
            )
        if name in ("badDebtRecovered", "donate") and self.chance.random() < 0.7:
            arguments["user"] = "short"
        self.along.step(self.recorder.do(slots, name, arguments))

    def unlist(self) -> None:
        """Take a market off the list, all that this needs first."""
        m = self.chance.randrange(len(self.along.names))
        self.do("setActionsPaused", m=m, actions=[int(what) for what, _ in UNLISTING], paused=True)
        self.do("setMarketSupplyCaps", m=m, cap="0")
        self.do("setMarketBorrowCaps", m=m, cap="0")
        self.do("setCollateralFactor", m=m, cf="0")
        self.do("unlistMarket", m=m)

    def slots(self) -> int:
        """How long since the action before."""
        return self.chance.choice(
            (0, 0, 0, 0, 1, 1, 1, self.chance.randrange(1000), self.chance.randrange(self.longest))
        )

    def argument(self, action: str, argument: str, domain: Any, before: dict[str, Any]) -> Any:
        """An argument, as a recording writes it."""
        chance = self.chance
        kinds: dict[str, Callable[[], Any]] = {
            "user": lambda: self.account(action, argument, before),
            "asset": lambda: self.market(action, argument, before),
            "assets": lambda: [self.position() for _ in range(chance.randrange(1, 4))],
            "flag": lambda: chance.random() < (0.25 if action == "setActionsPaused" else 0.5),
            "pausables": lambda: [chance.randrange(9) for _ in range(chance.randrange(1, 4))],
            "rate_model": lambda: rate_model(chance, "JumpRateModelV2" if action == "updateJumpRateModel" else None),
            "orders": lambda: self.orders(before),
            "factor": lambda: str(self.factor(action, before)),
            "slots": lambda: str(chance.choice((0, 1, 1000, 10**9))),
        }
        return kinds[domain.kind]() if domain.kind in kinds else str(self.number(action, domain, before))

    def position(self) -> int:
        """A market."""
        return self.chance.randrange(len(self.along.names))

    def account(self, action: str, argument: str, before: dict[str, Any]) -> str:
        """An account, mostly one for which the action makes sense."""
        pool = self.along.pool
        markets = [pool.seen(name) for name in self.along.names]
        sender = before.get("user", "")
        suits: dict[str, Callable[[str], bool]] = {
            "borrower": lambda account: account != sender and any(market.principal[account] for market in markets),
            "user": lambda account: self.can(action, account) and not self.is_short(account),
            "redeemer": lambda account: any(market.tokens[account] for market in markets),
        }
        if action.endswith("Behalf") and argument != "minter" and action != "repayBorrowBehalf":
            suits["borrower"] = suits["redeemer"] = lambda account: sender in (pool.delegates[account] or ())
            suits["user"] = lambda account: any(account in (pool.delegates[other] or ()) for other in USERS)
        short = [account for account in USERS if account != sender and self.is_short(account)]
        if argument == "borrower" and action in LIQUIDATIONS and short and self.chance.random() < MOSTLY:
            return self.chance.choice(short)
        return str(self.mostly(USERS, suits.get(argument, lambda _: True)))

    def can(self, action: str, account: str) -> bool:
        """Whether an account has anything to do an action with."""
        markets = [self.along.pool.seen(name) for name in self.along.names]
        match action:
            case "redeem" | "redeemUnderlying" | "transfer":
                return any(market.tokens[account] for market in markets)
            case "borrow":
                seen = liquidity(self.along.pool, account, at_threshold=False)
                return seen is not None and seen[0] > 0
            case "repayBorrow":
                return any(market.principal[account] for market in markets)
        return any(market.underlying[account] for market in markets)

    def crash(self) -> None:
        """Let prices move against a borrower, and try liquidations, of small accounts or of large ones."""
        pool = self.along.pool
        markets = [pool.seen(name) for name in self.along.names]
        borrower = self.mostly(USERS, lambda account: any(market.principal[account] for market in markets))
        part = self.chance.choice((1, 1, 10, 30, 60, 90))
        for position, market in enumerate(markets):
            worth = market.tokens[borrower] * exchange_rate_or_0(market) // WAD
            if worth > borrow_balance(market, borrower):
                self.do("setPrice", m=position, price=str(market.price * part // 100))
            elif worth or market.principal[borrower]:
                self.do("setPrice", m=position, price=str(market.price * 100 // part))
        small = self.chance.random() < 0.6
        self.do("setMinLiquidatableCollateral", value=str(10**12 * WAD if small else 0))
        for _ in range(self.chance.randrange(1, 6)):
            fits = LIQUIDATIONS[1:] if small else LIQUIDATIONS[:1]
            fixed = {"borrower": borrower} if self.chance.random() < MOSTLY else {}
            self.do(self.chance.choice(fits if self.chance.random() < MOSTLY else LIQUIDATIONS), **fixed)
        for position in range(len(markets)):
            if self.chance.random() < 0.7:
                self.do("setPrice", m=position, price=self.first_price(position))

    def first_price(self, position: int) -> str:
        """The price with which a market started."""
        return str(self.recorder.lines[0]["config"]["markets"][position]["price"])

    def is_short(self, account: str) -> bool:
        """Whether an account can be liquidated, at the values stored."""
        seen = liquidity(self.along.pool, account, at_threshold=True)
        return seen is not None and seen[1] > 0

    def market(self, action: str, argument: str, before: dict[str, Any]) -> int:
        """A market, mostly one in which the account concerned has what the action is about."""
        pool = self.along.pool
        account = before.get("borrower") or before.get("redeemer") or before.get("user") or USERS[0]

        def suits(position: int) -> bool:
            market = pool.seen(self.along.names[position])
            if argument == "collateral" or action.startswith("redeem") or action in ("transfer", "exitMarket"):
                return bool(market.tokens[account])
            if action.startswith("repay") or action == "liquidateBorrow":
                return bool(market.principal[account])
            return action != "badDebtRecovered" or market.bad_debt > 0

        return int(self.mostly(range(len(self.along.names)), suits))

    def mostly(self, among: Sequence[Any], suits: Callable[[Any], bool]) -> Any:
        """One of several, mostly one that suits."""
        suitable = [each for each in among if suits(each)] if self.chance.random() < MOSTLY else []
        return self.chance.choice(suitable or among)

    def orders(self, before: dict[str, Any]) -> list[dict[str, Any]]:
        """Orders that leave the borrower of an action no debt, most of the time."""
        pool, borrower = self.along.pool, before["borrower"]
        held = [n for n, name in enumerate(self.along.names) if pool.seen(name).tokens[borrower]] or [self.position()]
        found = []
        for number, name in enumerate(self.along.names):
            owed = borrow_balance(pool.seen(name), borrower)
            if owed or self.chance.random() < 0.05:
                repay = owed if self.chance.random() < 0.85 else self.beside(owed)
                found.append({"mc": self.chance.choice(held), "mb": number, "repay": str(repay)})
        return found

    def factor(self, action: str, before: dict[str, Any]) -> int:
        """A factor, mostly one that is accepted."""
        chance, pool = self.chance, self.along.pool
        edge = {
            "setLiquidationIncentive": WAD,
            "setProtocolSeizeShare": pool.liquidation_incentive - WAD,
            "setCloseFactor": chance.choice((WAD // 20, 9 * WAD // 10)),
        }.get(action, int(before.get("cf", 0)) or 19 * WAD // 20)
        high = 3 * WAD // 2 if action == "setLiquidationIncentive" else WAD
        return chance.choice((self.beside(edge), edge, chance.randrange(high), chance.randrange(high)))

    def number(self, action: str, domain: Any, before: dict[str, Any]) -> int:
        """An amount, a price or a limit."""
        chance, pool = self.chance, self.along.pool
        market = pool.seen(self.along.names[before.get("m", 0)])
        if action == "setPrice":
            first = int(self.first_price(before["m"]))
            if chance.random() < 0.04:
                return chance.choice((0, 1, WAD, first**2))
            return (
                chance.choice((market.price * chance.randrange(30, 250), first * chance.randrange(1, 300), 100 * first))
                // 100
            )
        if action == "setMinLiquidatableCollateral":
            return chance.choice((0, 100, 10**4, 10**7)) * WAD
        users = [account for account in (before.get("borrower"), before.get("user")) if account] or list(USERS)
        numbers = numbers_beside(pool, market, users, domain) if domain.kind in ("tokens", "shares") else []
        if domain.kind == "cap":
            held = market.cash + market.total_borrows
            numbers = [0, MAX_UINT256, held, 2 * held, held, market.total_borrows]
        if action == "liquidateBorrow" and chance.random() < 0.8:
            numbers = [largest_repayment(pool, market, before["borrower"])]
        if action.startswith("borrow") and chance.random() < 0.7:
            return room_to_borrow(pool, market, users[0]) * chance.choice((7, 9, 10)) // 10
        if action == "badDebtRecovered":
            numbers = [market.bad_debt]
        if chance.random() < 0.03:
            numbers = [MAX_UINT256, 2**255, 2**128, 1]
        return self.beside(chance.choice(numbers or [0]))

    def beside(self, number: int) -> int:
        """A number, one beside it, or a part of it."""
        near = min(max(number + self.chance.choice((-1, 0, 0, 0, 1)), 0), MAX_UINT256)
        return self.chance.choice((near, near, near, near // 2, self.chance.randrange(near + 1)))


def at_random(name: str, count: int, seed: int) -> list[dict[str, Any]]:
    """The recording of a random deployment and random actions."""
    chance = Random(seed)
    recorder = Recorder(name, deployment(chance), f"random actions of seed {seed}")
    Chooser(chance, recorder).go(count)
    return recorder.lines


def main() -> int:
    """Read the command line, write the recording."""
    parser = argparse.ArgumentParser(description="Record what the Venus contracts do, on their bytecode.")
    parser.add_argument("actions", nargs="?", type=Path, help="a JSON file with a deployment and actions")
    parser.add_argument("target", type=Path, help="the recording to write, *.jsonl.gz")
    parser.add_argument("--random", type=int, metavar="N", help="instead of a file: so many actions at random")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if (options.actions is None) == (options.random is None):
        parser.error("name a file of actions, or how many at random")
    name = options.target.name.partition(".")[0]
    try:
        if options.random is not None:
            lines = at_random(name, options.random, options.seed)
        else:
            given = json.loads(options.actions.read_text(encoding="utf-8"))
            lines = record(name, given["config"], [(slots, a, args) for slots, a, args in given["actions"]])
    except UsageError as wrong:
        sys.stderr.write(f"{wrong}\n")
        return 3
    write_recording(lines, options.target)
    sys.stdout.write(f"{len(lines) - 2} actions, {sum(line.get('ok') is False for line in lines)} of them refused\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
