"""The deployed Venus pools side by side: they share what is declared and nothing else, and each is as if it were alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from poolproof.cli import main
from poolproof.models.deployed.venus.model import VENUS
from poolproof.models.deployed.venus.pools import SEVERAL, Deployment, place_of
from poolproof.models.deployed.venus.rates import RateModel, TwoKinksRate
from poolproof.models.rates import JumpRate
from poolproof.proofs import registry, structure_of_venus
from poolproof.proofs.snapshots import copy_state, set_state, state_to_json
from poolproof.proofs.structure_of_venus import COMPUTATIONS
from poolproof.spec.action import perform
from poolproof.spec.arithmetic import WAD
from poolproof.spec.loading import load_protocol
from poolproof.spec.protocol import Protocol
from poolproof.spec.refusal import Refusal

TOKEN = 10**18
BY_NAME = {action.name: action for action in SEVERAL.actions}


@pytest.fixture(name="protocol", scope="module")
def shipped() -> Protocol:
    """All pools on BNB Chain."""
    return load_protocol("venus-bsc")


@pytest.fixture(name="deployment")
def deployed(protocol: Protocol) -> Deployment:
    """The pools, freshly deployed."""
    return SEVERAL.build(protocol)  # type: ignore[no-any-return]  # every model builds its own


def attempt(deployment: Deployment, name: str, *arguments: Any) -> Refusal | None:
    """Carry an action out; the refusal if it refuses."""
    return perform(deployment, BY_NAME[name], arguments)


# --- what is shared ---------------------------------------------------------------------------------------


def test_a_file_of_several_pools_is_one_deployment(protocol: Protocol) -> None:
    """The model of the same name, for several pools; nothing is claimed of them as one invariant."""
    model, catalogue = registry.of(protocol)
    assert model is SEVERAL
    assert tuple(catalogue) == ()
    assert len(model.build(protocol).markets) == 38


def test_users_have_one_wallet(deployment: Deployment) -> None:
    """What is supplied to one pool is missing for the next, and no token is made."""
    markets = deployment.markets
    before = sum(markets["DeFi/USDT"].underlying.values())
    held = markets["Tron/USDT"].underlying["alice"]
    assert attempt(deployment, "mint", "alice", "DeFi/USDT", TOKEN) is None
    assert markets["Tron/USDT"].underlying["alice"] == held - TOKEN
    assert markets["DeFi/USDT"].underlying["DeFi/USDT"] == markets["DeFi/USDT"].cash
    assert sum(markets["Meme/USDT"].underlying.values()) == before


def test_one_oracle_serves_all_pools(deployment: Deployment) -> None:
    """A price moves in every pool that lists the asset, and no other price does."""
    before = {name: market.price for name, market in deployment.markets.items()}
    assert attempt(deployment, "set_price", "Tron/USDT", 7) is None
    for name, market in deployment.markets.items():
        assert market.price == (7 if place_of(name)[1] == "USDT" else before[name])


def test_time_passes_in_all_pools(deployment: Deployment) -> None:
    """Blocks are those of the chain."""
    assert attempt(deployment, "pass_time", 9) is None
    assert {deployment.now, *(pool.now for pool in deployment.pools.values())} == {9}


def test_markets_of_equal_parameters_use_one_rate_model(deployment: Deployment) -> None:
    """A contract is deployed once for its parameters; to change it changes every market that uses it."""
    assert len({market.rate_model.address for market in deployment.markets.values()}) == 13
    assert attempt(deployment, "update_jump_rate_model", "DeFi/USDD", 1, 2, 3, WAD) is None
    now = JumpRate(1, 2, 3, WAD)
    changed = [name for name, market in deployment.markets.items() if market.rate_model.curve == now]
    assert changed == ["Stablecoins/USDD", "DeFi/USDD", "GameFi/USDD", "Tron/USDD"]


# --- what is not ------------------------------------------------------------------------------------------


def test_collateral_of_another_pool_is_none(deployment: Deployment) -> None:
    """A debt is not liquidated for collateral in another pool, and backs no loan there."""
    refusal = attempt(deployment, "liquidate_borrow", "alice", "bob", "DeFi/USDT", "Tron/USDD", 1)
    assert refusal is not None
    assert refusal.name == "MarketNotListed"
    assert attempt(deployment, "mint", "bob", "Tron/USDT", 1000 * TOKEN) is None
    assert attempt(deployment, "enter_market", "bob", "Tron/USDT") is None
    refusal = attempt(deployment, "borrow", "bob", "DeFi/USDD", TOKEN)
    assert refusal is not None
    assert refusal.name == "InsufficientLiquidity"


def test_an_action_without_a_market_names_its_pool(deployment: Deployment) -> None:
    """An account is healed in one pool."""
    assert next(iter(BY_NAME["heal_account"].domains)) == "pool"
    refusal = attempt(deployment, "heal_account", "Tron", "alice", "bob")
    assert refusal is not None
    assert refusal.name == "InsufficientShortfall"


def test_a_refused_action_leaves_all_pools_as_they_were(deployment: Deployment) -> None:
    """Interest that accrued on the way to the refusal, too."""
    assert attempt(deployment, "borrow", "seed", "DeFi/USDT", 1) is None
    assert attempt(deployment, "pass_time", 1000) is None
    before = state_to_json(deployment)
    assert attempt(deployment, "redeem", "alice", "DeFi/USDT", 10**8) is not None
    assert state_to_json(deployment) == before


def test_a_state_survives_a_copy_and_json(protocol: Protocol, deployment: Deployment) -> None:
    """A ledger that pools share stays one."""
    assert attempt(deployment, "mint", "alice", "DeFi/USDT", TOKEN) is None
    twin = copy_state(deployment)
    assert state_to_json(twin) == state_to_json(deployment)
    assert twin.markets["DeFi/USDT"].underlying is twin.markets["Tron/USDT"].underlying
    assert twin.markets["DeFi/USDT"] is twin.pools["DeFi"].markets["DeFi/USDT"]
    again = SEVERAL.build(protocol)
    set_state(again, state_to_json(deployment), "state")
    assert state_to_json(again) == state_to_json(deployment)


@pytest.mark.parametrize("seed", range(3))
def test_a_pool_among_others_does_what_it_does_alone(seed: int, deployment: Deployment) -> None:
    """The same actions end alike and leave the same numbers, while the other pools are used too."""
    chance, name = Random(seed), "LiquidStakedBNB"
    single = load_protocol("venus-bsc-liquid-staked-bnb")
    alone = VENUS.build(single)
    actions = [action for action in VENUS.actions if action.name in BY_NAME and action.name != "sync_cash"]
    done = 0
    for _ in range(1500):
        action = chance.choice(actions)
        arguments: list[Any] = []
        for domain in action.domains.values():
            if domain.kind == "user":
                arguments.append(chance.choice(single.users))
            elif domain.kind == "asset":
                arguments.append(chance.choice(list(alone.markets)))
            elif domain.kind == "price":
                arguments.append(chance.randrange(1, 1000) * TOKEN)
            else:
                arguments.append(chance.randrange(1, 10) * 10 ** chance.randrange(5 if domain.kind == "slots" else 23))
        kinds = [domain.kind for domain in action.domains.values()]
        named = [f"{name}/{each}" if kind == "asset" else each for each, kind in zip(arguments, kinds, strict=True)]
        lifted = BY_NAME[action.name]
        among = perform(deployment, lifted, ((name,) if "pool" in lifted.domains else ()) + tuple(named))
        refusal = perform(alone, action, tuple(arguments))
        assert type(among) is type(refusal)
        done += refusal is None
        attempt(deployment, "accrue_interest", chance.choice(list(deployment.pools["Tron"].markets)))
    assert done > 500
    pool = deployment.pools[name]
    assert pool.saved_ == alone.saved_
    for asset, market in alone.markets.items():
        twin = pool.markets[f"{name}/{asset}"]
        rates = twin.scalars.index("rate_model")
        assert twin.saved_[:rates] == market.saved_[:rates]
        assert twin.saved_[rates + 1 :] == market.saved_[rates + 1 :]
        assert (twin.tokens, twin.principal, twin.interest_index) == (
            market.tokens, market.principal, market.interest_index,
        )  # fmt: skip


# --- computations that disagree ---------------------------------------------------------------------------


def one_ledger_of_debts(deployment: Deployment) -> None:
    """Two pools keep their debts in one book."""
    deployment.markets["Tron/USDT"].principal = deployment.markets["DeFi/USDT"].principal


def one_market_in_two_pools(deployment: Deployment) -> None:
    """A pool lists another's market."""
    deployment.pools["Tron"].markets["DeFi/TWT"] = deployment.markets["DeFi/TWT"]


