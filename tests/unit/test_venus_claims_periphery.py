"""What is claimed of the registry, the rewards and the auctions of the Venus pools: a change of a model is noticed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from poolproof.cli import main
from poolproof.models.deployed.venus import registry, rewards, shortfall
from poolproof.models.deployed.venus.market import move_underlying
from poolproof.models.deployed.venus.pool import SHORTFALL
from poolproof.proofs import periphery_of_venus as module
from poolproof.proofs.limits import Limit, Told, limit_of
from poolproof.proofs.quantities import Figures
from poolproof.proofs.structure_of_venus import COMPUTATIONS
from poolproof.spec.loading import load_protocol
from poolproof.spec.protocol import Protocol
from poolproof.spec.refusal import require
from poolproof.spec.state import Table

V2, V3 = "a_failure_stays_in_its_pool", "every_market_has_its_own_rewards"
V4, V5 = "the_directory_answers_what_pools_contain", "a_market_is_used_with_its_pools_approval"


@pytest.fixture(name="protocol", scope="module")
def shipped() -> Protocol:
    """The eight pools."""
    return load_protocol("venus-bsc")


def limits(figures: Figures) -> dict[str, Limit]:
    """The conditions of a computation, by their first words."""
    return {" ".join(each.condition.split()[:4]): each for each in figures.limits}


# --- figures ----------------------------------------------------------------------------------------------


def test_the_figures_of_rewards(protocol: Protocol) -> None:
    """seed claims in 38 markets, bob where he owes, in 35, and in BTC's collateral, which lends nothing."""
    figures = COMPUTATIONS[V3](protocol)
    lending = sum(market.borrow_cap > 0 for pool in protocol.pools for market in pool.markets)
    assert lending == 35
    assert figures.lines[0].startswith("74 claims of suppliers and borrowers in 38 markets of 8 pools")
    assert "in 35 markets as a borrower too" in figures.lines[0]
    # seed is the only supplier of lisUSD: 1000 slots at 10^15; 2^32 - 1 is the last block; floor(2^256 / 10^36)
    edges = [(each.inside, each.outside) for each in figures.limits]
    assert edges == [
        (str(10**18), str(10**18 - 1)),
        ("listed", "unlisted"),
        (str(2**32 - 1), str(2**32)),
        (str((2**256 - 1) // 10**36), str((2**256 - 1) // 10**36 + 1)),
    ]


def test_the_figures_of_the_directory(protocol: Protocol) -> None:
    """After each addition to n pools, of which there are 8, with 23 assets: 1 + 23 n + 23 answers."""
    assets = len({market.asset for pool in protocol.pools for market in pool.markets})
    asked = sum((1 + assets * (n + 1)) * len(pool.markets) for n, pool in enumerate(protocol.pools, start=1))
    lines = COMPUTATIONS[V4](protocol).lines
    assert f"{asked} answers agree" in lines[0]
    assert lines[1].endswith(": Tron/NFT")


def test_the_guards_of_an_addition_are_printed_in_their_order(protocol: Protocol) -> None:
    """What the registry asks, then what the pool asks, then what the market asks."""
    line = COMPUTATIONS[V5](protocol).lines[-1]
    assert "PoolNotRegistered (once a pool), MarketExistsForAsset, UnexpectedSender" in line
    assert "PriceError, TransferExceedsBalance, SupplyCapExceeded" in line


# --- what is noticed --------------------------------------------------------------------------------------


def paid_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """A settlement that counts double."""
    settle = rewards.settle

    def twice(distributor: Any, side: Any, market: Any, account: str, events: Any) -> None:
        seen = side.seen[account]
        settle(distributor, side, market, account, events)
        side.seen[account] = seen
        settle(distributor, side, market, account, events)

    monkeypatch.setattr(rewards, "settle", twice)


def one_speed_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Speeds that concern every market of the pool."""
    run = rewards.set_reward_token_speeds.run

    def everywhere(pool: Any, distributor: str, _asset: str, supply: int, debt: int) -> None:
        for name in pool.markets:
            run(pool, distributor, name, supply, debt)

    monkeypatch.setattr(module, "set_reward_token_speeds", replace(rewards.set_reward_token_speeds, run=everywhere))


def other_pools_pay(monkeypatch: pytest.MonkeyPatch) -> None:
    """An auction that is paid from every pool's reserve."""

    def from_all(of: Any, _comptroller: str, amount: int) -> None:
        for name in of.auctions:
            of.reserves[name] -= amount // len(of.auctions)
        of.base[shortfall.RISK_FUND] -= amount
        of.base[SHORTFALL] += amount

    monkeypatch.setattr(shortfall, "transfer_reserve", from_all)


def pools_in_another_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory that answers backwards."""
    monkeypatch.setattr(module, "all_pools", lambda of: registry.all_pools(of)[::-1])


def pools_that_support_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory that keeps the last pool of an asset alone."""
    monkeypatch.setattr(registry, "pools_supported_by_asset", lambda _of, _asset: ())


def anybody_may_add(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Comptroller that lists what anybody brings."""
    support = registry.support_market
    monkeypatch.setattr(registry, "support_market", lambda pool, _sender, name: support(pool, registry.REGISTRY, name))


def supply_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A market may begin empty."""

    def all_but_supply(condition: Any, reason: Any, *values: Any) -> None:
        require(condition or reason is registry.InitialSupplyIsZero, reason, *values)

    monkeypatch.setattr(registry, "require", all_but_supply)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        (V2, other_pools_pay, "the auction of Stablecoins changes another pool"),
        (V3, paid_twice, "are paid in"),
        (V3, one_speed_for_all, "the speeds of Stablecoins/lisUSD move"),
        (V4, pools_in_another_order, "the directory lists [('DeFi', 'DeFi'), ('Stablecoins', 'Stablecoins')]"),
        (V4, pools_that_support_are_forgotten, "USDT is said to be supported by ['DeFi']"),
        (V5, anybody_may_add, "MarketExistsForAsset, MaxLoopsLimitExceeded, MaxLoops"),
        (V5, supply_is_not_asked, "is refused in the order ZeroAddressNotAllowed, ZeroAddressNotAllowed, PoolNot"),
    ],
)
def test_a_change_of_a_model_is_a_disagreement(
    name: str,
    change: Callable[[pytest.MonkeyPatch], None],
    message: str,
    protocol: Protocol,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A computation that could not disagree would say nothing."""
    change(monkeypatch)
    found = COMPUTATIONS[name](protocol).disagreements
    assert any(message in each for each in found), found[:3]


def test_a_registry_that_deploys_a_pool_creates_it(protocol: Protocol, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one part of the claim that is false becomes true."""
    run = registry.add_pool.run

    def deploying(of: Any, *arguments: Any) -> None:
        run(of, *arguments)
        table = of.comptrollers
        pools = {name: table[name] for name in table} | {f"new {arguments[2]}": table[arguments[2]]}
        of.comptrollers = Table(of.journal, pools)

    monkeypatch.setattr(module, "add_pool", replace(registry.add_pool, run=deploying))
    monkeypatch.setattr(module, "_limit_directory", lambda _protocol, _figures: None)
    monkeypatch.setattr(module, "home_of", lambda _of, name: name.split("/")[0])
    monkeypatch.setattr(registry, "home_of", lambda _of, name: name.split("/")[0])
    assert COMPUTATIONS[V4](protocol).disagreements == []


def always_funded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A distributor that pays what it has not."""

    def pays(distributor: Any, receiver: str, amount: int) -> int:
        distributor.balances[receiver] += amount
        return 0

    monkeypatch.setattr(rewards, "grant", pays)


def any_block_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks in a word."""
    monkeypatch.setattr(rewards, "MAX_UINT32", 2**256)


def unlisted_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory that answers with listed markets alone."""

    def listed(of: Any, comptroller: str, asset: str) -> str:
        name = registry.vtoken_for_asset(of, comptroller, asset)
        return name if name and of.comptrollers[comptroller].seen(name).listed else registry.NOBODY

    monkeypatch.setattr(module, "vtoken_for_asset", listed)


def a_price_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """A base asset whose price does not move."""
    monkeypatch.setattr(shortfall, "set_base_price", replace(shortfall.set_base_price, run=lambda _of, _price: None))


def bids_are_never_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Shortfall contract that pays what it has not."""

    def moved(market: Any, payer: str, receiver: str, amount: int) -> None:
        if payer == SHORTFALL:
            market.underlying[payer] += amount
        move_underlying(market, payer, receiver, amount)

    monkeypatch.setattr(shortfall, "move_underlying", moved)


@pytest.mark.parametrize(
    ("name", "change", "condition"),
    [
        (V2, a_price_of_its_own, "what goes wrong is"),
        (V2, bids_are_never_short, "the Shortfall contract holds"),
        (V3, always_funded, "the distributor holds all"),
        (V3, any_block_fits, "blocks fit the 32"),
        (V4, unlisted_is_forgotten, "no market was taken"),
    ],
)
def test_a_condition_that_is_not_needed_is_no_condition(
    name: str,
    change: Callable[[pytest.MonkeyPatch], None],
    condition: str,
    protocol: Protocol,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where the model is better, nothing fails outside, and it is said."""
    change(monkeypatch)
    problem = limits(COMPUTATIONS[name](protocol))[condition].problem
    assert problem is not None
    assert problem.endswith("nothing fails")


# --- limits -----------------------------------------------------------------------------------------------


def threshold(fails_from: int, ends_at: int) -> Limit:
    """The edge of `value <= ends_at` for a claim that fails from a number on."""
    return limit_of(
        "small", lambda n: Told(n <= ends_at, f"{n} is too much" if n >= fails_from else None, ["a step"]), 0, 100
    )


@pytest.mark.parametrize(
    ("fails_from", "ends_at", "expected"),
    [
        (7, 6, ("6", "7", True, None)),
        (7, 3, ("6", "7", False, None)),
        (7, 60, ("6", "50", False, "with 50 it fails inside the condition")),
        (0, 6, ("0", "100", False, "with 0 it should hold: 0 is too much")),
        (7, -1, ("0", "100", False, "with 0 it should hold: outside")),
        (101, 6, ("0", "100", False, "with 100 nothing fails")),
    ],
)
def test_an_edge_is_found_to_the_unit(
    fails_from: int, ends_at: int, expected: tuple[str, str, bool, str | None]
) -> None:
    """Exact where the condition ends at the claim's own number; a problem where it is no edge."""
    found = threshold(fails_from, ends_at)
    assert (found.inside, found.outside, found.exact, found.problem) == expected


def test_a_step_that_has_to_complete_says_why_it_does_not(protocol: Protocol) -> None:
    """With its arguments and the refusal."""
    of = module.empty_directory(protocol)
    with pytest.raises(ValueError, match=r"add_market.*refused, PoolNotRegistered: PoolRegistry: Pool not registered"):
        Told().do(of, registry.add_market, *module.to_add(protocol)[1]["DeFi/TWT"])


# --- the command ------------------------------------------------------------------------------------------


def test_the_command_tells_the_runs(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """V2 and V4 as people and as programs read them: conditions, the run outside, and no trace of it."""
    from poolproof import claiming

    wanted = [each for each in claiming.asked_of("venus") if each.claim.id in {"V2", "V4"}]
    monkeypatch.setattr("poolproof.commands_claims.asked_of", lambda _which: wanted)
    assert main(["claims", "venus", "--json", "-"]) == 1
    claims = {each["id"]: each for each in json.loads(capsys.readouterr().out)["claims"]}
    assert [claims[name]["verdict"] for name in ("V2", "V4")] == ["conditional", "refuted"]
    assert "the base asset of the risk fund" in claims["V2"]["condition"]
    assert [bool(each["run"]) == (each["trace"] is None) for each in claims["V2"]["edges"]] == [True] * 3
    assert claims["V4"]["trace"] is None
    assert "unlist_market(Stablecoins/lisUSD)" in claims["V4"]["edges"][0]["run"]
    main(["claims", "venus"])
    out = " ".join(capsys.readouterr().out.split())
    assert "unless no market was taken off the list of its pool" in out
    assert "run: set_base_price(999999999999999999); start_auction(bob, Stablecoins)" in out
    assert "channel: one Shortfall and one RiskFund serve 8 pools" in out
