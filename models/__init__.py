"""How it moves: the markets, pools, lines and routers that the claims are about."""
