"""A replayed trace as a person reads it: who did what, what changed, and what finally broke."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from string import Formatter
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from poolproof.models.system import SEPARATOR
from poolproof.proofs.monitor import Violation
from poolproof.proofs.replay import Change, ReplayedStep, ReplayReport
from poolproof.proofs.traces import Trace
from poolproof.spec.arithmetic import WAD
from poolproof.spec.protocol import Protocol

PHRASES = {
    "deposit": "{user} deposits {amount}",
    "redeem": "{user} redeems {shares}",
    "withdraw": "{user} withdraws {amount}",
    "transfer": "{sender} sends {shares} to {receiver}",
    "enter": "{user} lets {asset} count for the account",
    "exit": "{user} lets {asset} no longer count for the account",
    "borrow": "{user} borrows {amount}",
    "repay": "{payer} repays at most {amount} for {borrower}",
    "liquidate": "{liquidator} liquidates {borrower}: repays at most {amount} for {collateral_asset}",
    "write_off": "{user} records the debts of {account} as bad",
    "accrue_interest": "interest on {asset} is charged",
    "add_reserves": "{user} adds {amount} to the reserves",
    "take_reserves": "governance takes {amount} of the reserves",
    "donate": "{user} sends {amount} straight to the vault",
    "set_price": "the price of {asset} becomes {price}",
    "pass_time": "{elapsed} pass",
    "set_risk_factors": "governance sets {asset} to loan-to-value {ltv}, liquidation threshold {threshold}",
    "set_supply_cap": "governance sets the supply cap of {asset} to {supply_cap}",
    "set_borrow_cap": "governance sets the borrow cap of {asset} to {borrow_cap}",
    "set_reserve_factor": "governance sets the reserve factor of {asset} to {reserve_factor}",
    "set_rate_model": "governance sets the rates of {asset}: {base} + {multiplier}, {jump} above {kink}",
    "set_close_factor": "governance sets the close factor to {close_factor}",
    "set_liquidation_incentive": "governance sets the liquidation incentive to {incentive}",
    "fund_first_loss": "{user} adds {amount} to the first-loss reserve",
    "take_first_loss": "governance takes {amount} of the first-loss reserve",
    "set_line_limit": "governance sets the line limit of {asset} to {limit}",
    "set_debt_ceiling": "governance sets the debt ceiling of {asset} to {debt_ceiling}",
    "set_line_premium": "governance sets the risk premium of {asset} to {premium}",
    "mint": "{user} supplies {amount}",
    "mint_behalf": "{user} supplies {amount} for {minter}",
    "redeem_underlying": "{user} redeems vTokens for {amount}",
    "enter_market": "{user} lets {asset} count for the account",
    "exit_market": "{user} lets {asset} no longer count for the account",
    "repay_borrow": "{user} repays at most {amount}",
    "repay_borrow_behalf": "{user} repays at most {amount} for {borrower}",
    "liquidate_borrow": "{user} liquidates {borrower}: repays {repay} for vTokens of {collateral}",
    "liquidate_small_account": "{user} liquidates the small account of {borrower}: repays {repay} for {collateral}",
    "liquidate_account": "{user} liquidates the small account of {borrower}",
    "heal_account": "{user} heals the account of {borrower}: takes its collateral, pays a part, the rest becomes bad debt",
    "sync_cash": "the token balance of {asset} is counted as its cash",
    "reduce_reserves": "{user} sends {amount} of the reserves to the share reserve",
    "set_collateral_factor": "governance sets {asset} to collateral factor {cf}, liquidation threshold {lt}",
    "set_market_supply_caps": "governance sets the supply cap of {asset} to {cap}",
    "set_market_borrow_caps": "governance sets the borrow cap of {asset} to {cap}",
    "set_min_liquidatable_collateral": "governance sets small accounts to end at {value}",
    "set_protocol_seize_share": "governance sets the protocol's part of what is seized in {asset} to {value}",
    "set_actions_paused": "governance pauses actions of {asset}, or resumes them",
    "set_forced_liquidation": "governance lets the debts of {asset} be liquidated whatever the health, or no longer",
    "unlist_market": "governance takes {asset} off the list",
    "set_jump_rate": "governance replaces the rate model of {asset}: {base} + {multiplier}, {jump} above {kink}",
    "update_jump_rate": "governance changes the rates of {asset} in place: {base} + {multiplier}, {jump} above {kink}",
    "add_rewards_distributor": "governance adds a distributor of rewards",
    "set_reward_token_speeds": "governance sets rewards of {asset} a slot: {supply} for suppliers, {borrow} for borrowers",
    "claim_reward_token": "{user} claims the rewards of {holder}",
    "cross_borrow": "{user} supplies {deposited}, borrows the bridge asset on it, and on that {borrowed}",
    "cross_unwind": "{user} repays {loan} and takes {collateral} back, across both pools",
}
"""An action in words; one that is not named here, or takes other arguments, is written with its arguments."""

OF_VENUS = {
    "redeem": "{user} redeems {tokens}",
    "transfer": "{user} sends {tokens} to {to}",
    "set_reserve_factor": "governance sets the reserve factor of {asset} to {value}",
    "set_close_factor": "governance sets the close factor to {value}",
    "set_liquidation_incentive": "governance sets the liquidation incentive to {value}",
}
"""Actions of the model "venus" that other models have with other arguments."""

_TOKENS = {
    *("cash", "donated", "supply_cap", "borrow_cap", "tokens", "lent", "drawn"),
    *("limit", "debt_ceiling", "principal", "first_loss", "limit_at_draw", "taken", "lost", "paid"),
}
_EXACT_TOKENS = {
    *("reserves", "bad_debt", "unreleased", "collected", "released", "kept", "due", "charged", "cancelled"),
}
_TOKENS_OF_VENUS = {
    *("internal_cash", "total_borrows", "total_reserves", "bad_debt", "supply_cap", "borrow_cap"),
    *("principal", "underlying"),
}
_VTOKENS = {"tokens", "total_supply"}
_VTOKEN_DECIMALS = 8
_INDEXES = {"index", "borrow_index", "interest_index"}
_FACTORS = {
    *("ltv", "collateral_factor", "liquidation_threshold", "reserve_factor", "protocol_seize_share"),
    *("close_factor", "liquidation_incentive"),
}
_FEW_UNITS = 1000
"""Below this, an amount is written in its smallest unit."""


@dataclass(frozen=True, slots=True)
class Units:
    """How a protocol's numbers are written for people."""

    decimals: dict[str, int]
    of_venus: bool = False
    """Shares are vTokens, and the fields those of the model "venus"."""

    @classmethod
    def of(cls, protocol: Protocol) -> Units:
        """The units of a protocol's assets, each also under the names of its markets in a system."""
        markets = [(pool.id, market) for pool in protocol.pools for market in pool.markets]
        names = {f"{pool}{SEPARATOR}{market.asset}": market.decimals for pool, market in markets}
        of_venus = protocol.model == "venus"
        return cls(names | {market.asset: market.decimals for _, market in markets}, of_venus)

    def tokens(self, amount: int, asset: str) -> str:
        """An amount of an asset, exactly: `1.5 ETH`, or `3 units of ETH` where it is that small."""
        if asset not in self.decimals:
            return f"{amount:,} {asset}"
        if 0 < abs(amount) < _FEW_UNITS and self.decimals[asset] > 3:
            return f"{amount} unit{'s' * (abs(amount) != 1)} of {asset}"
        return f"{decimal(amount, self.decimals[asset])} {asset}"

    def vtokens(self, amount: int, asset: str) -> str:
        """An amount of vTokens, exactly: `40 vETH`, or `3 units of vETH` where it is that small."""
        if 0 < abs(amount) < _FEW_UNITS:
            return f"{amount} unit{'s' * (abs(amount) != 1)} of v{asset}"
        return f"{decimal(amount, _VTOKEN_DECIMALS)} v{asset}"

    def price(self, price: int, asset: str) -> str:
        """A price for a whole token; a missing one is said to be missing."""
        if price == 0:
            return "missing"
        return f"{decimal(price, 36 - self.decimals.get(asset, 0))} USD"

    def argument(self, kind: str, value: Any, asset: str) -> str:
        """An argument of an action, by the kind of its domain."""
        if not isinstance(value, int) or isinstance(value, bool):
            return str(value)
        match kind:
            case "tokens" | "cap":
                return self.tokens(value, asset)
            case "shares" if self.of_venus:
                return self.vtokens(value, asset)
            case "shares":
                return f"{value:,} share{'s' * (value != 1)} of {asset}"
            case "debt_shares":
                return f"{value:,} debt share{'s' * (value != 1)} of {asset}"
            case "price":
                return self.price(value, asset)
            case "slots":
                return f"{value:,} slot{'s' * (value != 1)}"
            case "factor":
                return percent(value)
            case _:
                return f"{value:,}"

    def field(self, path: tuple[str, ...], text: str) -> str:
        """A value of the state, by the field that it stands in."""
        digits = text.removeprefix("-")
        if not digits.isdigit():
            return {"true": "yes", "false": "no"}.get(text, text)
        value = int(text)
        asset = next((name for name in path if name in self.decimals), "").rpartition(SEPARATOR)[2]
        name = next(iter(path[2:] or path[-1:]), "")
        if self.of_venus and asset and name in _TOKENS_OF_VENUS:
            return self.tokens(value, asset)
        if self.of_venus and asset and name in _VTOKENS:
            return self.vtokens(value, asset)
        if name in _TOKENS:
            return self.tokens(value, asset)
        if name in _EXACT_TOKENS and asset:
            return f"{decimal(value, 18 + self.decimals[asset])} {asset}"
        if name == "price":
            return self.price(value, asset)
        if name in _FACTORS:
            return percent(value)
        return decimal(value, 18) if name in _INDEXES else f"{value:,}"


