"""The catalogue of the reference system: every invariant, by id."""

from __future__ import annotations

from poolproof.spec.invariant import Catalogue

CATALOGUE = Catalogue()
"""Filled by the modules of this folder, one family a file."""

SYSTEM = Catalogue()
"""What is claimed on top of a system of pools: credit lines, isolation, and what stands between pools."""

PRICES = "prices from 0 (missing) to 2^128, amount x price at most 2^160"
REGION = "parameters inside the admissible region"
HORIZON = "at most 2^30 slots since the last accrual"
