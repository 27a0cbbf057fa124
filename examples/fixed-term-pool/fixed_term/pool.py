"""A fixed-term pool: every market lends until its maturity, and begins a new term when everything is paid back."""

from poolproof.models import isolated_pool, reference
from poolproof.models.market import Market, accrue
from poolproof.spec.action import action, asset, tokens, user
from poolproof.spec.refusal import Refusal, require

TERM = 90 * 24 * 60 * 60
"""How long a market lends [slots, of a second]."""


class TermOver(Refusal):
    """The market lends no more."""

    fields = ("asset", "maturity")
    text = 'market "{asset}" lent until slot {maturity}; wait for its next term'


class TermRuns(Refusal):
    """The term is not over, or something is still owed."""

    fields = ("asset", "maturity", "debt_shares")
    text = 'market "{asset}" runs until slot {maturity} and is owed {debt_shares} debt shares; a new term has to wait'


class TermMarket(Market):
    """A market with a ``maturity`` [slot]."""

    scalars = (*Market.scalars, "maturity")
    __slots__ = ("maturity",)


def build(protocol):
    """An isolated pool whose markets begin their first term."""
    pool = reference.build(protocol, TermMarket)
    for market in pool.markets.values():
        market.maturity = TERM
    return pool


@action(user=user(), asset=asset(), amount=tokens())
def borrow(pool, user, asset, amount):
    """Borrow, before maturity.  Refuses: TermOver, and what an isolated pool refuses."""
    maturity = pool.markets[asset].maturity
    require(pool.now < maturity, TermOver, asset, maturity)
    isolated_pool.borrow(pool, user, asset, amount)


@action(user=user(), asset=asset())
def roll_over(pool, user, asset):
    """Begin the next term, once the last one is over and nothing is owed.  Refuses: TermRuns."""
    market = pool.markets[asset]
    accrue(market, pool.now)
    over = (pool.now >= market.maturity) & (market.debt_shares == 0)
    require(over, TermRuns, asset, market.maturity, market.debt_shares)
    market.maturity = pool.now + TERM


FIXED_TERM = reference.REFERENCE.variant("fixed-term", borrow, roll_over, build=build, market=TermMarket)
