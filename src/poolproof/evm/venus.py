"""A Venus isolated pool on its contracts' own bytecode: deployed from a trace's configuration, acted on, read.

Replaced by stubs: the access control, which grants every permission, the protocol share reserve, which accepts
every report, and the shortfall contract, which is a plain account.  Underlying tokens take no fees.  A rewards
distributor is deployed where an action adds it.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from poolproof.spec.errors import UsageError, shown_text

from .artifacts import VERSION, load
from .machine import Machine, Reverted

USERS = ("u0", "u1", "u2", "u3")
"""The users of a configuration that names none."""

_OTHERS = ("admin", "seed", "short", "access", "psr")
"""The accounts beside them: who governs, whose the first supply is, and what the stubs stand for."""

_FIRST_SUPPLIER = "seed"
"""The one of them that may be a user too."""

_GRANTS_EVERYTHING = bytes.fromhex("600160005260206000f3")
"""Code that answers 1 to every call."""

_UNLIMITED = 2**256 - 1
_BORROWS_SLOT = 217
"""Where a market's contract keeps its borrowers' debts, which no function tells as they are stored."""

_LISTED_SLOT = 205
"""Where the pool's contract keeps whether a market is listed, which a vote changes only with much else."""

_MOST_MARKETS = 100
"""Most markets that an account may enter."""

_MARKET, _POOL, _TOKEN, _ORACLE, _JUMP = "VToken", "Comptroller", "MockToken", "MockPriceOracle", "JumpRateModelV2"
_REWARDS, _REWARD_TOKEN = "RewardsDistributor", "reward token"
_REWARD_FUNDS = 2**112
"""What a distributor has to give [reward tokens]."""

_PARAMETERS = {
    "JumpRateModelV2": ("baseRatePerYear", "multiplierPerYear", "jumpMultiplierPerYear", "kink"),
    "WhitePaperInterestRateModel": ("baseRatePerYear", "multiplierPerYear"),
    "TwoKinksInterestRateModel": (
        "baseRatePerYear",
        "multiplierPerYear",
        "kink1",
        "multiplier2PerYear",
        "baseRate2PerYear",
        "kink2",
        "jumpMultiplierPerYear",
    ),
}
"""What each rate model is made from, in the order of its constructor."""

_CALLS: dict[str, tuple[str, str | None, tuple[Any, ...]]] = {
    "mint": (_MARKET, "user", ("amount",)),
    "mintBehalf": (_MARKET, "user", ("minter", "amount")),
    "redeem": (_MARKET, "user", ("tokens",)),
    "redeemBehalf": (_MARKET, "user", ("redeemer", "tokens")),
    "redeemUnderlying": (_MARKET, "user", ("amount",)),
    "redeemUnderlyingBehalf": (_MARKET, "user", ("redeemer", "amount")),
    "borrow": (_MARKET, "user", ("amount",)),
    "borrowBehalf": (_MARKET, "user", ("borrower", "amount")),
    "repayBorrow": (_MARKET, "user", ("amount",)),
    "repayBorrowBehalf": (_MARKET, "user", ("borrower", "amount")),
    "liquidateBorrow": (_MARKET, "user", ("borrower", "repay", "mc")),
    "transfer": (_MARKET, "user", ("to", "tokens")),
    "seize": (_MARKET, "user", ("liquidator", "borrower", "tokens")),
    "healBorrow": (_MARKET, "user", ("user", "borrower", "amount")),
    "addReserves": (_MARKET, "user", ("amount",)),
    "reduceReserves": (_MARKET, "user", ("amount",)),
    "badDebtRecovered": (_MARKET, "user", ("amount",)),
    "accrueInterest": (_MARKET, None, ()),
    "syncCash": (_MARKET, None, ()),
    "setReserveFactor": (_MARKET, None, ("value",)),
    "setProtocolSeizeShare": (_MARKET, None, ("value",)),
    "setReduceReservesBlockDelta": (_MARKET, None, ("value",)),
    "setInterestRateModel": (_MARKET, None, ("rateModel",)),
    "enterMarkets": (_POOL, "user", ("ms",)),
    "exitMarket": (_POOL, "user", ("m",)),
    "updateDelegate": (_POOL, "user", ("delegate", "approved")),
    "healAccount": (_POOL, "user", ("borrower",)),
    "liquidateAccount": (_POOL, "user", ("borrower", "orders")),
    "unlistMarket": (_POOL, None, ("m",)),
    "supportMarket": (_POOL, "sender", ("m",)),
    "setCollateralFactor": (_POOL, None, ("m", "cf", "lt")),
    "setMarketSupplyCaps": (_POOL, None, (["m"], ["cap"])),
    "setMarketBorrowCaps": (_POOL, None, (["m"], ["cap"])),
    "setForcedLiquidation": (_POOL, None, ("m", "enable")),
    "setActionsPaused": (_POOL, None, (["m"], "actions", "paused")),
    "setCloseFactor": (_POOL, None, ("value",)),
    "setLiquidationIncentive": (_POOL, None, ("value",)),
    "setMinLiquidatableCollateral": (_POOL, None, ("value",)),
    "updateJumpRateModel": (_JUMP, None, _PARAMETERS[_JUMP]),
    "addRewardsDistributor": (_POOL, None, ("distributor",)),
    "setRewardTokenSpeeds": (_REWARDS, None, (["m"], ["supply"], ["borrow"])),
    "claimRewardToken": (_REWARDS, "user", ("holder", "ms")),
    "setPrice": (_ORACLE, None, ("t", "price")),
    "donate": (_TOKEN, "user", ("m", "amount")),
    "faucet": (_TOKEN, "user", ("amount",)),
}
"""action -> contract, the argument that names the sender (None: the admin), the arguments; [] is a list of one."""

