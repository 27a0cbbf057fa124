"""Small worlds: a protocol scaled down until every state that a few actions reach can be visited.

The structure stays (markets, factors, close factor, incentive, virtual shares, kind of rate model); the scale
goes.  A unit of each asset is worth the same, wallets hold three of them, caps bind after a few, and a long
step of time adds interest that a single unit of debt shows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

from poolproof.spec.action import Action, Domain
from poolproof.spec.arithmetic import WAD
from poolproof.spec.errors import UsageError
from poolproof.spec.model import Model
from poolproof.spec.protocol import MarketConfig, PoolConfig, Protocol, RateModelConfig
from poolproof.spec.state import Account

from .traces import Call

USERS = 2
MARKETS = 2
LONGEST_NAME = 50
UNIT_PRICE = 10**18
"""What the smallest unit of every asset is worth at the start."""
WALLET = 3
SUPPLY_CAP = 5
BORROW_CAP = 3
AMOUNTS = (1, 3)
PRICES = (0, UNIT_PRICE // 2, UNIT_PRICE, 2 * UNIT_PRICE)
LONG_STEP = 500
"""A step of time after which the highest admissible rate has added half of a debt [slots]."""
STEPS = (1, LONG_STEP)
HIGHEST_RATE = 10**15
"""The highest admissible rate [wad per slot]."""


# --- the protocol -----------------------------------------------------------------------------------------


def small_world(protocol: Protocol, users: int = USERS) -> Protocol:
    """A protocol of one small pool: few users, and at most two markets, collateral and one to borrow from.

    Refuses: fewer than one user, more users than the protocol has.
    """
    if not 1 <= users <= len(protocol.users):
        cure = f"name 1 to {len(protocol.users)}"
        raise UsageError(f"{users} is not a number of users of this protocol", "users", cure)
    pool = protocol.pools[0]
    small = pool.model_copy(
        update={
            "dust_value": UNIT_PRICE if pool.dust_value else 0,
            "markets": tuple(_small_market(market) for market in _chosen_markets(pool)),
        }
    )
    return protocol.model_copy(
        update={
            "name": f"{protocol.name[:LONGEST_NAME].rstrip('-')}-small",
            "users": protocol.users[:users],
            "pools": (small,),
            "accepted": (),
        }
    )


def _chosen_markets(pool: PoolConfig) -> tuple[MarketConfig, ...]:
    """The first market that is collateral and the first other one with a borrow cap, in the file's order."""
    if len(pool.markets) <= MARKETS:
        return pool.markets
    collateral = next((m for m in pool.markets if m.ltv and m.supply_cap), pool.markets[0])
    others = [m for m in pool.markets if m is not collateral]
    borrowed = next((m for m in others if m.borrow_cap), others[0])
    return tuple(m for m in pool.markets if m is collateral or m is borrowed)


