"""A small system for tests of the registry and of rewards, and runs of random actions on it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from random import Random
from typing import Any

from poolproof.models.reference import SYSTEM
from poolproof.models.registry import REGISTRY_ACTIONS
from poolproof.proofs.snapshots import copy_state
from poolproof.proofs.trial import run_scenario
from poolproof.spec.action import Action, Domain, perform
from poolproof.spec.arithmetic import WAD
from poolproof.spec.invariant import Catalogue, Invariant, Step
from poolproof.spec.loading import load_protocol
from poolproof.spec.protocol import Protocol

ACTIONS = SYSTEM.actions
OFTEN = {"deposit": 25, "borrow": 25, "enter": 15, "redeem": 12, "pass_time": 8, "set_price": 6} | dict.fromkeys(
    (
        "repay",
        "transfer",
        "liquidate",
        "claim_rewards",
        "create_pool",
        "approve_market",
        "add_market",
        "set_rate_model",
    ),
    8,
)
"""How often actions are tried, those aside that are tried now and then."""
WEIGHTS = tuple(
    OFTEN.get(action.name, 3 if action.by == "user" or action in REGISTRY_ACTIONS else 1) for action in ACTIONS
)
USERS = ("alice", "bob", "carol")
BEGINNINGS: tuple[dict[str, bool], ...] = ({}, {"listed": False}, {"registered": False})
"""How the small system can begin: everything listed; markets to be listed; pools to be created too."""
AMOUNTS = (0, 1, 2, 3, 7, 10, 99, 1000, 12345, 10**6, 10**9)
NUMBERS: dict[str, tuple[int, ...]] = {
    "tokens": AMOUNTS,
    "shares": (0, 1, 10, 10**3, WAD, 7 * WAD, 10**3 * WAD),
    "slots": (0, 1, 3, 100, 10**6),
    "factor": (0, WAD // 2, WAD),
    "cap": (0, 10**6, 10**12),
    "rate": (0, 1, 5, 10**9),
    "price": (0, 1, 500, 900, 10**3, 2 * 10**3),
}


def small_protocol(*, registered: bool = True, listed: bool = True) -> Protocol:
    """Two pools of two markets each, and a core pool that lends to one; all with rewards, in an asset or a token."""
    base = load_protocol("minimal").canonical_json()
    (pool,) = base["pools"]
    markets = []
    for number, config in enumerate(pool["markets"]):
        rewards = {"token": "REWARD", "supplier_emission": "7", "borrower_emission": "3", "vault": "100000"}
        if number == 1:
            rewards["token"] = config["asset"]
        small = {"price": "1000", "supply_cap": str(10**12), "borrow_cap": str(10**12), "wallet": str(10**9)}
        markets.append(config | small | {"rewards": rewards, "listed": listed})
    lined = [markets[0] | {"line": {"limit": "1000000"}}, *markets[1:]]
    pool["registered"] = registered
    base["pools"] = [
        pool | {"id": "core", "kind": "core", "release_period": 50, "markets": markets},
        pool | {"id": "lined", "markets": lined},
        pool | {"id": "plain", "markets": markets},
    ]
    base["users"] = list(USERS)
    return Protocol.model_validate_json(json.dumps(base))


def drawn(random: Random, system: Any, domains: dict[str, Domain]) -> tuple[Any, ...]:
    """Arguments of an action or a scenario, the markets of one pool."""
    pool = random.choice(list(system.pools))
    markets = [name for name in system.markets if name.startswith(f"{pool}/")]

    def value(domain: Domain) -> Any:
        if domain.kind == "user":
            return random.choice(USERS)
        if domain.kind == "pool":
            return pool
        if domain.kind == "asset":
            return random.choice(markets)
        return random.choice(NUMBERS[domain.kind])

    return tuple(value(domain) for domain in domains.values())


def episode(protocol: Protocol, seed: int, length: int) -> Iterator[tuple[Any, Any, Action, tuple[Any, ...]]]:
    """A run of random actions: after each that completed, the states before and after, and the call."""
    random, system = Random(seed), SYSTEM.build(protocol)
    for _ in range(length):
        (action,) = random.choices(ACTIONS, WEIGHTS)
        arguments = drawn(random, system, action.domains)
        before = copy_state(system)
        if perform(system, action, arguments) is None:
            yield before, system, action, arguments


def broken_by(
    invariants: Iterable[Invariant], old: Any, new: Any, action: Action, arguments: tuple[Any, ...]
) -> set[str]:
    """The invariants that an action which completed breaks, scenarios aside."""
    step, found = Step(action, dict(zip(action.domains, arguments, strict=True)), old, new), set()
    for invariant in invariants:
        for clause in invariant.clauses:
            about = {"state": new, "step": step}.get(clause.form)
            asked = about is not None and (not clause.of or action.name in clause.of)
            if asked and not clause.check(about):
                found.add(invariant.id)
    return found


def broken(catalogues: Iterable[Catalogue], protocol: Protocol, seed: int, length: int) -> set[str]:
    """The invariants that a run of random actions breaks, scenarios run from the states that it visits."""
    random, found = Random(seed), set()
    invariants = [invariant for catalogue in catalogues for invariant in catalogue]
    scenarios = [(i, c) for i in invariants for c in i.clauses if c.form == "scenario"]
    for old, new, action, arguments in episode(protocol, seed, length):
        found |= broken_by(invariants, old, new, action, arguments)
        invariant, clause = random.choice(scenarios)
        if run_scenario(SYSTEM, clause, new, drawn(random, new, clause.domains)) is not None:
            found.add(invariant.id)
    return found
