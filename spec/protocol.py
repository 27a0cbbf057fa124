"""The protocol file: pools, markets, their parameters, and the findings that its owners accept.

These models say what is *well formed*: types, ranges inside the word sizes, no duplicates. Whether
a protocol is *safe* is for the invariants to decide: a threshold below the loan-to-value, or an
incentive that outgrows the collateral, loads here and is refuted with a trace.

Units: a wad is scaled by 1e18; an amount is in an asset's smallest unit; a price is in US dollars
per whole token times 10^(36 - decimals), so that amount x price is a value of 1e36 to the dollar
whatever the decimals; a slot is the chain's unit of time, a block or a second.
"""

from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from .arithmetic import WAD
from .fields import (
    LONGEST_TIME,
    Amount,
    Cap,
    Count,
    Day,
    Emission,
    Entries,
    Factor,
    FileTable,
    Index,
    Line,
    Name,
    Price,
    Shares,
    SlotRate,
    Slug,
    Value,
    YearlyRate,
    ill_formed,
)
from .policy import Policy

SCHEMA = "poolproof.protocol/1"
"""What `schema` must say: the format of the file, and its version."""

MOST_POOLS = 256
MOST_MARKETS = 64
MOST_USERS = 64
MOST_ACCEPTED = 256
LARGEST_DEFAULT_WALLET = 2**100
"""Where the derived wallet stops [smallest unit], so that markets without a cap stay in range."""