def decimal(value: int, places: int) -> str:
    """A scaled integer, exactly, without trailing zeros: 1500000 at 6 places is 1.5."""
    if places <= 0:
        return f"{value * 10**-places:,}"
    whole, part = divmod(abs(value), 10**places)
    digits = f"{part:0{places}d}".rstrip("0")
    sign = "-" if value < 0 else ""
    return f"{sign}{whole:,}.{digits}" if digits else f"{sign}{whole:,}"


def percent(factor: int) -> str:
    """A factor [wad] as a percentage, exactly."""
    return f"{decimal(100 * factor, len(str(WAD)) - 1)} %"


def timeline(report: ReplayReport) -> RenderableType:
    """The replayed trace, ready to print on a console of rich."""
    trace = report.trace
    units = Units.of(trace.parsed_protocol())
    head = Text.assemble((trace.invariant, "bold"), "  ", report.claim)
    parts: list[RenderableType] = [head, Text(f"{trace.protocol}, from {start_of(trace)}", style="dim")]
    if trace.vary:
        parts.append(Text(f"the runs differ in {', '.join(trace.vary)}", style="dim"))
    for number, run in enumerate(report.runs):
        if len(report.runs) > 1:
            parts.append(Text(f"\nrun {number + 1} of {len(report.runs)}", style="bold"))
        if not run:
            parts.append(Text("\nno action is needed"))
        for position, step in enumerate(run):
            parts += _step(units, position + 1, step)
    parts += _ending(units, report)
    return Group(*parts)


