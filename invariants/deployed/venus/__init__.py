"""The catalogue of the Venus isolated pools: the claims are those of the reference, the clauses read the contracts."""

from . import accounts, accruals, books, limits, periphery
from .measures import VENUS

__all__ = ["VENUS", "accounts", "accruals", "books", "limits", "periphery"]

VENUS.arrange(("SOLV", "CONS", "RND", "LIQ", "RATE", "CAP", "LIVE", "REG", "ORC", "REW", "WORDS", "ACCRUAL"))
