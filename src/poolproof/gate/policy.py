"""The policy of a proposal: the rules in force and the rules proposed, each asked of every change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import chain

from poolproof.proofs.contagion.bounds import Worst, worst_of
from poolproof.spec.arithmetic import WAD
from poolproof.spec.policy import ChangeRule, Policy
from poolproof.spec.protocol import Protocol

from .conditions import ALLOWED_BY, Place, markets_of
from .files import Change, Proposal


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a policy says of one thing: the rule, its place, the limit, what is proposed, whether it fits."""

    rule: str
    path: str
    limit: str
    value: str
    ok: bool
    line: int | None = None


def rulings(proposal: Proposal) -> list[Ruling]:
    """What the policy in force, and the proposed one where it is another, say of a proposal."""
    policies = [policy for policy in (proposal.base.policy, proposal.head.policy) if policy is not None]
    found: dict[tuple[str, str, str], Ruling] = {}
    for policy in policies:
        for ruling in _of_policy(policy, proposal):
            key = ruling.rule, ruling.path, ruling.limit
            if key not in found or not ruling.ok:
                found[key] = ruling
    return sorted(found.values(), key=lambda ruling: ruling.ok)


def allowed(proposal: Proposal, place: Place) -> bool:
    """Whether the policy in force lifts a rule of the gate at a place: it has to say so itself."""
    parameter = ALLOWED_BY.get(place.label)
    if parameter is None or proposal.base.policy is None:
        return False
    rule = _rule_for(proposal.base.policy, parameter, place.pool, place.asset)
    if rule is None and parameter == "markets":
        rule = _rule_for(proposal.base.policy, "pools", place.pool, None)
    if rule is None:
        return False
    falls = parameter in ("liquidation_threshold", "price_bound")
    return bool(rule.most_fall or rule.most_fall_share) if falls else True


def _of_policy(policy: Policy, proposal: Proposal) -> Iterator[Ruling]:
    for change in chain.from_iterable(map(_with_contents, proposal.changes)):
        if change.pool is not None:
            rule = _rule_for(policy, change.parameter, change.pool, change.asset)
            if rule is not None:
                yield from _of_change(rule, change, proposal)
    if policy.margin is not None:
        yield from _of_margin(policy.margin, proposal)
    worst = {(each.pool, each.asset): each for each in worst_of(proposal.head)}
    for wanted in policy.losses:
        if (wanted.pool, wanted.asset) in worst:
            yield _of_loss(wanted.most, worst[wanted.pool, wanted.asset])


def _with_contents(change: Change) -> Iterator[Change]:
    """A change, and of a table that a market did not have each number, as a rise from 0."""
    yield change
    if change.asset is not None and change.kind == "added" and isinstance(change.new, dict):
        for key, value in change.new.items():
            yield Change((*change.keys, key), "changed", 0, value, change.line)


def _rule_for(policy: Policy, parameter: str, pool: str, asset: str | None) -> ChangeRule | None:
    """The rule that counts for a parameter at a place: the nearest one."""
    of_parameter = [rule for rule in policy.changes if rule.parameter == parameter]
    for wanted in ((pool, asset), (None, asset), (pool, None), (None, None)):
        for rule in of_parameter:
            if (rule.pool, rule.asset) == wanted:
                return rule
    return None


def _of_change(rule: ChangeRule, change: Change, proposal: Proposal) -> Iterator[Ruling]:
    """How a change fits a rule: its size, and the time since the last one."""
    if change.is_number:
        moved, way = abs(change.new - change.old), "rise" if change.new > change.old else "fall"
        most, share = getattr(rule, f"most_{way}"), getattr(rule, f"most_{way}_share")
        if most is not None:
            yield Ruling(f"largest {way}", change.path, str(most), str(moved), moved <= most, change.line)
        if share is not None:
            ok = moved * WAD <= share * change.old
            was = f"{_percent(moved, change.old)} of {change.old}"
            yield Ruling(
                f"largest {way}, of the value in force", change.path, _percent(share, WAD), was, ok, change.line
            )
    if rule.days is not None:
        since, until = _effective(proposal.base), _effective(proposal.head)
        if since is None or until is None:
            value, ok = "a file does not say when it takes effect: add policy.effective", False
        else:
            passed = (until - since).days
            value, ok = f"{passed} days", passed >= rule.days
        yield Ruling("least time since the last change", change.path, f"{rule.days} days", value, ok, change.line)


def _of_margin(margin: int, proposal: Proposal) -> Iterator[Ruling]:
    """Whether who borrows all that can be borrowed survives a fall of the collateral's price."""
    lines = {(change.pool, change.asset): change.line for change in proposal.changes if change.asset is not None}
    for pool, market in markets_of(proposal.head):
        at = pool.id, market.asset
        if not market.ltv or at not in lines:
            continue
        room, threshold = market.liquidation_threshold - market.ltv, market.liquidation_threshold
        value = _percent(room, threshold) if threshold else "none"
        path = f"pools[{pool.id}].markets[{market.asset}]"
        ok = room * WAD >= margin * threshold and threshold > 0
        yield Ruling("margin to liquidation", path, _percent(margin, WAD), value, ok, lines[at])


def _of_loss(most: int, worst: Worst) -> Ruling:
    """Whether what a market can lose over lines is within its limit; its own borrowers' failures are its own risk."""
    path = f"pools[{worst.pool}].markets[{worst.asset}]"
    return Ruling("largest loss over credit lines", path, str(most), str(worst.lines), worst.lines <= most)


def _effective(protocol: Protocol) -> date | None:
    return protocol.policy.effective if protocol.policy is not None else None


def _percent(part: int, whole: int) -> str:
    """A share in per cent, rounded to a hundredth, away from what would look fine."""
    if not whole:
        return "no share of 0"
    hundredths = -(-part * 10_000 // whole)
    return f"{hundredths // 100}.{hundredths % 100:02d} %".replace(".00 %", " %")
