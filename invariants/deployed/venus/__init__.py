"""The catalogue of the Venus isolated pools: the claims are those of the reference, the clauses read the contracts."""

from . import (
    accounts,
    accruals,
    authority,
    books,
    health,
    isolation,
    limits,
    liveness,
    periphery,
    profit,
    runs,
)
from .measures import VENUS

__all__ = [
    "VENUS",
    "accounts",
    "accruals",
    "authority",
    "books",
    "health",
    "isolation",
    "limits",
    "liveness",
    "periphery",
    "profit",
    "runs",
]

FAMILIES = ("SOLV", "CONS", "RND", "LIQ", "RATE", "CAP", "LIVE", "ISO", "REG", "ORC", "REW", "AUTH", "GOV")
VENUS.arrange((*FAMILIES, "WORDS", "ACCRUAL", "PORTFOLIO"))
