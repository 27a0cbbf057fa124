"""The catalogue of the Venus isolated pools: the claims are those of the reference, the clauses read the contracts."""

from . import accounts, accruals, books, limits
from .measures import VENUS

__all__ = ["VENUS", "accounts", "accruals", "books", "limits"]

VENUS.arrange(("SOLV", "CONS", "RND", "LIQ", "RATE", "CAP", "LIVE", "ORC", "WORDS", "ACCRUAL"))