def _unique_users(users: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse an account that is named twice."""
    for position, user in enumerate(users):
        if user in users[:position]:
            raise ill_formed("is named twice", "give each user another name", (position,), value=user)
    return users


def _unique_pools(pools: "tuple[PoolConfig, ...]") -> "tuple[PoolConfig, ...]":
    """Refuse two pools with one id."""
    seen: set[str] = set()
    for position, pool in enumerate(pools):
        if pool.id in seen:
            cure = "give each pool another id"
            raise ill_formed("is the id of an earlier pool", cure, (position, "id"), value=pool.id)
        seen.add(pool.id)
    return pools


def _unique_assets(markets: "tuple[MarketConfig, ...]") -> "tuple[MarketConfig, ...]":
    """Refuse two markets of one asset in a pool."""
    seen: set[str] = set()
    for position, market in enumerate(markets):
        if market.asset in seen:
            rule = "is the asset of an earlier market of this pool"
            cure = "list each asset once in a pool"
            raise ill_formed(rule, cure, (position, "asset"), value=market.asset)
        seen.add(market.asset)
    return markets


def _unique_acceptances(accepted: "tuple[Accepted, ...]") -> "tuple[Accepted, ...]":
    """Refuse two acceptances of one invariant: it would be unclear which of them has to hold."""
    seen: set[str] = set()
    for position, entry in enumerate(accepted):
        if entry.invariant in seen:
            rule, cure = "is accepted twice", "keep one [[accepted]] for each invariant"
            raise ill_formed(rule, cure, (position, "invariant"), value=entry.invariant)
        seen.add(entry.invariant)
    return accepted


def _shared_assets_agree(pools: "tuple[PoolConfig, ...]") -> "tuple[PoolConfig, ...]":
    """Refuse markets that differ in what they share: an asset has one number of decimals, a feed one answer."""
    decimals: dict[str, int] = {}
    feeds: dict[str, tuple[int, int, int]] = {}
    for place, pool in enumerate(pools):
        for position, market in enumerate(pool.markets):
            where = (place, "markets", position)
            if decimals.setdefault(market.asset, market.decimals) != market.decimals:
                cure = "write the same decimals in all pools, or give the asset another name"
                rule = "differs from the same asset's in an earlier pool"
                raise ill_formed(rule, cure, (*where, "decimals"), value=market.decimals)
            answer = (market.price, market.price_bound, market.max_price_age)
            if feeds.setdefault(market.oracle or market.asset, answer) != answer:
                rule = "has another price, bound or age than an earlier market with the same oracle"
                cure = "write the same three values, or name another oracle for this market"
                raise ill_formed(rule, cure, (*where, "price"), value=str(market.price))
    return pools


def _lines_have_a_core(pools: "tuple[PoolConfig, ...]") -> "tuple[PoolConfig, ...]":
    """Refuse a second core pool, and a line that nobody lends over."""
    core: PoolConfig | None = None
    for place, pool in enumerate(pools):
        if pool.kind == "core":
            if core is not None:
                raise ill_formed("is a second core pool", 'write kind = "isolated"', (place, "kind"), value=pool.id)
            core = pool
    lenders = {market.asset for market in core.markets} if core else set()
    for place, pool in enumerate(pools):
        for position, market in enumerate(pool.markets):
            where = (place, "markets", position, "line")
            if market.line is not None and pool.kind == "core":
                raise ill_formed("is a line of the core pool itself", "remove it", where, value=market.asset)
            if market.line is not None and market.asset not in lenders:
                cure = 'list the asset in a pool with kind = "core", or remove the line'
                raise ill_formed("draws on no core market", cure, where, value=market.asset)
    return pools


def _routes_lead_to_a_main_pool(pools: "tuple[PoolConfig, ...]") -> "tuple[PoolConfig, ...]":
    """Refuse a satellite whose loan asset cannot become collateral where it is said to."""
    by_id = {pool.id: pool for pool in pools}
    for place, pool in enumerate(pools):
        if pool.main is None:
            continue
        main, where = by_id.get(pool.main), (place, "main")
        if main is None or main.kind != "isolated":
            cure = 'name a pool with kind = "isolated", or remove main'
            raise ill_formed("is not the id of an isolated pool", cure, where, value=pool.main)
        if pool.bridge not in {market.asset for market in main.markets}:
            cure = f'list "{pool.bridge}" in that pool, or remove main'
            raise ill_formed("does not list the loan asset of the satellite", cure, where, value=pool.main)
        if any(market.line is not None for market in main.markets):
            cure = "remove the lines of that pool, or remove main"
            raise ill_formed("draws on a credit line", cure, where, value=pool.main)
    return pools


def _default_wallet(market: dict[str, Any]) -> int:
    """Give each user what fills the supply cap, at least one whole token, at most 2^100."""
    whole_token: int = 10 ** market["decimals"]
    supply_cap: int = market["supply_cap"]
    return min(max(supply_cap, whole_token), LARGEST_DEFAULT_WALLET)


class RateModelConfig(FileTable):
    """How the borrow rate follows utilisation: a line, or a line with a steeper part.

    Models: `WhitePaperInterestRateModel` (white-paper) and `JumpRateModelV2` (jump) of the Compound
    family, whose yearly figures are divided by `slots_per_year`, rounding down.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "if": {"properties": {"kind": {"const": "jump"}}},
            "then": {"required": ["jump_multiplier_per_year", "kink"]},
            "else": {"properties": {"jump_multiplier_per_year": {"const": "0"}}},
        }
    )

    kind: Literal["jump", "white-paper"] = Field(
        description='"jump" (steeper above the kink) or "white-paper" (one straight line)'
    )
    base_rate_per_year: YearlyRate = Field(description="borrow rate at no utilisation [wad per year]")
    multiplier_per_year: YearlyRate = Field(
        description="rise of the borrow rate from no to full utilisation, below the kink [wad per year]"
    )
    jump_multiplier_per_year: YearlyRate = Field(
        default=0,
        description="the same above the kink [wad per year]; required for jump, 0 for white-paper",
    )
    kink: Factor = Field(
        default=WAD,
        description="utilisation from which the jump multiplier applies [wad]; required for jump, "
        "without effect for white-paper",
    )
    slots_per_year: Annotated[int, Count(1, LONGEST_TIME)] = Field(
        description="divisor from yearly rates to rates per slot [slots per year]; a block or a "
        "second is one slot, the same in all markets"
    )

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        """Require what the jump model needs, and refuse a jump in a straight line."""
        if self.kind == "jump":
            for key in ("jump_multiplier_per_year", "kink"):
                if key not in self.model_fields_set:
                    cure = f'add {key}, or write kind = "white-paper"'
                    raise ill_formed("is missing for the jump rate model", cure, (key,), absent=True)
        elif self.jump_multiplier_per_year:
            rule = "is a jump, which the white-paper rate model does not have"
            cure = 'write "0", or kind = "jump"'
            jump = str(self.jump_multiplier_per_year)
            raise ill_formed(rule, cure, ("jump_multiplier_per_year",), value=jump)
        return self


