"""The gate: whether a proposal, one protocol file in place of another, may be put in force."""
