"""What stands around the deployed Venus pools: the registry, the distributors of rewards, and the auctions; computed.

None of them is in the state of a model that a protocol file names, so what fails is told in words, with its numbers.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

from poolproof.models.deployed.venus import shortfall
from poolproof.models.deployed.venus.build import FIRST_SUPPLIER, PoolStart
from poolproof.models.deployed.venus.governance import (
    set_actions_paused,
    set_collateral_factor,
    set_market_borrow_caps,
    set_market_supply_caps,
    unlist_market,
)
from poolproof.models.deployed.venus.market import VToken, borrow_balance
from poolproof.models.deployed.venus.model import enter_market, market_start
from poolproof.models.deployed.venus.pool import SHORTFALL, Comptroller, Pausable
from poolproof.models.deployed.venus.pools import SEPARATOR, SEVERAL, Deployment, pass_time, place_of
from poolproof.models.deployed.venus.registry import (
    NOBODY,
    PoolRegistry,
    RegistryStart,
    add_market,
    add_pool,
    all_pools,
    build,
    home_of,
    pair,
    pool_by_comptroller,
    pools_supported_by_asset,
    set_pool_name,
    support_market_directly,
    vtoken_for_asset,
)
from poolproof.models.deployed.venus.registry import pass_time as pass_blocks
from poolproof.models.deployed.venus.rewards import (
    DOUBLE,
    INITIAL_INDEX,
    MAX_UINT32,
    MAX_UINT224,
    add_rewards_distributor,
    claim_all_reward_tokens,
    claim_reward_token,
    deploy_distributor,
    per_index,
    set_reward_token_speeds,
)
from poolproof.models.deployed.venus.shortfall import RISK_FUND, Shortfall, Status
from poolproof.models.deployed.venus.users import borrow, mint
from poolproof.models.deployed.word import MAX_UINT256
from poolproof.spec.action import perform
from poolproof.spec.arithmetic import WAD
from poolproof.spec.protocol import Protocol

from .limits import Told, limit_of
from .quantities import Figures
from .snapshots import copy_state

OWNER = "owner"
"""Who adds pools and markets, and has their first supplies."""
UNLISTED = "unlisted"


# --- V3: rewards ------------------------------------------------------------------------------------------

REWARDS = "rewards"
"""The distributor that each pool gets."""
FUNDS = 10**30
REWARDED = 1000
"""How long rewards run [slots]."""
LENT = 10**12
"""What is borrowed in each market that lends [smallest unit]."""
LONG = 2**33
"""More blocks than 32 bits hold."""

Speeds = dict[str, tuple[int, int]]
"""Of each market, the speeds of its suppliers' and of its borrowers' rewards [reward tokens per slot]."""
Paid = dict[tuple[str, str], int]
"""What was paid, by market and account [reward tokens]."""


def every_market_has_its_own_rewards(protocol: Protocol) -> Figures:
    """Give every market of every pool speeds of its own, then change one market's: who is paid what, and where."""
    figures = Figures()
    deployment = _with_distributors(protocol, FUNDS)
    speeds = {name: ((2 * n + 1) * 10**15, (2 * n + 2) * 10**15) for n, name in enumerate(deployment.markets)}
    paid = _paid(deployment, speeds)
    lending = {name for name, market in deployment.markets.items() if market.principal["bob"]}
    for name, market in deployment.markets.items():
        due = _due(market, speeds[name])
        for who, exactly in due.items():
            got = paid[name, who]
            figures.check(0 <= exactly - got < 2, f"{who} is paid {got} in {name}, its part is {exactly}")
        got_by_all = sum(paid[name, who] for who in due)
        emitted = (speeds[name][0] + (speeds[name][1] if name in lending else 0)) * REWARDED
        figures.check(0 < got_by_all <= emitted, f"{got_by_all} are paid in {name}, where {emitted} were emitted")
        changed = speeds | {name: (2 * speeds[name][0], 3 * speeds[name][1])}
        other = _paid(deployment, changed)
        moved = {place for place in paid if paid[place] != other[place]}
        figures.check({place for place, _ in moved} == {name}, f"the speeds of {name} move {sorted(moved)}")
    figures.lines += [
        (
            f"{len(paid)} claims of suppliers and borrowers in {len(speeds)} markets of {len(deployment.pools)} pools: "
            f"each is paid its part of what its market emits, in {len(lending)} markets as a borrower too; "
            f"{', '.join(sorted(set(speeds) - lending)) or 'none'} lend nothing"
        ),
        f"{len(speeds)} changes of one market's speeds each moved what is paid there, and nowhere else",
    ]
    _limit_rewards(protocol, figures)
    return figures


