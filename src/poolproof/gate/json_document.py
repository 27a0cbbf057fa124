"""The gate's JSON, for other programs."""

from __future__ import annotations

from typing import Any

from poolproof.documents import decision_to_json, document, outcome_to_json
from poolproof.proofs.contagion.bounds import Worst
from poolproof.proofs.verdicts import Decision, Verdict

from .accounts import Account
from .conditions import Place
from .judging import ChangeReport, Closing, GateReport, ids_of


def to_json(report: GateReport) -> dict[str, Any]:
    """A report as ``gate --json`` writes it; amounts are decimal strings, as in a protocol file."""
    proposal = report.proposal
    return document(
        "gate",
        {
            "protocol": proposal.head.name,
            "model": proposal.head.model,
            "base": proposal.base_path,
            "head": proposal.head_path,
            "seconds": round(report.seconds, 3),
            "open": report.open,
            "interrupted": report.interrupted,
            "changes": [change_to_json(report, each) for each in report.changes],
            "joint": [
                closing_to_json(closing) for closing in report.closings if closing.closes and not closing.by_itself
            ],
            "closed_by": [closing_to_json(closing) for closing in report.closings if closing.closes],
            "allowed": [closing_to_json(closing) for closing in report.closings if not closing.closes],
            "before": [place_to_json(place) for place in report.already],
            "policy": [
                {"rule": r.rule, "path": r.path, "limit": r.limit, "value": r.value, "ok": r.ok, "line": r.line}
                for r in report.rulings
            ],
            "contagion": [
                {"pool": pool, "asset": asset, "base": worst_to_json(old), "head": worst_to_json(new)}
                for (pool, asset), (old, new) in report.worst.items()
            ],
            "accounts": None if report.accounts is None else [account_to_json(each) for each in report.accounts],
            "scope": list(report.scope),
            "notes": report.notes,
            "verdicts": [verdict_to_json(decision) for decision in verdicts(report)],
        },
    )


def verdicts(report: GateReport) -> list[Decision]:
    """What closes the gate, each as a verdict with its run, then what is known of every theorem."""
    known = {decision.invariant: decision for decision in report.decisions}
    found: dict[str, Decision] = {}
    for closing in report.closings:
        if closing.closes:
            decision = _as_decision(closing, known)
            found.setdefault(decision.invariant, decision)
    return [*found.values(), *(decision for name, decision in known.items() if name not in found)]


def _as_decision(closing: Closing, known: dict[str, Decision]) -> Decision:
    """A condition that is broken, as the verdict on what goes with it."""
    name = closing.invariants[0] if closing.invariants else "REGION"
    before = known.get(name)
    claim = before.claim if before is not None else closing.place.label
    verdict = Verdict.REFUTED if closing.trace is not None else Verdict.UNKNOWN
    reason = f"{closing.place.where}: not {closing.place.label}" + (f": {closing.message}" if closing.message else "")
    kind = before.kind if before is not None else "state"
    return Decision(name, claim, kind, verdict, "search", trace=closing.trace, reason=reason)


def verdict_to_json(decision: Decision) -> dict[str, Any]:
    """A verdict as in ``check``; of the obligations only those that are not proved, since theorems carry over whole."""
    open_ones = [outcome_to_json(each) for each in decision.obligations if each.verdict is not Verdict.PROVED]
    return decision_to_json(decision) | {"obligations": open_ones}


def change_to_json(report: GateReport, each: ChangeReport) -> dict[str, Any]:
    """One change: its values, how far it could go, and what binds it at each end."""
    change, safe = each.change, each.safe
    low, high = (sorted(places) for places in ((safe.below, safe.above) if safe else ((), ())))
    return {
        "path": change.path,
        "kind": change.kind,
        "old": value_to_json(change.old),
        "new": value_to_json(change.new),
        "line": change.line,
        "safe_range": [str(safe.low), str(safe.high)] if safe else None,
        "binding": list(dict.fromkeys(name for place in (*low, *high) for name in ids_of(report, place))),
        "binding_low": [place_to_json(place) | {"theorems": list(ids_of(report, place))} for place in low],
        "binding_high": [place_to_json(place) | {"theorems": list(ids_of(report, place))} for place in high],
        "exact": {
            "low": each.lower is not None if safe and safe.below else None,
            "high": each.higher is not None if safe and safe.above else None,
        },
        "beyond": {"low": each.lower, "high": each.higher},
        "leaves": [place_to_json(place) for place in each.leaves],
        "enters": [place_to_json(place) for place in each.enters],
        "notes": each.notes,
        "verdict": each.verdict,
    }


def closing_to_json(closing: Closing) -> dict[str, Any]:
    """A condition that is broken, with who breaks it."""
    return {
        **place_to_json(closing.place),
        "paths": [change.path for change in closing.changes],
        "theorems": list(closing.invariants),
        "message": closing.message,
        "trace": closing.trace,
    }


def account_to_json(account: Account) -> dict[str, Any]:
    """An account that becomes liquidatable, and the values with which it would not."""
    return {
        "pool": account.pool,
        "account": account.name,
        "missing_usd": f"{account.missing:f}",
        "values": [
            {"path": change.path, "value": None if value is None else str(value)} for change, value in account.values
        ],
    }


def place_to_json(place: Place) -> dict[str, Any]:
    """A condition and where it is asked."""
    return {"condition": place.label, "pool": place.pool, "asset": place.asset or None}


def worst_to_json(worst: Worst | None) -> dict[str, str] | None:
    """What a market can lose."""
    return None if worst is None else {"own": str(worst.own), "lines": str(worst.lines), "total": str(worst.total)}


def value_to_json(value: Any) -> Any:
    """A value as a protocol file has it."""
    if isinstance(value, dict):
        return {key: value_to_json(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [value_to_json(each) for each in value]
    return value if value is None or isinstance(value, bool) else str(value)
