"""Rewards: tokens that a market gives its suppliers or its borrowers, besides interest.

Each slot emits a number of tokens; they go to the holders in proportion to what they hold, and one part to a virtual
holder of one share, so that there is no zero case: what is emitted while nobody is there is nobody's.  An account's
rewards are exact, in units of 1 / SCALE of a token: the remainder of each division is carried to the next, and nothing
is rounded until tokens are claimed.  So an account that is split in two earns what it would have earned.

Whatever moves the holdings of an account first brings its rewards to the present (``checkpoint``), which refuses
nothing and reads nothing that the market could miss.
"""

from __future__ import annotations

from poolproof.spec.action import Action, Domain, action, asset, tokens, user
from poolproof.spec.arithmetic import Number, div_down
from poolproof.spec.logic import least
from poolproof.spec.refusal import require
from poolproof.spec.state import Account, Ledger, Record

from .market import Market
from .refusals import InsufficientTokens, NoRewards
from .system import System

SCALE = 10**42
"""Parts of a reward token in which rewards are counted: what is carried from before somebody came is worth less than
all shares / SCALE tokens, and 2^112 tokens still fit into a word."""
EMISSION_LIMIT = 2**64
"""An emission stays below this [tokens per slot]."""
SUPPLIERS, BORROWERS = "suppliers", "borrowers"
"""Whom a programme rewards: the holders of shares, or those of debt shares."""


class Programme(Record):
    """The rewards of a market's suppliers, or of its borrowers.

    Units: ``emission`` [tokens per slot]; ``index`` [tokens x SCALE], what a share held from the start has earned;
    ``carry`` [tokens x SCALE], emitted and not yet in the index; ``emitted``, ``claimed`` [tokens];
    ``updated_at`` [slot].
    Ledgers: ``seen`` [tokens x SCALE], the index when the account's rewards were last brought to the present;
    ``earned`` [tokens x SCALE], what it had earned by then and not claimed; ``tokens``, balances of the reward token.
    Constants: ``market``, by its name in the system; ``to``, whom it rewards; ``token``; ``vault``, which pays.
    """

    scalars = ("emission", "index", "carry", "emitted", "claimed", "updated_at")
    ledgers = ("seen", "earned", "tokens")
    constants = ("market", "to", "token", "vault")
    __slots__ = (*scalars, *ledgers, *constants)

    emission: Number
    index: Number
    carry: Number
    emitted: Number
    claimed: Number
    updated_at: Number
    seen: Ledger
    earned: Ledger
    tokens: Ledger
    market: str
    to: str
    token: str
    vault: Account

    def holdings(self, market: Market) -> Ledger:
        """What is rewarded, by account [shares, or debt shares]."""
        return market.shares if self.to == SUPPLIERS else market.debts

    def shared_by(self, market: Market) -> Number:
        """All that is rewarded, and the share of the virtual holder [shares, or debt shares]."""
        return (market.supply if self.to == SUPPLIERS else market.debt_shares) + 1

    def update(self, market: Market, now: Number) -> None:
        """Emit up to now.

        index += floor((emission x slots x SCALE + carry) / all shares); the remainder is carried.
        """
        emitted = self.emission * (now - self.updated_at)
        shares, due = self.shared_by(market), emitted * SCALE + self.carry
        growth = div_down(due, shares)
        self.index += growth
        self.carry = due - growth * shares
        self.emitted += emitted
        self.updated_at = now

    def checkpoint(self, market: Market, account: Account) -> None:
        """Bring an account's rewards to the present, after an update."""
        self.earned[account] += self.holdings(market)[account] * (self.index - self.seen[account])
        self.seen[account] = self.index


def programme(
    name: str, to: str, token: str, emission: Number, tokens: Ledger, users: tuple[Account, ...]
) -> Programme:
    """The rewards of a market as they begin."""
    made = Programme()
    for scalar in Programme.scalars:
        setattr(made, scalar, 0)
    made.emission, made.market, made.to, made.token = emission, name, to, token
    made.tokens, made.vault = tokens, vault_of_rewards(name)
    made.seen, made.earned = (Ledger(tokens.journal, dict.fromkeys(users, 0)) for _ in ("seen", "earned"))
    return made


def vault_of_rewards(market: str) -> Account:
    """The account that pays a market's rewards."""
    return f"{market}:rewards"


def claimable(programme: Programme, account: Account) -> Number:
    """What an account can claim as of its last checkpoint, rounded down; never more than its exact rewards [tokens]."""
    return div_down(programme.earned[account], SCALE)


# --- actions ---------------------------------------------------------------------------------------------------


def programmes_of(system: System, market: str) -> list[Programme]:
    """The programmes of a market, brought to the present.  Refuses: NoRewards."""
    found = system.programmes((market,))
    require(bool(found), NoRewards, market)
    for each in found:
        each.update(system.markets[market], system.now)
    return found


@action(user=user(), asset=asset())
def claim_rewards(system: System, user: Account, asset: str) -> None:
    """Pay a user's rewards of a market, in whole tokens, as far as its reward vault has them.  Refuses: NoRewards."""
    for each in programmes_of(system, asset):
        each.checkpoint(system.markets[asset], user)
        paid = least(claimable(each, user), each.tokens[each.vault])
        each.earned[user] -= paid * SCALE
        each.claimed += paid
        each.tokens[each.vault] -= paid
        each.tokens[user] += paid


@action(user=user(), asset=asset(), amount=tokens())
def fund_rewards(system: System, user: Account, asset: str, amount: Number) -> None:
    """Give reward tokens to a market's reward vault.  Refuses: NoRewards, InsufficientTokens."""
    first, *_ = programmes_of(system, asset)
    held = first.tokens[user]
    require(amount <= held, InsufficientTokens, amount, held, first.token)
    first.tokens[user] = held - amount
    first.tokens[first.vault] += amount


@action(by="environment", asset=asset())
def update_rewards(system: System, asset: str) -> None:
    """Emit a market's rewards up to now.  Refuses: NoRewards."""
    programmes_of(system, asset)


def emission() -> Domain:
    """Rewards of a slot [tokens per slot]."""
    return Domain("rate", high=EMISSION_LIMIT - 1)


@action(by="governance", asset=asset(), suppliers=emission(), borrowers=emission())
def set_emissions(system: System, asset: str, suppliers: Number, borrowers: Number) -> None:
    """Change what a market's suppliers and its borrowers are given, from now on.  Refuses: NoRewards."""
    for each in programmes_of(system, asset):
        each.emission = suppliers if each.to == SUPPLIERS else borrowers


REWARD_ACTIONS: tuple[Action, ...] = (claim_rewards, fund_rewards, update_rewards, set_emissions)
"""What happens to rewards themselves; they are earned by the actions of the pools."""
