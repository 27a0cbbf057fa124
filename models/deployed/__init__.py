"""Deployed contracts, each modelled exactly: every division, every guard in its order, every error with its arguments."""
