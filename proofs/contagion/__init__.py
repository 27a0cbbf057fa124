"""Contagion: who else loses when a pool fails, over which channels, at most how much, and in which run."""
