"""What a fixed-term pool promises on top of the built-in catalogue."""

from poolproof.invariants import CATALOGUE
from poolproof.models.market import tokens_for_shares
from poolproof.spec.action import asset, shares, user
from poolproof.spec.invariant import Catalogue

from .pool import borrow, redeem, roll_over

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
    """A maturity moves once it is over and nothing is owed, and then into the future."""
    return (new.maturity == old.maturity) | (
        (step.new.now >= old.maturity) & (new.debt_shares == 0) & (new.maturity > step.new.now)
    )


TERM_3 = CLAIMS.declare("TERM-3", "from maturity on, leaving costs nothing", "refusal")


@TERM_3.scenario(user=user(), asset=asset(), shares=shares(), instant=True)
def leaving_a_finished_term_is_free(trial, pool, user, asset, shares):
    """From maturity on a redemption that is not refused pays all that its shares are worth, rounded down."""
    market = pool.markets[asset]
    worth, before = tokens_for_shares(market, shares), market.tokens[user]
    trial.assume(pool.now >= market.maturity)
    refusal = trial.do(pool, redeem, user, asset, shares)
    if refusal is None:
        trial.claim(pool.markets[asset].tokens[user] == before + worth, "the shares are paid in full")


TERM_4 = CLAIMS.declare("TERM-4", "anyone can begin the next term of a finished market that is owed nothing", "refusal")


@TERM_4.scenario(user=user(), asset=asset())
def the_next_term_can_begin(trial, pool, user, asset):
    """Nobody's permission is needed."""
    market = pool.markets[asset]
    trial.assume((pool.now >= market.maturity) & (market.debt_shares == 0))
    trial.claim(trial.do(pool, roll_over, user, asset) is None, "it is not refused")