class LineConfig(FileTable):
    """A credit line: what a market of an isolated pool may draw from the core pool's market of the same asset."""

    limit: Cap = Field(description="largest amount owed on the line, interest included, at a draw [smallest unit]")
    debt_ceiling: Cap = Field(
        default=2**112 - 1,
        description="largest amount owed by all borrowers of the market, at a borrow [smallest unit]; "
        '"5192296858534827628530496329220095" (2^112 - 1): no ceiling',
    )
    premium_per_year: YearlyRate = Field(
        default=0, description="risk premium on top of the core's rate and the pool's own [wad per year]"
    )
    first_loss: Amount = Field(
        default=0, description="reserve that pays first when the line loses principal, at the start [smallest unit]"
    )


class RewardsConfig(FileTable):
    """What a market's suppliers and borrowers are given besides interest."""

    token: Name = Field(description="name of the reward token; an asset of the file, or any other")
    supplier_emission: Emission = Field(default=0, description="rewards of all suppliers [smallest unit per slot]")
    borrower_emission: Emission = Field(default=0, description="rewards of all borrowers [smallest unit per slot]")
    vault: Amount = Field(default=0, description="reward tokens from which they are paid, at the start [smallest unit]")


class VTokenConfig(FileTable):
    """What a market of the deployed Venus pools has besides, as PoolRegistry.addMarket leaves it."""

    initial_supply: Amount = Field(
        default=0, description='first supply of the market, held by the account "seed" [smallest unit]'
    )
    protocol_seize_share: Factor = Field(
        default=WAD // 20, description="the protocol's share of what liquidations seize, of the repaid value [wad]"
    )
    sweep_interval: Annotated[int, Count(0, LONGEST_TIME)] = Field(
        default=0, description="least time between two sweeps of the reserves [slots]; 0: at every accrual"
    )


class ComptrollerConfig(FileTable):
    """What a deployed Venus pool has besides."""

    counts_donations: bool = Field(
        default=False, description="whether cash is the token balance, as before 4.4.0; if not, it is counted"
    )


class MarketConfig(FileTable):
    """One asset of a pool: what it is worth, how much may be supplied and borrowed, and at what rate."""

    asset: Name = Field(description="name of the asset, unique in its pool")
    decimals: Annotated[int, Count(0, 36)] = Field(
        description="decimals of the asset: one whole token is 10^decimals smallest units"
    )
    price: Price = Field(
        description="price at the start of concrete runs [US dollars per whole token x "
        "10^(36 - decimals)], so that amount x price is 1e36 to the dollar; 0: the oracle has none"
    )
    price_bound: Price = Field(
        default=0,
        description="highest price at which collateral counts [scaled as price]; 0: no bound",
    )
    max_price_age: Annotated[int, Count(0, LONGEST_TIME)] = Field(
        default=0, description="age from which a price is stale [slots]; 0: never stale"
    )
    ltv: Factor = Field(description="loan-to-value: share of the collateral's value that can be borrowed [wad]")
    liquidation_threshold: Factor = Field(
        description="share of the collateral's value that debt may reach before liquidation [wad]"
    )
    reserve_factor: Factor = Field(description="share of the interest that goes to the pool's reserves [wad]")
    supply_cap: Cap = Field(
        description="largest amount supplied, and counted as collateral [smallest unit]; "
        '"5192296858534827628530496329220095" (2^112 - 1): no cap'
    )
    borrow_cap: Cap = Field(
        description="largest amount owed by all borrowers [smallest unit]; "
        '"5192296858534827628530496329220095" (2^112 - 1): no cap'
    )
    virtual_shares: Shares = Field(
        default=1,
        description="shares that nobody holds, against inflation of the share price [share]",
    )
    share_limit: Shares = Field(default=2**180, description="most shares that a market may issue [share]")
    index_ceiling: Index = Field(default=2**20 * WAD, description="where the borrow index stops growing [wad]")
    max_rate: SlotRate = Field(default=5_000_000_000_000, description="highest borrow rate [wad per slot]")
    rate_model: RateModelConfig = Field(description="how the borrow rate follows utilisation")
    oracle: Name | None = Field(
        default=None,
        description="name of the price feed, shared by all markets that name it; default: the asset",
    )
    line: LineConfig | None = Field(default=None, description="the credit line that the market draws on")
    rewards: RewardsConfig | None = Field(default=None, description="the rewards of the market")
    venus: VTokenConfig | None = Field(default=None, description="what the model venus needs besides")
    listed: bool = Field(
        default=True,
        description="whether the market is listed at the start; if not, it begins without a rate model and its pool's "
        "approval, and the actions of the registry can list it",
    )
    wallet: Amount = Field(
        default_factory=_default_wallet,
        description="amount that each user starts with in concrete runs [smallest unit]; default: "
        "supply_cap, at least one whole token, at most 2^100",
    )


