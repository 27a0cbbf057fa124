"""What a fixed-term pool promises, on top of the built-in catalogue."""

from poolproof.invariants import CATALOGUE
from poolproof.spec.action import asset, user
from poolproof.spec.invariant import Catalogue

from .pool import borrow, roll_over

CLAIMS = Catalogue()
CLAIMS.add(CATALOGUE)

TERM_1 = CLAIMS.declare("TERM-1", "nothing is lent from maturity on", "step")


@TERM_1.step(of=(borrow,))
def lending_ends_at_maturity(step, old, new):
    """A borrow that completes does so before the maturity of its market."""
    return (new.asset != step.arguments["asset"]) | (step.new.now < old.maturity)


TERM_2 = CLAIMS.declare("TERM-2", "a term is never cut short, nor prolonged while anything is owed", "step")


@TERM_2.step()
def a_term_runs_its_course(step, old, new):
    """A maturity moves once it has come and nothing is owed, and then into the future."""
    over = (step.new.now >= old.maturity) & (new.debt_shares == 0)
    return (new.maturity == old.maturity) | (over & (new.maturity > step.new.now))


TERM_3 = CLAIMS.declare("TERM-3", "anyone can begin the next term of a market that is over and owed nothing", "refusal")


@TERM_3.scenario(user=user(), asset=asset())
def the_next_term_can_begin(trial, pool, user, asset):
    """It takes one action and nobody's permission."""
    market = pool.markets[asset]
    trial.assume((pool.now >= market.maturity) & (market.debt_shares == 0))
    trial.claim(trial.do(pool, roll_over, user, asset) is None, "the new term is not refused")