_OF_TOKENS = ("Transfer", "Approval")
"""The events of a token, which the balances show."""

_FUNCTIONS = {"donate": "transfer", "claimRewardToken": "claimRewardToken(address,address[])"}
"""The contract's function, where it is not called as the action is."""

_MARKET_VIEWS = {
    "cash": "getCash",
    "totalBorrows": "totalBorrows",
    "totalReserves": "totalReserves",
    "badDebt": "badDebt",
    "totalSupply": "totalSupply",
    "borrowIndex": "borrowIndex",
    "accrualBlock": "accrualBlockNumber",
    "reduceReservesBlock": "reduceReservesBlockNumber",
    "exchangeRate": "exchangeRateStored",
    "borrowRate": "borrowRatePerBlock",
    "supplyRate": "supplyRatePerBlock",
}


_POOL_VIEWS = {
    "closeFactor": "closeFactorMantissa",
    "liquidationIncentive": "liquidationIncentiveMantissa",
    "minLiquidatableCollateral": "minLiquidatableCollateral",
}
_MARKET_PARAMETERS = {
    "reserveFactor": "reserveFactorMantissa",
    "protocolSeizeShare": "protocolSeizeShareMantissa",
    "reduceReservesBlockDelta": "reduceReservesBlockDelta",
}
_PAUSABLE = 9
"""How many actions can be paused."""


