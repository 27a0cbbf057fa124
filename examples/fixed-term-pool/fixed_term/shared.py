"""The same pool with the fee in another place: it stays in the market, for the suppliers who stay."""

from poolproof.models import isolated_pool
from poolproof.models.market import pay
from poolproof.spec.action import action, asset, shares, user

from .pool import FIXED_TERM, exit_fee


@action(user=user(), asset=asset(), shares=shares())
def redeem(pool, user, asset, shares):
    """Burn shares for what they are worth, less the fee, which raises the price of all other shares."""
    market = pool.markets[asset]
    cash = market.cash
    isolated_pool.redeem(pool, user, asset, shares)
    fee = exit_fee(market, cash - market.cash, pool.now)
    pay(market, user, market.vault, fee)
    market.cash += fee


SHARED = FIXED_TERM.variant("fixed-term-shared", redeem)
