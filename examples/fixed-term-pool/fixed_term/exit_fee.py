"""A fixed-term pool in which leaving early costs a fee.  It does not hold: see what the check says of it."""

from poolproof.models import isolated_pool
from poolproof.models.market import pay
from poolproof.spec.action import action, asset, shares, user
from poolproof.spec.arithmetic import div_up

from .pool import FIXED_TERM


@action(user=user(), asset=asset(), shares=shares())
def redeem(pool, user, asset, shares):
    """Redeem shares; before maturity, one part in 100 of the payout stays, for the suppliers who stay."""
    market = pool.markets[asset]
    cash = market.cash
    isolated_pool.redeem(pool, user, asset, shares)
    if pool.now < market.maturity:
        fee = div_up(cash - market.cash, 100)
        pay(market, user, market.vault, fee)
        market.cash += fee


EXIT_FEE = FIXED_TERM.variant("exit-fee", redeem)