class VenusOnEvm:
    """A pool, deployed at a block and a time from the configuration of a trace.

    Refuses: a configuration that the contracts refuse, and packages that are missing.
    """

    def __init__(self, config: Mapping[str, Any], start_block: int, start_timestamp: int) -> None:
        if config.get("cashMode", "internalCash") != "internalCash":
            rule = f"the contracts of {VERSION} keep their own count of cash, this pool reads its token balance"
            raise UsageError(rule, "cashMode", "replay a trace of a pool with internalCash")
        self._contracts = load()
        self._users = tuple(config.get("users", USERS))
        if taken := set(self._users).intersection(_OTHERS) - {_FIRST_SUPPLIER}:
            rule = f"users cannot be called {', '.join(sorted(taken))}: other accounts are"
            raise UsageError(rule, "users", "rename them")
        accounts = dict.fromkeys((*self._users, *_OTHERS))
        self._address = {name: f"0x{number:040x}" for number, name in enumerate(accounts, start=0x1000)}
        self._names = {address: name for name, address in self._address.items()}
        self._machine = Machine(self._contracts.values(), self._names)
        self._machine.at(start_block, start_timestamp)
        for stub in ("access", "psr"):
            self._machine.place(self._address[stub], _GRANTS_EVERYTHING)
        self._time_based = bool(config["timeBased"])
        self._slots = 0 if self._time_based else int(config["blocksPerYear"])
        self._markets = range(len(config["markets"]))
        try:
            self._deploy(config)
        except Reverted as refused:
            rule = f"the contracts refuse this configuration: {refused.name} {' '.join(refused.arguments)}".rstrip()
            raise UsageError(rule, "config", "change what they refuse") from None

    def do(
        self, action: str, arguments: Mapping[str, Any], block: int, timestamp: int
    ) -> tuple[str, tuple[str, ...]] | None:
        """Act; None, or the name and the arguments of the error with which the contracts refused."""
        if action not in _CALLS:
            raise UsageError(f"{shown_text(action)} is no action of this pool", "action", f"one of {', '.join(_CALLS)}")
        contract, sender, parameters = _CALLS[action]
        self._machine.at(block, timestamp)
        try:
            given = {**arguments, **arguments.get("rateModel", {})}
            values = [self._argument(given, parameter) for parameter in parameters]
            address = self._called(contract, given)
            caller = self._address[arguments[sender] if sender else "admin"]
            function = _FUNCTIONS.get(action, action)
            self._machine.call(caller, address, self._contracts[contract], function, *values)
        except Reverted as refused:
            return refused.name, refused.arguments
        return None

    def events(self) -> list[list[str | bool]]:
        """The events of the last action that succeeded, as a trace records them; those of the tokens are left out."""
        return [
            [emitter, name, *values]
            for emitter, name, values in self._machine.emitted()
            if name not in _OF_TOKENS and self._recorded(emitter)
        ]

    def parameters(self) -> dict[str, Any]:
        """What a trace leaves out of a state: the parameters, the prices, what `short` holds, and who acts for whom."""
        return {
            "pool": {name: self._number(_POOL, _POOL, view) for name, view in _POOL_VIEWS.items()},
            "m": [self._parameters_of(number) for number in self._markets],
            "delegates": {user: self._delegates_of(user) for user in self._users},
        }

    def rewards(self) -> dict[str, dict[str, str | None]]:
        """What each account was paid of the reward token, and what it has accrued, at the distributor added last."""
        return {
            account: {
                "paid": self._number(_REWARD_TOKEN, _TOKEN, "balanceOf", self._address[account]),
                "accrued": self._number(_REWARDS, _REWARDS, "rewardTokenAccrued", self._address[account]),
            }
            for account in dict.fromkeys((*self._users, _FIRST_SUPPLIER))
        }

    def write_listed(self, number: int, *, listed: bool) -> None:
        """Put a market on the list, or take it off, and change nothing else, as no function does."""
        self._machine.write_entry(self._address[_POOL], _LISTED_SLOT, self._address[f"m{number}"], int(listed))

    def undone(self) -> AbstractContextManager[None]:
        """Undo at the end whatever happens in between."""
        return self._machine.undone()

    def _parameters_of(self, number: int) -> dict[str, Any]:
        """What a trace leaves out of a market's state."""
        name = f"m{number}"
        address = self._address[name]
        listed, factor, threshold = self._view(_POOL, _POOL, "markets", address)
        own = {key: self._number(name, _MARKET, view) for key, view in _MARKET_PARAMETERS.items()}
        return own | {
            "price": self._number(_ORACLE, _ORACLE, "getUnderlyingPrice", address),
            "listed": listed,
            "collateralFactor": str(factor),
            "liquidationThreshold": str(threshold),
            "supplyCap": self._number(_POOL, _POOL, "supplyCaps", address),
            "borrowCap": self._number(_POOL, _POOL, "borrowCaps", address),
            "forcedLiquidation": self._view(_POOL, _POOL, "isForcedLiquidationEnabled", address)[0],
            "paused": [what for what in range(_PAUSABLE) if self._view(_POOL, _POOL, "actionPaused", address, what)[0]],
            "shortfallBalance": self._balances("short")[number],
        }

    def _delegates_of(self, user: str) -> list[str]:
        """Who may act for a user."""
        asked = [(other, self._address[user], self._address[other]) for other in self._users]
        return sorted(other for other, *pair in asked if self._view(_POOL, _POOL, "approvedDelegates", *pair)[0])

    def _recorded(self, emitter: str) -> bool:
        """Whether a trace records the events of a contract: of the pool and its markets alone."""
        return emitter == "comptroller" or emitter in (f"m{number}" for number in self._markets)

    def _called(self, contract: str, arguments: Mapping[str, Any]) -> str:
        """The address of the contract that an action calls."""
        if contract == _JUMP:
            found: str = self._view(f"m{arguments['m']}", _MARKET, "interestRateModel")[0]
            return found
        target = {_MARKET: "m", _TOKEN: "t"}.get(contract)
        return self._address[contract if target is None else f"{target}{arguments['m']}"]

    def state(self) -> dict[str, Any]:
        """Everything that a trace records of a state; numbers as decimal strings, None where a view refuses."""
        return {
            "m": [self._market(number) for number in self._markets],
            "u": {_FIRST_SUPPLIER: self._holdings(_FIRST_SUPPLIER)} | {user: self._user(user) for user in self._users},
            "psr": self._balances("psr"),
        }

    def _deploy(self, config: Mapping[str, Any]) -> None:
        """Deploy everything, list the markets with their first supply, and give the users their tokens."""
        admin, access = self._address["admin"], self._address["access"]
        registry = self._proxy("PoolRegistry", "PoolRegistry", self._new(None, "PoolRegistry"), access)
        self._address["registry"] = registry
        self._new(_ORACLE, _ORACLE)
        pool_code = self._beacon(self._new(None, _POOL, registry))
        pool = self._proxy("comptroller", _POOL, pool_code, _MOST_MARKETS, access)
        self._address[_POOL] = pool
        self._call(_POOL, "setPriceOracle", self._address[_ORACLE])
        factors = ("closeFactor", "liquidationIncentive", "minLiquidatableCollateral")
        self._call("PoolRegistry", "addPool", "pool", pool, *(int(config["pool"][name]) for name in factors))
        slots = (self._time_based, self._slots, int(config["maxBorrowRate"]))
        market_code = self._beacon(self._new(None, _MARKET, *slots))
        for number, market in enumerate(config["markets"]):
            symbol = market["symbol"]
            token = self._new(f"t{number}", _TOKEN, symbol, symbol, market["decimals"])
            self._call(_ORACLE, "setPrice", token, int(market["price"]))
            vtoken = self._proxy(
                f"m{number}",
                _MARKET,
                market_code,
                token,
                pool,
                self._rate_model(market["rateModel"], f"irm{number}"),
                int(market["initialExchangeRate"]),
                f"v{symbol}",
                f"v{symbol}",
                8,
                admin,
                access,
                (self._address["short"], self._address["psr"]),
                int(market["reserveFactor"]),
            )
            vtoken_code = self._contracts[_MARKET]
            self._machine.call(admin, vtoken, vtoken_code, "setProtocolSeizeShare", int(market["protocolSeizeShare"]))
            if slots_between := int(market["reduceReservesBlockDelta"]):  # 0 is how it starts, and cannot be set
                self._machine.call(admin, vtoken, vtoken_code, "setReduceReservesBlockDelta", slots_between)
            supply = int(market["initialSupply"])
            self._fund("admin", number, supply, spender=registry)
            listing = [int(market[name]) for name in ("collateralFactor", "liquidationThreshold")]
            caps = [int(market[name]) for name in ("supplyCap", "borrowCap")]
            self._call("PoolRegistry", "addMarket", (vtoken, *listing, supply, self._address["seed"], *caps))
            for user, amount in zip(self._users, market["userBalances"], strict=True):
                self._fund(user, number, int(amount), spender=vtoken)
            self._fund("short", number, int(market["shortfallBalance"]), spender=vtoken)

    def _new(self, name: str | None, contract: str, *arguments: Any) -> str:
        """Deploy a contract, and know it by a name."""
        address = self._machine.deploy(self._address["admin"], self._contracts[contract], *arguments)
        if name is not None:
            self._address[name] = address
            self._names[address] = name
        return address

    def _beacon(self, implementation: str) -> str:
        """A beacon that names an implementation."""
        return self._new(None, "UpgradeableBeacon", implementation)

    def _proxy(self, name: str, contract: str, behind: str, *arguments: Any) -> str:
        """A proxy before an implementation or a beacon, initialised."""
        proxy = "ERC1967Proxy" if contract == "PoolRegistry" else "BeaconProxy"
        return self._new(name, proxy, behind, self._contracts[contract].call("initialize", arguments))

    def _call(self, contract: str, function: str, *arguments: Any) -> None:
        """Call, as the admin, the one contract of a kind."""
        address = self._address[contract]
        self._machine.call(self._address["admin"], address, self._contracts[contract], function, *arguments)

    def _fund(self, account: str, number: int, amount: int, *, spender: str) -> None:
        """Give an account tokens of a market, which the spender may take."""
        token, contract = self._address[f"t{number}"], self._contracts[_TOKEN]
        self._machine.call(self._address[account], token, contract, "faucet", amount)
        self._machine.call(self._address[account], token, contract, "approve", spender, _UNLIMITED)

    def _rate_model(self, described: Mapping[str, Any], name: str | None = None) -> str:
        """Deploy a rate model."""
        kind = described["model"]
        arguments: list[Any] = [int(described[parameter]) for parameter in _PARAMETERS[kind]]
        if kind == "JumpRateModelV2":
            arguments.append(self._address["access"])
        slots = int(described.get("blocksPerYear", self._slots))
        return self._new(name, kind, *arguments, self._time_based, slots)

    def _distributor(self) -> str:
        """Deploy a rewards distributor, with the tokens that it gives."""
        admin = self._address["admin"]
        token = self._new(_REWARD_TOKEN, _TOKEN, "reward", "reward", 18)
        code = self._beacon(self._new(None, _REWARDS, self._time_based, self._slots))
        access = self._address["access"]
        address = self._proxy(_REWARDS, _REWARDS, code, self._address[_POOL], token, _MOST_MARKETS, access)
        self._machine.call(admin, token, self._contracts[_TOKEN], "faucet", _REWARD_FUNDS)
        self._machine.call(admin, token, self._contracts[_TOKEN], "transfer", address, _REWARD_FUNDS)
        return address

    def _argument(self, arguments: Mapping[str, Any], parameter: str | list[str]) -> Any:
        """An argument as the contract takes it: markets and accounts as addresses, amounts as numbers."""
        if isinstance(parameter, list):
            return [self._argument(arguments, only) for only in parameter]
        if parameter == "t":
            return self._address[f"t{arguments['m']}"]
        value = arguments[parameter]
        match parameter:
            case "m" | "mc" | "mb":
                return self._address[f"m{value}"]
            case "ms":
                return [self._address[f"m{market}"] for market in value]
            case "orders":
                return [tuple(self._argument(order, part) for part in ("mc", "mb", "repay")) for order in value]
            case "rateModel":
                return self._rate_model(value)
            case "distributor":
                return self._distributor()
            case "approved" | "enable" | "paused":
                return bool(value)
            case "actions":
                return [int(action) for action in value]
            case "minter" | "redeemer" | "borrower" | "to" | "liquidator" | "user" | "holder" | "delegate":
                return self._address[value]
            case _:
                return int(value)

    def _view(self, name: str, contract: str, function: str, *arguments: Any) -> tuple[Any, ...]:
        """What a contract tells."""
        return self._machine.view(self._address[name], self._contracts[contract], function, *arguments)

    def _number(self, name: str, contract: str, function: str, *arguments: Any) -> str | None:
        """A number that a contract tells, or None where it refuses."""
        try:
            return str(self._view(name, contract, function, *arguments)[0])
        except Reverted:
            return None

    def _market(self, number: int) -> dict[str, Any]:
        """What a trace records of a market."""
        name = f"m{number}"
        told: dict[str, Any] = {key: self._number(name, _MARKET, view) for key, view in _MARKET_VIEWS.items()}
        return told | {"bal": self._balances(name)[number]}

    def _balances(self, account: str) -> list[str | None]:
        """An account's balance of each underlying token."""
        address = self._address[account]
        return [self._number(f"t{number}", _TOKEN, "balanceOf", address) for number in self._markets]

    def _holdings(self, account: str) -> dict[str, Any]:
        """An account's shares and tokens of each market."""
        address = self._address[account]
        shares = [self._number(f"m{number}", _MARKET, "balanceOf", address) for number in self._markets]
        return {"v": shares, "t": self._balances(account)}

    def _user(self, user: str) -> dict[str, Any]:
        """What a trace records of a user."""
        address = self._address[user]
        markets = [self._address[f"m{number}"] for number in self._markets]
        debts = [self._machine.entry(market, _BORROWS_SLOT, address, 2) for market in markets]
        entered = self._view(_POOL, _POOL, "getAssetsIn", address)[0]
        return self._holdings(user) | {
            "p": [str(principal) for principal, _ in debts],
            "i": [str(index) for _, index in debts],
            "in": [markets.index(market) for market in entered],
            "lq": self._liquidity(address),
        }

    def _liquidity(self, address: str) -> list[str] | None:
        """Liquidity and shortfall under liquidation thresholds, then under collateral factors."""
        try:
            views = [self._view(_POOL, _POOL, view, address) for view in ("getAccountLiquidity", "getBorrowingPower")]
        except Reverted:
            return None
        return [str(value) for view in views for value in view[1:]]