def start_of(trace: Trace) -> str:
    """Where the runs of a trace begin, in words."""
    return "the initial state" if trace.start is None else "the state that the trace starts from"


def _step(units: Units, number: int, step: ReplayedStep) -> Iterator[RenderableType]:
    """One step: the sentence, then each change or the refusal."""
    yield Text.assemble("\n", (f"{number:>3}  ", "dim"), (sentence(units, step), "bold"))
    if step.refusal is not None:
        yield Text(f"     refused, {step.refusal}: {step.message}", style="yellow")
    if not step.as_recorded:
        recorded = step.recorded.refusal or "completed"
        yield Text(f"     recorded: {recorded}", style="bold red")
    if step.changes:
        yield Padding(_changes(units, step.changes), (0, 0, 0, 5))


def sentence(units: Units, step: ReplayedStep) -> str:
    """A step in words: `alice deposits 1.5 ETH`."""
    args = step.recorded.args
    written: dict[str, str] = {}
    for name, value in args.items():
        domain = step.domains[name]
        asset = str(args.get(domain.of or "asset", ""))
        written[name] = units.argument(domain.kind, value, asset)
    for phrase in (phrases.get(step.recorded.action) for phrases in (PHRASES, OF_VENUS)):
        if phrase is not None and {name for _, name, _, _ in Formatter().parse(phrase) if name} <= written.keys():
            pool = f' in pool "{written["pool"]}"' if "pool" in step.domains else ""
            return phrase.format(**written) + pool
    return f"{step.recorded.action} {', '.join(f'{name} {text}' for name, text in written.items())}"