def _with_distributors(protocol: Protocol, funds: int) -> Deployment:
    """The pools, with a distributor each; bob has entered the best collateral of each, and borrows all that is lent."""
    deployment: Deployment = SEVERAL.build(protocol)
    for pool in deployment.pools.values():
        deploy_distributor(pool, REWARDS, {REWARDS: funds})
        told = Told()
        told.do(pool, add_rewards_distributor, REWARDS)
        best = max(pool.markets.values(), key=lambda market: market.collateral_factor).name
        pledge = _room(pool.markets[best]) // 10
        told.do(pool, mint, "bob", best, pledge)
        told.do(pool, enter_market, "bob", best)
        for name in pool.markets:
            if pool.seen(name).borrow_cap:
                told.do(pool, borrow, "bob", name, min(LENT, pool.seen(name).cash // 10))
    return deployment


def _room(market: VToken) -> int:
    """How much bob can supply."""
    held: int = market.underlying["bob"]
    return min(held, market.supply_cap - market.cash)


def _paid(deployment: Deployment, speeds: Speeds) -> Paid:
    """Set the speeds in a copy, let time pass, and claim in every market for everybody."""
    twin = copy_state(deployment)
    told = Told()
    for name, (supply, debt) in speeds.items():
        told.do(twin.pools[place_of(name)[0]], set_reward_token_speeds, REWARDS, name, supply, debt)
    told.do(twin, pass_time, REWARDED)
    paid = {}
    for name in speeds:
        pool = twin.pools[place_of(name)[0]]
        balances = pool.distributors[REWARDS].balances
        for who in _due(pool.markets[name], speeds[name]):
            before = balances[who]
            told.do(pool, claim_reward_token, who, REWARDS, who, (name,))
            paid[name, who] = balances[who] - before
    return paid


def _due(market: VToken, speeds: tuple[int, int]) -> dict[str, Fraction]:
    """The part of what a market emits that belongs to each holder of vTokens or debt."""
    supply, debt = (speed * REWARDED for speed in speeds)
    due: dict[str, Fraction] = {}
    total = per_index(market.total_borrows, market.borrow_index)
    for who in (FIRST_SUPPLIER, "bob"):
        owed = per_index(borrow_balance(market, who), market.borrow_index)
        due[who] = Fraction(supply * market.tokens[who], market.total_supply)
        due[who] += Fraction(debt * owed, total) if owed else 0
    return {who: part for who, part in due.items() if part}


def _limit_rewards(protocol: Protocol, figures: Figures) -> None:
    """Where a market's rewards stop: without funds, off the list, past 32 bits, beyond a word."""
    alone = _with_distributors(protocol.model_copy(update={"pools": protocol.pools[:1]}), FUNDS)
    chosen = next(iter(alone.markets))
    speed = 10**15

    def start(told: Told, funds: int, of: int = speed) -> tuple[Deployment, Comptroller]:
        deployment = copy_state(alone)
        pool = deployment.pools[place_of(chosen)[0]]
        pool.distributors[REWARDS].balances[REWARDS] = funds
        told.do(pool, set_reward_token_speeds, REWARDS, chosen, of, 0)
        return deployment, pool

    def claimed(told: Told, deployment: Deployment, pool: Comptroller) -> int:
        told.do(deployment, pass_time, REWARDED)
        told.do(pool, claim_reward_token, FIRST_SUPPLIER, REWARDS, FIRST_SUPPLIER, (chosen,))
        paid: int = pool.distributors[REWARDS].balances[FIRST_SUPPLIER]
        return paid

    due = claimed(Told(), *start(Told(), FUNDS))

    def funded(funds: int) -> Told:
        told = Told(within=funds >= due)
        paid = claimed(told, *start(told, funds))
        if paid != due:
            told.failure = f"of {due} that {FIRST_SUPPLIER} is due {paid} are paid, while the distributor has {funds}"
        return told

    def at_block(block: int) -> Told:
        told = Told(within=block <= MAX_UINT32)
        deployment, pool = start(told, FUNDS)
        told.do(deployment, pass_time, block - deployment.now)
        refusals = [
            told.attempt(pool, claim_reward_token, FIRST_SUPPLIER, REWARDS, FIRST_SUPPLIER, (chosen,)),
            told.attempt(pool, mint, "alice", chosen, LENT),
        ]
        if any(refusals):
            told.failure = f"at block {block} a claim and a deposit end in: {refusals[0]}; {refusals[1]}"
        return told

    def emitting(of: int) -> Told:
        told = Told()
        deployment, pool = start(told, FUNDS, of)
        grown = of * DOUBLE // pool.markets[chosen].total_supply
        told.within = of * DOUBLE <= MAX_UINT256 and INITIAL_INDEX + grown <= MAX_UINT224
        told.do(deployment, pass_time, 1)
        refusal = told.attempt(pool, mint, "alice", chosen, LENT)
        if refusal is not None:
            told.failure = f"a deposit is refused, and its rewards with it: {refusal}"
        return told

    def listed(how: str) -> Told:
        told = Told(within=how != UNLISTED)
        deployment, pool = start(told, FUNDS)
        told.do(deployment, pass_time, REWARDED)
        if how == UNLISTED:
            _unlist(told, pool, chosen)
        every = [place for place in pool.markets if pool.markets[place].listed or place == chosen]
        refusal = told.attempt(pool, claim_reward_token, FIRST_SUPPLIER, REWARDS, FIRST_SUPPLIER, tuple(every))
        whole = told.attempt(pool, claim_all_reward_tokens, FIRST_SUPPLIER, REWARDS, FIRST_SUPPLIER)
        if refusal is not None:
            told.failure = f"what {chosen} owed {FIRST_SUPPLIER} cannot be claimed: {refusal}; in all markets: {whole}"
        return told

    figures.limits += [
        limit_of(
            "the distributor holds all that a claim is due, which it pays whole or not at all; what borrowers are due "
            "can exceed what was emitted, as REW-1 says",
            funded,
            2 * due,
            0,
        ),
        limit_of("the market is listed when its rewards are claimed", listed, "listed", UNLISTED),
        limit_of("blocks fit the 32 bits in which distributors keep them", at_block, REWARDED, LONG),
        limit_of(
            "what a market emits between two settlements, x 1e36, fits a word, and its index 224 bits",
            emitting,
            speed,
            MAX_UINT256,
        ),
    ]


def _unlist(told: Told, pool: Comptroller, name: str) -> None:
    """All that taking a market off the list asks for."""
    told.do(pool, set_actions_paused, name, tuple(map(int, Pausable)), True)
    told.do(pool, set_market_supply_caps, name, 0)
    told.do(pool, set_market_borrow_caps, name, 0)
    told.do(pool, set_collateral_factor, name, 0, pool.seen(name).liquidation_threshold)
    told.do(pool, unlist_market, name)


# --- the registry of a protocol ---------------------------------------------------------------------------


def empty_directory(protocol: Protocol) -> PoolRegistry:
    """The pools of a protocol with their markets deployed, and nothing added."""
    pools, assets = {}, {}
    balances: dict[str, dict[str, int]] = {}
    for config in protocol.pools:
        starts = []
        for each in config.markets:
            start = market_start(each, protocol.users)
            name = f"{config.id}{SEPARATOR}{each.asset}"
            assets[name] = each.asset
            wallets = balances.setdefault(each.asset, {OWNER: 0})
            wallets[OWNER] += start.initial_supply
            for who, held in start.wallets.items():
                wallets[who] = max(held, wallets.get(who, 0))
            starts.append(replace(start, name=name))
        pools[config.id] = PoolStart(
            now=1,
            users=protocol.users,
            close_factor=config.close_factor,
            liquidation_incentive=config.liquidation_incentive,
            min_liquidatable_collateral=config.dust_value // WAD,
            max_borrow_rate=config.markets[0].max_rate,
            counts_donations=False,
            markets=tuple(starts),
        )
    return build(RegistryStart(1, 1, pools, assets, balances))


def to_add(protocol: Protocol) -> tuple[dict[str, tuple[Any, ...]], dict[str, tuple[Any, ...]]]:
    """The arguments with which each pool and each market is added; a first supply is cut to the cap."""
    pools: dict[str, tuple[Any, ...]] = {}
    markets: dict[str, tuple[Any, ...]] = {}
    for config in protocol.pools:
        incentive, minimum = config.liquidation_incentive, config.dust_value // WAD
        pools[config.id] = (OWNER, config.id, config.id, config.close_factor, incentive, minimum)
        for each in config.markets:
            start = market_start(each, protocol.users)
            supply = min(start.initial_supply, start.supply_cap)
            factors = start.collateral_factor, start.liquidation_threshold
            caps = start.supply_cap, start.borrow_cap
            name = f"{config.id}{SEPARATOR}{each.asset}"
            markets[name] = (OWNER, name, *factors, supply, FIRST_SUPPLIER, *caps)
    return pools, markets


def full_directory(protocol: Protocol) -> PoolRegistry:
    """The pools of a protocol, each added with its markets."""
    registry, told = empty_directory(protocol), Told()
    pools, markets = to_add(protocol)
    for arguments in pools.values():
        told.do(registry, add_pool, *arguments)
    for arguments in markets.values():
        told.do(registry, add_market, *arguments)
    return registry


# --- V4: the directory ------------------------------------------------------------------------------------


def the_directory_answers_what_pools_contain(protocol: Protocol) -> Figures:
    """Add every pool and market, asking after each; then look for what the directory says that no pool has."""
    figures, told = Figures(), Told()
    registry = empty_directory(protocol)
    pools, markets = to_add(protocol)
    deployed = set(registry.comptrollers)
    order: list[str] = []
    contained: dict[str, list[str]] = {}
    asked = 0
    for pool, arguments in pools.items():
        own = [name for name in markets if place_of(name)[0] == pool]
        for name in own:
            refusal = told.attempt(registry, add_market, *markets[name])
            refused = refusal is not None and refusal.name == "PoolNotRegistered"
            figures.check(refused, f"{name} is added to a pool that is not in the directory: {refusal or 'accepted'}")
        told.do(registry, add_pool, *arguments)
        order.append(pool)
        contained[pool] = []
        for name in own:
            told.do(registry, add_market, *markets[name])
            contained[pool].append(name)
            asked += _ask(registry, order, contained, figures)
    created = set(registry.comptrollers) - deployed
    without = perform(registry, add_pool, (OWNER, "another", NOBODY, *next(iter(pools.values()))[3:]))
    figures.check(
        bool(created),
        f"addPool creates no pool: the {len(order)} Comptrollers in the directory were deployed before it, and without "
        f"one it ends in {without.name if without is not None else 'an entry'}",
    )
    cut = [name for name, each in markets.items() if each[4] < _first_supply(protocol, name)]
    figures.lines += [
        (
            f"{len(order)} pools and {len(markets)} markets are added one by one, none to a pool that was not; {asked} "
            "answers agree: the pools in order, a pool's market for an asset, the pools that support an asset"
        ),
        f"first supplies that addMarket refuses as configured, for their own cap: {', '.join(cut) or 'none'}",
    ]
    _limit_directory(protocol, figures)
    return figures


def _first_supply(protocol: Protocol, name: str) -> int:
    """The first supply that a protocol file gives a market."""
    home, asset = place_of(name)
    config = next(each for pool in protocol.pools if pool.id == home for each in pool.markets if each.asset == asset)
    return market_start(config, protocol.users).initial_supply


def _ask(registry: PoolRegistry, order: list[str], contained: dict[str, list[str]], figures: Figures) -> int:
    """Hold what the directory answers against what was added, and against what the pools list; how often it was asked."""
    answers = [(each.name, each.comptroller) for each in all_pools(registry)]
    figures.check(answers == [(pool, pool) for pool in order], f"the directory lists {answers}, added were {order}")
    asked = 1
    assets = sorted(set(registry.assets.values()))
    for pool in order:
        listed = [name for name, market in registry.comptrollers[pool].markets.items() if market.listed]
        figures.check(set(listed) == set(contained[pool]), f"{pool} lists {listed}, added were {contained[pool]}")
        for asset in assets:
            expected = next((name for name in contained[pool] if registry.assets[name] == asset), NOBODY)
            found = vtoken_for_asset(registry, pool, asset)
            figures.check(found == expected, f"the market of {pool} for {asset} is said to be {found or 'none'}")
            asked += 1
    for asset in assets:
        expected_pools = [pool for pool in order if f"{pool}{SEPARATOR}{asset}" in contained[pool]]
        found_pools = list(pools_supported_by_asset(registry, asset))
        figures.check(found_pools == expected_pools, f"{asset} is said to be supported by {found_pools}")
        asked += 1
    return asked


def _limit_directory(protocol: Protocol, figures: Figures) -> None:
    """Where the answers stop: after an unlisting, and before an addition."""
    pools, markets = to_add(protocol)

    def listed(how: str) -> Told:
        told = Told(within=how != UNLISTED)
        registry = full_directory(protocol)
        if how == UNLISTED:
            for name in markets:
                _unlist(told if name == next(iter(markets)) else Told(), registry.comptrollers[place_of(name)[0]], name)
        stale = [
            name
            for name, asset in registry.assets.items()
            if vtoken_for_asset(registry, home_of(registry, name), asset) == name
            and home_of(registry, name) in pools_supported_by_asset(registry, asset)
            and not registry.comptrollers[home_of(registry, name)].seen(name).listed
        ]
        if stale:
            pool, asset = place_of(stale[0])
            answer = vtoken_for_asset(registry, pool, asset)
            told.steps.append(f"getVTokenForAsset({pool}, {asset}) = {answer}")
            again = told.attempt(registry, add_market, *markets[stale[0]])
            told.failure = (
                f"of {len(markets)} markets that were taken off the list the directory names {len(stale)} still; "
                f"adding {stale[0]} again ends in: {again or 'its place'}"
            )
        return told

    def named(how: str) -> Told:
        told = Told(within=how == "added")
        registry = empty_directory(protocol)
        pool = next(iter(pools))
        if how == "added":
            told.do(registry, add_pool, *pools[pool])
        told.do(registry, set_pool_name, pool, "early")
        entry = pool_by_comptroller(registry, pool)
        told.steps.append(f"getPoolByComptroller({pool}) = {entry.name}, comptroller {entry.comptroller or 'none'}")
        if entry.name and entry not in all_pools(registry):
            told.failure = f"the directory answers {entry.name} for {pool}, and has {len(all_pools(registry))} pools"
        return told

    figures.limits += [
        limit_of("no market was taken off the list of its pool: answers name it for ever", listed, "listed", UNLISTED),
        limit_of("a pool was added before it was named", named, "added", "not added"),
    ]


# --- V5: how a market is added ----------------------------------------------------------------------------


def guards_of_an_addition(protocol: Protocol, figures: Figures) -> None:
    """Add every market with all mistakes at once, and mend one after the other: each guard refuses in its turn."""
    refused = 0
    pools, markets = to_add(protocol)
    expected: list[str] = []
    longest: list[str] = []
    registry = empty_directory(protocol)
    for pool, arguments in pools.items():
        names = [name for name in markets if place_of(name)[0] == pool]
        for number, name in enumerate(names):
            expected = []
            found = _staircase(registry, arguments, markets[name], expected, is_first=number == 0)
            figures.check(found == [*expected, "added"], f"{name} is refused in the order {', '.join(found)}")
            refused += len(expected)
            longest = max(longest, expected, key=len)
    once = "PoolNotRegistered"
    figures.lines.append(
        f"registry.addMarket refuses {refused} additions with mistakes, in this order: "
        f"{', '.join(dict.fromkeys(longest)).replace(once, f'{once} (once a pool)')}; it asks nothing of the rate model"
    )


def _staircase(
    registry: PoolRegistry,
    pool_arguments: tuple[Any, ...],
    right: tuple[Any, ...],
    expected: list[str],
    *,
    is_first: bool,
) -> list[str]:
    """How the additions of one market end, from all mistakes to none; what is expected is noted beside."""
    name = right[1]
    pool_id, asset = place_of(name)
    pool = registry.comptrollers[pool_id]
    market = pool.markets[name]
    price, room, held = market.price, pool.max_loops, market.underlying[OWNER]
    place = pair(pool_id, asset)
    arguments = [OWNER, NOBODY, WAD, 0, 0, NOBODY, 0, right[7]]
    registry.vtokens[place] = "another"
    pool.max_loops, market.price, market.underlying[OWNER] = 0, 0, 0
    found: list[str] = []

    def attempt(guard: str) -> None:
        expected.append(guard)
        refusal = perform(registry, add_market, tuple(arguments))
        found.append(refusal.name if refusal is not None else "added")

    attempt("ZeroAddressNotAllowed")
    arguments[1] = name
    attempt("ZeroAddressNotAllowed")
    arguments[5] = FIRST_SUPPLIER
    attempt("InitialSupplyIsZero")
    arguments[4] = right[4]
    if is_first:
        attempt("PoolNotRegistered")
        refusal = perform(registry, add_pool, pool_arguments)
        found += [f"add_pool: {refusal}"] if refusal is not None else []
    attempt("MarketExistsForAsset")
    registry.vtokens[place] = NOBODY
    direct = perform(registry, support_market_directly, (OWNER, pool_id, name))
    expected.append("UnexpectedSender")
    found.append(direct.name if direct is not None else "added past the registry")
    attempt("MaxLoopsLimitExceeded")
    pool.max_loops = room
    attempt("InvalidCollateralFactor")
    arguments[2] = right[2]
    if right[2]:
        attempt("InvalidLiquidationThreshold")
        arguments[3] = right[3]
        attempt("PriceError")
        market.price = price
    arguments[3], market.price = right[3], price
    attempt("TransferExceedsBalance")
    market.underlying[OWNER] = held
    attempt("SupplyCapExceeded")
    arguments[6] = right[6]
    attempt("added")
    expected.pop()
    return found


# --- V2: auctions and the risk fund -----------------------------------------------------------------------

RESERVE = 10**21
"""What the risk fund has for each pool [base asset]."""
BAD = 10**4
"""The part of a market's first supply that is bad debt, as a divisor."""
WAIT = 10


def auctions_share_one_fund(protocol: Protocol, figures: Figures) -> None:
    """Auction every pool's bad debt, watching the other pools; then the channels that all auctions have in common."""
    of = _auctions(protocol)
    for pool in of.auctions:
        before = _apart(of, pool)
        _auction(of, pool, Told())
        figures.check(_apart(of, pool) == before, f"the auction of {pool} changes another pool")
        figures.check(of.auctions[pool].status == Status.ENDED, f"the auction of {pool} does not end")
    figures.lines.append(
        f"{len(of.auctions)} auctions of bad debt, one a pool: each changed no market, auction or reserve of another"
    )
    sold = of.base["bob"]
    figures.check(of.base[RISK_FUND] + sold == len(of.auctions) * RESERVE, f"{sold} are sold, and as much is not left")
    figures.lines.append(
        f"channel: one Shortfall and one RiskFund serve {len(of.auctions)} pools; all reserves are held in one base "
        f"asset, and the bids of several pools together in {', '.join(sorted(_assets_bid_in(of))) or 'no token'}"
    )
    _limit_auctions(protocol, figures)


def _auctions(protocol: Protocol) -> Shortfall:
    """The pools, each with bad debt in its first market and a reserve in the risk fund."""
    registry = full_directory(protocol)
    of = shortfall.build(registry, 0, WAIT, WAIT, WAD, dict.fromkeys(registry.comptrollers, RESERVE))
    of.begin()
    for pool in registry.comptrollers.values():
        for name in pool.markets:
            market = pool.markets[name]
            market.bad_debt = market.cash // BAD
    return of


def _auction(of: Shortfall, pool: str, told: Told) -> None:
    """One auction from start to end."""
    _bid(of, pool, told)
    told.do(of.registry, pass_blocks, WAIT + 1, 3 * (WAIT + 1))
    told.do(of, shortfall.close_auction, "bob", pool)


def _bid(of: Shortfall, pool: str, told: Told) -> None:
    """Start an auction and bid all of its debt, or its start."""
    told.do(of, shortfall.start_auction, "bob", pool)
    auction = of.auctions[pool]
    told.do(of, shortfall.place_bid, "bob", pool, auction.start_bid_bps or 1, auction.start)


def _apart(of: Shortfall, pool: str) -> dict[str, Any]:
    """What the auctions keep of all pools but one."""
    return {
        name: (
            of.reserves[name],
            of.auctions[name].saved_,
            *((market.bad_debt, market.cash) for market in registered.markets.values()),
        )
        for name, registered in of.registry.comptrollers.items()
        if name != pool
    }


def _assets_bid_in(of: Shortfall) -> set[str]:
    """The assets in which two pools' auctions take bids."""
    return {asset for asset in of.registry.assets.values() if len(pools_supported_by_asset(of.registry, asset)) > 1}


def _limit_auctions(protocol: Protocol, figures: Figures) -> None:
    """What an auction shares with those of other pools: the price of what is sold, and the purse of what is bid."""
    deployed = _auctions(protocol)

    def base_at(price: int) -> Told:
        told = Told(within=price >= WAD)
        of = copy_state(deployed)
        told.do(of, shortfall.set_base_price, price)
        worth = {}
        for pool in of.auctions:
            told.do(of, shortfall.start_auction, "bob", pool)
            worth[pool] = of.reserves[pool] * of.base_price // WAD
        less = [pool for pool, value in worth.items() if value < RESERVE]
        if less:
            told.failure = (
                f"the reserves of {len(less)} of {len(worth)} pools cover less: {worth[less[0]]} of {RESERVE} [1e-18 "
                f"of value] in {less[0]}"
            )
        return told

    shared = sorted(_assets_bid_in(deployed))[-1:]
    figures.limits.append(
        limit_of(
            "what goes wrong is not the base asset of the risk fund: the reserves of all pools are held in it",
            base_at,
            WAD,
            0,
        )
    )

    def short_by(missing: int) -> Told:
        told = Told(within=missing == 0)
        of = copy_state(deployed)
        one, other = pools_supported_by_asset(of.registry, shared[0])[:2]
        for pool in (one, other):
            _bid(of, pool, told)
        bank = of.bank(one, f"{one}{SEPARATOR}{shared[0]}")
        bank[SHORTFALL] -= missing
        told.steps.append(f"{missing} {shared[0]} are taken out of the Shortfall contract")
        told.do(of.registry, pass_blocks, WAIT + 1, 3 * (WAIT + 1))
        told.attempt(of, shortfall.close_auction, "bob", one)
        refusal = told.attempt(of, shortfall.close_auction, "bob", other)
        if refusal is not None:
            told.failure = f"the bids for {one} are paid out of those for {other}, whose auction cannot end: {refusal}"
        return told

    if shared:
        figures.limits.append(
            limit_of(
                "the Shortfall contract holds all that was bid: the bids of all pools in a token are one balance",
                short_by,
                0,
                10**6,
            )
        )