def _small_market(market: MarketConfig) -> MarketConfig:
    """A market at the small scale; what is 0 (no cap, no bound, no age) stays 0."""
    bound = market.price_bound and max(1, UNIT_PRICE * market.price_bound // max(market.price, 1))
    return market.model_copy(
        update={
            "price": UNIT_PRICE,
            "price_bound": min(bound, 4 * UNIT_PRICE),
            "max_price_age": market.max_price_age and LONG_STEP - 1,
            "supply_cap": market.supply_cap and SUPPLY_CAP,
            "borrow_cap": market.borrow_cap and BORROW_CAP,
            "wallet": WALLET,
            "max_rate": HIGHEST_RATE,
            "rate_model": _steep(market.rate_model),
        }
    )


def _steep(rates: RateModelConfig) -> RateModelConfig:
    """A rate model of the same kind, and the same kink, that reaches the highest rate at full utilisation."""
    jump = rates.kind == "jump"
    return rates.model_copy(
        update={
            "base_rate_per_year": 0,
            "multiplier_per_year": HIGHEST_RATE // 2 if jump else HIGHEST_RATE,
            "jump_multiplier_per_year": 2 * HIGHEST_RATE if jump else 0,
            "slots_per_year": 1,
        }
    )


# --- what can be done in it -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Held:
    """A place in an action's arguments for all or half of what an account has in a ledger of a market."""

    asset: str
    account: Account
    ledger: str

    def amounts(self, state: Any) -> tuple[int, ...]:
        """What stands in the place in a state; nothing where the account has nothing."""
        held: int = getattr(dict.__getitem__(state.markets, self.asset), self.ledger)[self.account]
        return (held, held // 2) if held > 1 else (1,) if held == 1 else ()


@dataclass(frozen=True, slots=True)
class Template:
    """An action with arguments of which some depend on the state."""

    action: Action
    arguments: tuple[Any, ...]

    @property
    def assets(self) -> set[str]:
        """The markets whose ledgers have to be looked at."""
        return {argument.asset for argument in self.arguments if isinstance(argument, Held)}

    def calls(self, state: Any) -> Iterator[Call]:
        """The calls that it stands for in a state."""
        options = [a.amounts(state) if isinstance(a, Held) else (a,) for a in self.arguments]
        return ((self.action, arguments) for arguments in product(*options))


def templates(model: Model, users: tuple[Account, ...], assets: tuple[str, ...]) -> Iterator[Template]:
    """Everything that can be done in a small world: every account, every market, and a few numbers.

    The numbers of a parameter change move together, so that there is one change of each kind for each market.
    """
    for action in model.actions:
        names = list(action.domains)
        for values in product(*(_values(domain, users, assets) for domain in action.domains.values())):
            named = dict(zip(names, values, strict=True))
            arguments = tuple(
                _held(action, named, domain) if values[position] is None else values[position]
                for position, domain in enumerate(action.domains.values())
            )
            yield Template(action, arguments)


def _values(domain: Domain, users: tuple[Account, ...], assets: tuple[str, ...]) -> tuple[Any, ...]:
    """The values of an argument; None for one that depends on the state."""
    match domain.kind:
        case "user":
            return users
        case "asset":
            return assets
        case "pool" | "line":
            raise UsageError("a system of several pools has no small world", cure="explore a protocol of one pool")
        case "tokens":
            return AMOUNTS
        case "price":
            return PRICES
        case "slots":
            return STEPS
        case "cap":
            return (1,)
        case "factor" | "rate":
            return ((domain.high or WAD) // 2,)
        case "shares" | "debt_shares":
            return (None,)
        case "flag" | "assets" | "orders" | "pausables" | "rate_model" | "name":
            raise UsageError("a deployed contract has no small world", cure="explore a protocol of the reference model")


def _held(action: Action, named: dict[str, Any], domain: Domain) -> Held | int:
    """What the acting account has of the market; one unit where the action has no account."""
    account = next((named[name] for name, each in action.domains.items() if each.kind == "user"), None)
    if account is None or domain.of is None:
        return 1
    return Held(named[domain.of], account, "debts" if domain.kind == "debt_shares" else "shares")


# --- where it starts --------------------------------------------------------------------------------------


def openings(model: Model, users: tuple[Account, ...], assets: tuple[str, ...]) -> list[list[Call]]:
    """Ways into the world: nothing; every user has supplied and entered every market; and the first one owes.

    Without the second and the third, borrowing or liquidating anything would use up the whole depth.  A model
    that does not have these actions is explored from the first alone.
    """
    known = {action.name: action for action in model.actions}
    if not {"deposit", "enter", "borrow"} <= set(known):
        return [[]]
    supplied: list[Call] = []
    for user, asset in product(users, assets):
        supplied += [(known["deposit"], (user, asset, 2)), (known["enter"], (user, asset))]
    return [[], supplied, [*supplied, (known["borrow"], (users[0], assets[-1], 2))]]