def _changes(units: Units, changes: list[Change]) -> Table:
    """What a step changed, grouped by where it stands: field, old, new."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    for style in ("dim", "", "dim", ""):
        table.add_column(style=style, overflow="fold")
    for place, group in groupby(in_words(units, changes), key=itemgetter(0)):
        shown = place
        for _, name, old, new in group:
            table.add_row(Text(shown), Text(name), Text(old), Text.assemble("-> ", (new, "bold")))
            shown = ""
    return table


def in_words(units: Units, changes: Iterable[Change]) -> Iterator[tuple[str, str, str, str]]:
    """Each change as a person reads it: where it stands, the field, the old value, the new one."""
    for change in changes:
        old, new = (units.field(change.path, value) for value in (change.old, change.new))
        yield _place(change), _field(change.path), old, new


def _place(change: Change) -> str:
    """The market, feed or other record that a change stands in."""
    return change.path[1] if len(change.path) > 2 else ""


def _field(path: tuple[str, ...]) -> str:
    """The field of a change, and the account where it is a ledger's entry."""
    name, *accounts = path[2:] or path
    return " of ".join((name.replace("_", " "), *accounts))


def _ending(units: Units, report: ReplayReport) -> Iterator[RenderableType]:
    """What broke: the clause in words, where, and its numbers."""
    recorded, violation = report.trace.violation, report.violation
    if violation is None:
        if recorded is not None:
            yield Text("\nnothing broke, but the trace records a violation", style="bold red")
        return
    yield Text.assemble("\n", ("broken  ", "bold red"), (violation.message, "bold"))
    yield Text(f"        the claim: {report.claim}")
    if (tried := scenario(violation)) is not None:
        yield Text(f"        {tried}")
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    for name, before, after in figures(units, violation):
        if before is None:
            table.add_row(Text(name, style="dim"), Text(after), Text(""))
        else:
            table.add_row(Text(name, style="dim"), Text(before), Text.assemble("-> ", (after, "bold")))
    if table.row_count:
        yield Padding(table, (0, 0, 0, 8))


def scenario(violation: Violation) -> str | None:
    """What was tried at the end, where the broken claim is about what can be tried."""
    tried = violation.values.get("scenario")
    if not isinstance(tried, dict):
        return None
    drawn = ", ".join(f"{name} {value}" for name, value in tried.items() if name != "clause")
    return f"in the scenario {tried['clause'].replace('_', ' ')}: {drawn}"


def figures(units: Units, violation: Violation) -> Iterator[tuple[str, str | None, str]]:
    """The numbers that a violation shows: the name, what it was where the last step changed it, what it is."""
    old, new = violation.values.get("old", {}), violation.values.get("new", {})
    market = str(violation.values.get("market", ""))
    for name, value in new.items():
        after = units.field(_path(market, name), value)
        if name in old:
            yield name, units.field(_path(market, name), old[name]), after
        elif not old and value != "0":
            yield name, None, after


def _path(market: str, name: str) -> tuple[str, ...]:
    """The path of a number that a violation shows: `cash`, `ETH.cash` or `shares[alice]`."""
    asset, _, field = name.rpartition(".")
    return "markets", asset or market, (field or name).partition("[")[0]
