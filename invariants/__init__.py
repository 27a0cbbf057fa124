"""What must hold: one family of invariants a file, ids and claims as in the catalogue."""

from . import (
    authority,
    conservation,
    credit_lines,
    cross_pool,
    failure,
    isolation,
    limits,
    liquidation,
    liveness,
    oracle,
    portfolio,
    rates,
    registry,
    rewards,
    rounding,
    solvency,
)
from .catalogue import CATALOGUE, SYSTEM
from .cross_pool import CROSS
from .isolation import CHANNELS
from .registry import REGISTRY
from .rewards import REWARDS

__all__ = [
    "CATALOGUE",
    "OF_SYSTEMS",
    "authority",
    "conservation",
    "credit_lines",
    "cross_pool",
    "failure",
    "isolation",
    "limits",
    "liquidation",
    "liveness",
    "oracle",
    "portfolio",
    "rates",
    "registry",
    "rewards",
    "rounding",
    "solvency",
]

ORDER = (
    "SOLV",
    "CONS",
    "RND",
    "LIQ",
    "RATE",
    "CAP",
    "LIVE",
    "ISO",
    "LINE",
    "CROSS",
    "REG",
    "ORC",
    "REW",
    "AUTH",
    "GOV",
)
"""The families, as the catalogue has them."""
OF_SYSTEMS = (SYSTEM, CHANNELS, REGISTRY, REWARDS, CROSS)
"""What is claimed on top of a system of pools."""
CATALOGUE.arrange(ORDER)
