"""The JSON that other programs read: one shape for each command, and back again for evidence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from poolproof import __version__
from poolproof.proofs.verdicts import Decision, Outcome, Verdict


def document(command: str, content: Mapping[str, Any]) -> dict[str, Any]:
    """The content of a command's JSON under its schema and the version that wrote it."""
    return {"schema": f"poolproof.{command}/1", "version": __version__, **content}


def summary(decisions: Sequence[Decision]) -> dict[str, int]:
    """How many decisions ended in each verdict."""
    counted = Counter(decision.verdict for decision in decisions)
    return {verdict.value: counted[verdict] for verdict in Verdict}


def decision_to_json(decision: Decision) -> dict[str, Any]:
    """One verdict of `check`."""
    return {
        "invariant": decision.invariant,
        "claim": decision.claim,
        "kind": decision.kind,
        "verdict": decision.verdict.value,
        "engine": decision.engine,
        "depth": decision.depth,
        "accepted": decision.accepted,
        "assumes": list(decision.assumes),
        "lemmas": list(decision.lemmas),
        "seconds": round(decision.seconds, 3),
        "obligations": [outcome_to_json(outcome) for outcome in decision.obligations],
        "trace": decision.trace,
        "reason": decision.reason,
    }


def outcome_to_json(outcome: Outcome) -> dict[str, Any]:
    """One obligation of a verdict; what it does not have is left out beyond the first five keys."""
    data: dict[str, Any] = {
        "action": outcome.action,
        "verdict": outcome.verdict.value,
        "solver": outcome.solver,
        "seconds": round(outcome.seconds, 3),
        "cached": outcome.cached,
    }
    more = {
        "reason": outcome.reason,
        "uses": list(outcome.uses),
        "pre_state": outcome.pre_state,
        "digest": outcome.digest,
    }
    return data | {key: value for key, value in more.items() if value}


def decision_from_json(data: Mapping[str, Any]) -> Decision:
    """The decision that `decision_to_json` wrote, its obligations marked as evidence.

    Raises: KeyError, TypeError or ValueError where the data is something else.
    """
    return Decision(
        invariant=str(data["invariant"]),
        claim=str(data["claim"]),
        kind=str(data["kind"]),
        verdict=Verdict(data["verdict"]),
        engine=str(data["engine"]),
        depth=data["depth"],
        assumes=tuple(data["assumes"]),
        lemmas=tuple(data["lemmas"]),
        seconds=float(data["seconds"]),
        obligations=[_outcome_from_json(outcome) for outcome in data["obligations"]],
        trace=data["trace"],
        reason=data["reason"],
    )


def _outcome_from_json(data: Mapping[str, Any]) -> Outcome:
    return Outcome(
        action=str(data["action"]),
        verdict=Verdict(data["verdict"]),
        solver=data["solver"],
        seconds=float(data["seconds"]),
        cached=True,
        reason=data.get("reason"),
        uses=tuple(data.get("uses", ())),
        pre_state=data.get("pre_state"),
        digest=data.get("digest"),
    )