def two_kinks(deployment: Deployment) -> None:
    """A market has a rate model that the claim does not name."""
    curve = TwoKinksRate(0, 1, WAD // 2, 2, 0, WAD, 3)
    deployment.markets["BTC/BTCB"].rate_model = RateModel("two kinks", curve)


def no_first_supply(deployment: Deployment) -> None:
    """A market begins with vTokens for nothing."""
    deployment.markets["BTC/BTCB"].internal_cash = 0


@pytest.mark.parametrize(
    ("name", "spoil", "message"),
    [
        ("pools_share_what_is_declared", one_ledger_of_debts, "DeFi and Tron share Ledger"),
        ("pools_share_what_is_declared", one_market_in_two_pools, "DeFi and Tron share "),
        ("a_market_is_used_with_its_pools_approval", one_market_in_two_pools, "DeFi/TWT is listed in Tron too"),
        ("a_market_is_used_with_its_pools_approval", two_kinks, "BTC/BTCB has another rate model"),
        ("a_market_is_used_with_its_pools_approval", no_first_supply, "BTC/BTCB begins with"),
    ],
)
def test_a_computation_sees_what_is_wrong(
    name: str, spoil: Callable[[Deployment], None], message: str, protocol: Protocol, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A computation that could not disagree would say nothing."""

    def build(of: Protocol) -> Deployment:
        deployment: Deployment = SEVERAL.build(of)
        spoil(deployment)
        return deployment

    monkeypatch.setattr(structure_of_venus, "SEVERAL", replace(SEVERAL, build=build))
    assert any(message in each for each in COMPUTATIONS[name](protocol).disagreements)


def test_a_write_to_another_pool_is_seen(protocol: Protocol, monkeypatch: pytest.MonkeyPatch) -> None:
    """An action that touches a second pool, or the balance of its market, disagrees with the claim."""

    def reaches_out(deployment: Deployment, asset: str) -> None:
        deployment.pools["Meme"].close_factor += 1
        deployment.markets["BTC/BTCB"].underlying["BTC/BTCB"] += 1

    planted = replace(BY_NAME["accrue_interest"], run=reaches_out)
    monkeypatch.setattr(structure_of_venus, "SEVERAL", replace(SEVERAL, actions=(planted,)))
    found = COMPUTATIONS["pools_share_what_is_declared"](protocol).disagreements
    assert any("writes to Meme" in each for each in found)
    assert any("writes the balance of BTC/BTCB" in each for each in found)


def test_a_market_that_is_used_without_approval_is_seen(protocol: Protocol, monkeypatch: pytest.MonkeyPatch) -> None:
    """An action that asks no pool disagrees with the claim."""
    careless = replace(BY_NAME["mint"], run=lambda *_: None)
    monkeypatch.setattr(structure_of_venus, "SEVERAL", replace(SEVERAL, actions=(careless,)))
    found = COMPUTATIONS["a_market_is_used_with_its_pools_approval"](protocol).disagreements
    assert "mint in DeFi/TWT, which its pool does not list: accepted" in found


@pytest.mark.parametrize("command", [("check",), ("fuzz", "--steps", "1")])
def test_the_engines_ask_for_one_pool(command: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """No empty table of verdicts: nothing is claimed of several pools as one, and that is said."""
    name, *options = command
    assert main((name, "venus-bsc", *options)) == 3
    assert 'no invariant is claimed of several pools of the model "venus"' in capsys.readouterr().err
