"""Prove the catalogue anew, every obligation, and write what was found as the evidence that the package ships.

    python tools/ship_evidence.py
    python tools/ship_evidence.py --keep-answers

With ``--keep-answers`` only texts are proved that the shipped evidence has no answer to; answers to texts that are gone
stay until the next run without it.  Decisions and answers go to
``proofs/evidence``, compressed.  A theorem holds for the whole admissible region, so one protocol of one pool and one
of several are enough, and one of the deployed Venus pools, whose accepted findings are shipped with their traces.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from poolproof.cache import KINDS, Cache, Kind, write_shipped
from poolproof.checking import check, shipped_evidence
from poolproof.proofs.verdicts import Verdict
from poolproof.spec.loading import load_protocol

FOLDER = Path(__file__).parents[1] / "proofs" / "evidence"
PROTOCOLS = ("minimal", "elara-docs", "venus-bsc-liquid-staked-bnb")


class Asked(Cache):
    """A cache above what is shipped, which keeps the answers that were asked for."""

    def get(self, kind: Kind, key: str) -> Any:
        """The value of a key; one that is shipped is kept."""
        value = super().get(kind, key)
        if value is not None:
            self.put(kind, key, value)
        return value


def main(arguments: list[str]) -> int:
    """Prove, write, and report; 1 if something is not proved."""
    shipped = shipped_evidence() if "--keep-answers" in arguments else None
    with tempfile.TemporaryDirectory() as folder:
        for name in PROTOCOLS:
            report = check(load_protocol(name), cache=Asked(Path(folder), shipped))
            judged = [each for each in report.decisions if not each.accepted]
            missing = [decision.invariant for decision in judged if decision.verdict is not Verdict.PROVED]
            if missing:
                print(f"{name}: not proved, nothing written: {', '.join(missing)}")
                return 1
            proved = sum(decision.verdict is Verdict.PROVED for decision in report.decisions)
            print(
                f"{name}: {proved} of {len(report.decisions)} invariants proved in {report.seconds:.1f} s", flush=True
            )
        FOLDER.mkdir(exist_ok=True)
        with Cache(Path(folder)) as cache:
            for kind in KINDS:
                entries = cache.entries(kind)
                if kind == "outcome" and shipped is not None:
                    entries = (
                        dict(shipped.entries(kind)) | entries
                    )  # a decision that still holds asked for none of its own
                for entry in entries.values():
                    entry.pop("model", None)  # of a slice that says nothing: what is shipped is proved
                write_shipped(FOLDER, kind, entries)
                print(f"{kind}: {len(entries)} entries")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
