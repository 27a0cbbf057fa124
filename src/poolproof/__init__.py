"""Formal verification of lending protocols: core pools, isolated pools and credit lines."""

__version__ = "0.1.0"