class PoolConfig(FileTable):
    """One pool: markets that share accounts and liquidation; with another pool at most feeds and a credit line."""

    id: Name = Field(description="name of the pool, unique in the file")
    kind: Literal["isolated", "core", "satellite"] = Field(
        default="isolated",
        description='"core" for the one pool that lends over credit lines, "satellite" for a pool of one collateral '
        'and one loan asset, else "isolated"',
    )
    registered: bool = Field(
        default=True,
        description="whether the pool is registered at the start; if not, none of its markets is listed",
    )
    main: Name | None = Field(
        default=None,
        description="id of the pool in which a satellite's loan asset becomes collateral in one step; default: none",
    )
    release_period: Annotated[int, Count(1, LONGEST_TIME)] = Field(
        default=604_800,
        description="time over which interest that lines paid becomes the core suppliers' [slots]; "
        "without effect for an isolated pool",
    )
    venus: ComptrollerConfig | None = Field(default=None, description="what the model venus needs besides")
    close_factor: Factor = Field(description="share of a debt that one liquidation may repay [wad]")
    liquidation_incentive: Factor = Field(
        description="collateral seized for each unit of value repaid [wad]; 1.1e18: ten per cent more than was repaid"
    )
    dust_value: Value = Field(
        description="collateral value at or below which a write-off may forfeit it [amount x price: "
        "1e36 to the US dollar]"
    )
    markets: Annotated[
        tuple[MarketConfig, ...],
        Entries(1, MOST_MARKETS, "write a table [[pools.markets]] for each market"),
        AfterValidator(_unique_assets),
    ] = Field(description=f"the markets of the pool, 1 to {MOST_MARKETS}")

    @property
    def stands_alone(self) -> bool:
        """Whether all that concerns the pool is in it: it lends over no line, and needs no registry and no rewards."""
        listed = self.registered and all(market.listed for market in self.markets)
        return listed and self.kind != "core" and all(market.rewards is None for market in self.markets)

    @property
    def collateral(self) -> str:
        """The asset that a satellite takes and never lends."""
        return next(market.asset for market in self.markets if market.borrow_cap == 0)

    @property
    def bridge(self) -> str:
        """The asset that a satellite lends."""
        return next(market.asset for market in self.markets if market.borrow_cap > 0)

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        """Require the two sides of a satellite, and refuse a route from another pool."""
        if self.kind != "satellite":
            if self.main is not None:
                cure = 'write kind = "satellite", or remove it'
                raise ill_formed("is a route, which only a satellite has", cure, ("main",), value=self.main)
            return self
        if len(self.markets) != 2 or any(market.line is not None for market in self.markets):
            rule = "are not the two markets without a line that a satellite has"
            raise ill_formed(rule, 'list one collateral and one loan asset, or write kind = "isolated"', ("markets",))
        lent = [market for market in self.markets if market.borrow_cap > 0]
        if len(lent) != 1 or lent[0].liquidation_threshold > 0 or lent[0].ltv > 0:
            rule = "are not one collateral and one loan asset"
            cure = 'give the collateral borrow_cap = "0", and the loan asset ltv and liquidation_threshold "0"'
            raise ill_formed(rule, cure, ("markets",))
        return self


