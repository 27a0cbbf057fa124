"""A fixed-term pool: every market lends until a maturity."""
