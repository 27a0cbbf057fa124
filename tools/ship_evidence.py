"""Prove the catalogue anew, every obligation, and write what was found as the evidence that the package ships.

    python tools/ship_evidence.py

Decisions and answers go to ``proofs/evidence``, compressed.  A theorem holds for the whole admissible region, so one
protocol of one pool and one of several are enough.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from poolproof.cache import KINDS, Cache, write_shipped
from poolproof.checking import check
from poolproof.proofs.verdicts import Verdict
from poolproof.spec.loading import load_protocol

FOLDER = Path(__file__).parents[1] / "proofs" / "evidence"
PROTOCOLS = ("minimal", "elara-docs")


def main() -> int:
    """Prove, write, and report; 1 if something is not proved."""
    with tempfile.TemporaryDirectory() as folder:
        for name in PROTOCOLS:
            report = check(load_protocol(name), cache=Cache(Path(folder)))
            missing = [decision.invariant for decision in report.decisions if decision.verdict is not Verdict.PROVED]
            if missing:
                print(f"{name}: not proved, nothing written: {', '.join(missing)}")
                return 1
            print(f"{name}: {len(report.decisions)} invariants proved in {report.seconds:.1f} s", flush=True)
        FOLDER.mkdir(exist_ok=True)
        with Cache(Path(folder)) as cache:
            for kind in KINDS:
                entries = cache.entries(kind)
                for entry in entries.values():
                    entry.pop("model", None)  # of a slice that says nothing: what is shipped is proved
                write_shipped(FOLDER, kind, entries)
                print(f"{kind}: {len(entries)} entries")
    return 0


if __name__ == "__main__":
    sys.exit(main())