class Accepted(FileTable):
    """A finding that the owners accept, and what still has to hold in its place."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"required": ["weakened"], "not": {"required": ["depth"]}},
                {"required": ["depth"], "not": {"required": ["weakened"]}},
            ]
        }
    )

    invariant: Name = Field(description="id of the invariant whose violation is accepted")
    reason: Annotated[str, Line(1000)] = Field(description="why it is accepted, in one line")
    weakened: Name | None = Field(default=None, description="id of the weaker claim that must stay proved")
    depth: Annotated[int, Count(1, 1_000_000)] | None = Field(
        default=None, description="number of actions up to which the invariant must still hold"
    )
    expires: Annotated[date, Day()] | None = Field(
        default=None, description="first day on which the acceptance no longer counts"
    )
    owner: Annotated[str, Line(200)] | None = Field(default=None, description="who answers for it")

    @model_validator(mode="after")
    def _says_what_still_holds(self) -> Self:
        """Require exactly one of the weaker claim and the depth."""
        if self.weakened is None and self.depth is None:
            rule = "says neither weakened nor depth"
            cure = "add weakened (the id of a weaker claim) or depth (a number of actions)"
            raise ill_formed(rule, cure, value=self.invariant)
        if self.weakened is not None and self.depth is not None:
            rule = "says both weakened and depth"
            raise ill_formed(rule, "keep the one that has to hold", value=self.invariant)
        return self


class Protocol(FileTable):
    """A whole protocol: everything that a run or a proof needs to know about it.

    Assumes: within `horizon` slots each market is touched, because a longer silence is outside the
    region of the theorems; prices move freely, `price` is only where concrete runs begin.
    """

    model_config = ConfigDict(
        title="poolproof protocol file",
        json_schema_extra={"$schema": "https://json-schema.org/draft/2020-12/schema"},
    )

    schema_: Literal["poolproof.protocol/1"] = Field(alias="schema", description="format and version of the file")
    name: Slug = Field(description="short lower-case name of the protocol")
    title: Annotated[str, Line(200)] = Field(description="name of the protocol in full")
    source: Annotated[str, Line(1000)] = Field(description="where the parameters come from")
    model: Name = Field(default="reference", description="name of the model: reference, or one that is installed")
    horizon: Annotated[int, Count(1, LONGEST_TIME)] = Field(
        description="longest time between two accruals of a market [slots]"
    )
    users: Annotated[
        tuple[Name, ...],
        Entries(1, MOST_USERS, 'write names in brackets, like ["alice", "bob"]'),
        AfterValidator(_unique_users),
    ] = Field(
        default=("alice", "bob", "carol", "dave"),
        description="accounts of concrete runs; proofs hold for any number of users",
    )
    pools: Annotated[
        tuple[PoolConfig, ...],
        Entries(1, MOST_POOLS, "write a table [[pools]] for each pool"),
        AfterValidator(_unique_pools),
        AfterValidator(_shared_assets_agree),
        AfterValidator(_lines_have_a_core),
        AfterValidator(_routes_lead_to_a_main_pool),
    ] = Field(description=f"the pools, 1 to {MOST_POOLS}")
    accepted: Annotated[
        tuple[Accepted, ...],
        Entries(0, MOST_ACCEPTED, "write a table [[accepted]] for each finding"),
        AfterValidator(_unique_acceptances),
    ] = Field(default=(), description="findings that the owners accept")
    policy: Policy | None = Field(default=None, description="how far a proposal may go")

    @model_validator(mode="after")
    def _policy_names_what_there_is(self) -> Self:
        """Refuse a rule about a pool or an asset that the file does not have."""
        if self.policy is not None:
            self.policy.require_names({(pool.id, market.asset) for pool in self.pools for market in pool.markets})
        return self

    def canonical_json(self) -> dict[str, Any]:
        """Give the whole protocol as JSON data that `model_validate` reads back unchanged.

        Defaults are written out, so that a trace that embeds it replays alone, also after a
        default has changed. Keys without a value are left out.
        """
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)
