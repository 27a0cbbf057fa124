"""The catalogue of the Venus isolated pools: the claims are those of the reference, the clauses read the contracts."""

from . import accounts, authority, books, health, isolation, limits, liveness, profit, runs
from .measures import VENUS

__all__ = ["VENUS", "accounts", "authority", "books", "health", "isolation", "limits", "liveness", "profit", "runs"]

VENUS.arrange(("SOLV", "CONS", "RND", "LIQ", "RATE", "CAP", "LIVE", "ISO", "ORC", "AUTH", "GOV"))
