"""Checks to report about: a deployed pool with golden traces for some of its claims, and nobody who computes anything."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from poolproof.proofs import registry
from poolproof.proofs.progress import Event, Listener
from poolproof.proofs.verdicts import Decision, Outcome, Verdict

ROOT = Path(__file__).resolve().parents[2]
NAME = "venus-bsc-liquid-staked-bnb"
TEXT = (ROOT / "spec" / "protocols" / f"{NAME}.toml").read_text(encoding="utf-8")
GOLDEN = ROOT / "tests" / "golden" / "venus"


def golden(name: str) -> dict[str, Any]:
    """A golden trace, as JSON."""
    found: dict[str, Any] = json.loads(gzip.decompress((GOLDEN / f"{name}.json.gz").read_bytes()))
    return found


def accepting(*names: str) -> str:
    """The text of the protocol file, which accepts these findings alone."""
    head, *entries = TEXT.split("[[accepted]]\n")
    return head + "".join(f"[[accepted]]\n{entry}" for entry in entries if entry.split('"')[1] in names)


def deciding(
    refuted: Iterable[str], unknown: Iterable[str] = (), until: int | None = None
) -> Callable[..., list[Decision]]:
    """A prover that refutes some claims by their golden traces; ``until`` interrupts it after so many."""
    catalogue = registry.find("venus")[1]

    def decide(_protocol: Any, *, only: tuple[str, ...], on_event: Listener, **_options: Any) -> list[Decision]:
        found = []
        for number, name in enumerate(only):
            if number == until:
                raise KeyboardInterrupt
            claim = catalogue[name]
            decision = Decision(name, claim.claim, claim.kind, Verdict.PROVED, "prove", assumes=("region: x > 0",))
            if name in refuted:
                decision = Decision(name, claim.claim, claim.kind, Verdict.REFUTED, "fuzz", trace=golden(name))
            elif name in unknown:
                open_one = Outcome("mint", Verdict.UNKNOWN, reason="the budget was used up")
                decision = Decision(
                    name, claim.claim, claim.kind, Verdict.UNKNOWN, "prove", obligations=[open_one], reason="a budget"
                )
            found.append(decision)
            on_event(Event("prove", number + 1, len(only), decision))
        return found

    return decide
