"""What must hold: one family of invariants a file, ids and claims as in the catalogue."""

from . import (
    authority,
    conservation,
    limits,
    liquidation,
    liveness,
    oracle,
    portfolio,
    rates,
    rounding,
    solvency,
)
from .catalogue import CATALOGUE

__all__ = [
    "CATALOGUE",
    "authority",
    "conservation",
    "limits",
    "liquidation",
    "liveness",
    "oracle",
    "portfolio",
    "rates",
    "rounding",
    "solvency",
]

CATALOGUE.arrange(("SOLV", "CONS", "RND", "LIQ", "RATE", "CAP", "LIVE", "ORC", "AUTH", "GOV"))
