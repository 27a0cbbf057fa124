"""The command that shows what pools can do to each other: the network, its paths, and the worst loss of each pool."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from poolproof.proofs.contagion.analysis import analyse
from poolproof.proofs.contagion.bounds import Worst, worst_of
from poolproof.proofs.contagion.network import Channel, Contagion, Loss, Network
from poolproof.proofs.contagion.network import Path as Way
from poolproof.proofs.contagion.paths import Cut, heaviest, keep_under, shortest_of
from poolproof.proofs.contagion.shock import SHOCK, Outcome, losses_of_shock, read_shocks, run_shock
from poolproof.proofs.progress import Event, Listener
from poolproof.proofs.snapshots import set_state
from poolproof.spec.errors import UsageError, shown_path, shown_text
from poolproof.spec.model import Model
from poolproof.spec.protocol import Protocol

from .checking import INTERRUPTED
from .console import Output, write_whole
from .documents import document
from .inputs import open_model, read_state

SHOWN = 24
"""Most rows of a table on the terminal; the JSON has all."""
KINDS = (
    "principal: what was lent and does not come back; value: what is still there at another price; "
    "frozen: what is there and cannot be taken out yet"
)
OF_VENUS = "the risk fund and the auctions of bad debt are not in the bounds: they can only bring something back"
TARGET = re.compile(r"(?P<pool>.+)/(?P<asset>[^/]+)=(?P<amount>0|[1-9][0-9]{0,40})")


def run_contagion(
    output: Output,
    name_or_path: str,
    *,
    state: str | None,
    shocks: Sequence[str],
    keep_under: Sequence[str],
    svg: Path | None,
    html: Path | None,
) -> int:
    """Analyse a protocol; 1 where a loss asked for cannot be kept under its amount, or a run loses more than its bound.

    2 where a shock was not followed to its end.
    """
    pictures = [(kind, path) for kind, path in (("svg", svg), ("html", html)) if path is not None]
    for kind, path in pictures:
        _require_drawable(kind, path)
    protocol, model, _ = open_model(name_or_path)
    moves = read_shocks(shocks, protocol)
    targets = [_target(text) for text in keep_under]
    start = _start(state, model, protocol)
    try:
        with output.progress() as listener:
            analysis = analyse(
                protocol,
                start,
                witnesses=start is None,
                watch=lambda stage, done, of: listener(Event(stage, done, of)),
            )
            outcome = _shocked(protocol, start, moves, analysis, listener)
    except KeyboardInterrupt:
        output.err.print("interrupted: nothing was decided by then", style="bold")
        return INTERRUPTED
    cuts = [_cut(protocol, target, start) for target in targets]
    worst = worst_of(protocol, start)
    scope = (*model.scope, OF_VENUS) if protocol.model == "venus" else model.scope
    output.write_json(document("contagion", to_json(analysis, worst, cuts, outcome, scope)))
    _print(output, protocol, analysis, worst, start)
    _print_outcome(output, protocol, outcome)
    for cut in cuts:
        _print_cut(output, protocol, cut)
    for kind, path in pictures:
        _draw(kind, path, analysis, _decimals(protocol))
    beyond = [loss for loss in analysis.losses if loss.upper is not None and loss.lower > loss.upper]
    for loss in beyond:
        told = f"a run loses {loss.lower} where {loss.upper} is the bound: {loss.source} to {loss.pool}/{loss.asset}"
        output.out.print(Text(told, style="bold red"))
    if beyond or not all(cut.reached for cut in cuts):
        return 1
    return 2 if outcome is not None and not outcome.complete else 0


# --- what it takes in ---------------------------------------------------------------------------------------------


def _start(path: str | None, model: Model, protocol: Protocol) -> Any:
    """The state of a file, or none."""
    if path is None:
        return None
    state = model.build(protocol)
    set_state(state, read_state(path, model, protocol), shown_path(path))
    return state


def _target(text: str) -> tuple[str, str, int]:
    """A market and an amount.  Refuses: what is not POOL/ASSET=AMOUNT."""
    found = TARGET.fullmatch(text)
    if found is None:
        cure = "write the amount in the smallest unit, like core/ETH=1000000000000000000"
        raise UsageError("this is not POOL/ASSET=AMOUNT", f"--keep-under {shown_text(text)}", cure)
    return found["pool"], found["asset"], int(found["amount"])


def _cut(protocol: Protocol, target: tuple[str, str, int], state: Any) -> Cut:
    pool, asset, amount = target
    return keep_under(protocol, pool, asset, amount, state)


def _shocked(
    protocol: Protocol, start: Any, moves: Mapping[str, Any], analysis: Contagion, listener: Listener
) -> Outcome | None:
    """Add what price moves do: their bounds to the losses, and on a state what they really did."""
    if not moves:
        return None
    rows = losses_of_shock(protocol, moves, start)
    outcome = None
    if start is not None:
        outcome = run_shock(protocol, start, moves, lambda stage, done: listener(Event(stage, done)))
        stakes = {f"{each.pool}/{each.asset}": each.total for each in worst_of(protocol, start)}
        for row in rows:
            market = f"{row.pool}/{row.asset}"
            row.lower = max(0, outcome.lost[market])
            if outcome.unhealthy_before:
                row.upper, row.upper_reason = (
                    stakes[market],
                    "all at stake: an account is unhealthy before the price move",
                )
    analysis.losses += rows
    return outcome


def _require_drawable(kind: str, path: Path) -> None:
    """Refuse early what could not be drawn or written."""
    if find_spec("poolproof.pictures") is None:
        cure = f"leave --{kind} out, and use --json"
        raise UsageError("pictures are not a part of this installation", f"--{kind}", cure)
    if path.is_dir() or not path.parent.is_dir():
        raise UsageError("this is no file in a folder that exists", f"--{kind} {shown_path(str(path))}", "name another")


def _draw(kind: str, path: Path, analysis: Contagion, decimals: Mapping[str, int]) -> None:
    """Write a picture, whole or not at all.  Refuses: a file that cannot be written."""
    module = import_module(f"poolproof.pictures.{kind}")
    text: str = getattr(module, f"{kind}_of")(analysis, decimals)
    try:
        write_whole(path, text)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        rule = f"the file cannot be written ({reason})"
        raise UsageError(rule, f"--{kind} {shown_path(str(path))}", "name another file") from None


# --- what it gives out --------------------------------------------------------------------------------------------


def to_json(
    analysis: Contagion,
    worst: Sequence[Worst],
    cuts: Sequence[Cut],
    outcome: Outcome | None,
    scope: Sequence[str],
) -> dict[str, Any]:
    """The analysis as data; every amount is a decimal string in the smallest unit of its asset."""
    network = analysis.network
    return {
        "protocol": network.protocol,
        "start": network.start,
        "scope": list(scope),
        "nodes": [{"id": node.id, "kind": node.kind, "pool": node.pool} for node in network.nodes],
        "edges": [_edge(each) for each in network.channels],
        "paths": [_path(each) for each in analysis.paths],
        "losses": [_loss(each) for each in analysis.losses],
        "worst": [
            {"pool": each.pool, "asset": each.asset, "own": str(each.own), "lines": str(each.lines)} for each in worst
        ],
        "cuts": [_cut_to_json(cut) for cut in cuts],
        "shock": _outcome_to_json(outcome) if outcome is not None else None,
    }


def _amount(amount: int | None) -> str | None:
    return None if amount is None else str(amount)


def _edge(channel: Channel) -> dict[str, Any]:
    return {
        "from": channel.source,
        "to": channel.target,
        "channel": channel.kind,
        "asset": channel.asset,
        "capacity": _amount(channel.capacity),
        "carries": channel.carries,
        "theorem": list(channel.theorem),
        "reason": channel.reason,
    }


def _path(path: Way) -> dict[str, Any]:
    via = [{"from": each.source, "to": each.target, "channel": each.kind} for each in path.via]
    return {"from": path.source, "to": path.target, "via": via, "asset": path.asset, "bound": _amount(path.bound)}


def _loss(loss: Loss) -> dict[str, Any]:
    return {
        "source": loss.source,
        "pool": loss.pool,
        "asset": loss.asset,
        "kind": loss.kind,
        "upper": _amount(loss.upper),
        "upper_reason": loss.upper_reason,
        "theorem": list(loss.theorem),
        "horizon": loss.horizon,
        "direct": loss.direct,
        "lower": str(loss.lower),
        "witness": loss.witness,
        "gap": loss.gap,
    }


def _cut_to_json(cut: Cut) -> dict[str, Any]:
    return {
        "pool": cut.pool,
        "asset": cut.asset,
        "amount": str(cut.amount),
        "own": str(cut.own),
        "before": str(cut.before),
        "after": str(cut.after),
        "reached": cut.reached,
        "lowered": [{"market": each.market, "old": str(each.old), "new": str(each.new)} for each in cut.lowered],
    }


def _outcome_to_json(outcome: Outcome) -> dict[str, Any]:
    return {
        "prices": {oracle: {"old": str(old), "new": str(new)} for oracle, (old, new) in outcome.prices.items()},
        "unhealthy_before": outcome.unhealthy_before,
        "unhealthy": outcome.unhealthy,
        "left": outcome.left,
        "liquidations": outcome.liquidations,
        "recorded": outcome.recorded,
        "complete": outcome.complete,
        "lost": {market: str(lost) for market, lost in outcome.lost.items()},
    }


# --- for people ---------------------------------------------------------------------------------------------------


def _print(output: Output, protocol: Protocol, analysis: Contagion, worst: Sequence[Worst], start: Any) -> None:
    """The network in a line, the channels that carry most, the paths, and the losses."""
    network, decimals = analysis.network, _decimals(protocol)
    counts: dict[str, int] = {}
    for node in network.nodes:
        counts[node.kind] = counts.get(node.kind, 0) + 1
    nodes = ", ".join(f"{count} {kind}{'s' if count > 1 else ''}" for kind, count in counts.items())
    output.out.print(Text(f"{network.protocol}: {nodes}; {len(network.channels)} channels", style="bold"))
    output.out.print(Text(f"start: {network.start}", style="dim"))
    rows: list[Sequence[str]] = [
        (each.kind, each.source, each.target, _shown(each.capacity, each.asset, decimals), each.carries, _ids(each))
        for each, _ in heaviest(protocol, network, start)
        if _leads_elsewhere(each, network)
    ]
    header: Sequence[str] = ("channel", "from", "to", "at most", "carries", "by")
    _table(output, "channels between pools, the worst first", header, rows)
    paths = shortest_of(analysis.paths)
    rows = [(each.source, _way(each), _shown(each.bound, each.asset, decimals)) for each in paths]
    _table(output, f"shortest of {len(analysis.paths)} paths to other pools", ("from", "way", "at most"), rows)
    _print_losses(output, analysis.losses, decimals)
    rows = [
        (each.pool, each.asset, _shown(each.own, each.asset, decimals), _shown(each.lines, each.asset, decimals))
        for each in worst
        if each.total > 0
    ]
    header = ("pool", "asset", "by its own borrowers", "over credit lines")
    _table(output, "worst loss of principal, everything failing at once", header, rows)


def _leads_elsewhere(channel: Channel, network: Network) -> bool:
    """Whether a channel reaches another pool than it comes from: over a line, or from a feed that several pools read."""
    if channel.kind in {"contains", "collateral", "core share price"} or channel.target.startswith("line:"):
        return False
    if channel.kind != "price feed":
        return True
    pools = {node.id: node.pool for node in network.nodes}
    return len({pools[each.target] for each in network.channels if each.source == channel.source}) > 1


def _print_losses(output: Output, losses: Sequence[Loss], decimals: Mapping[str, int]) -> None:
    """The losses, in the order in which they concern others."""
    shown = [loss for loss in losses if loss.upper != 0]
    ordered = sorted(shown, key=_rank)
    rows = [
        (
            each.source,
            each.pool,
            each.kind,
            _shown(each.upper, each.asset, decimals),
            _shown(each.lower, each.asset, decimals) if each.lower else "",
            ", ".join(each.theorem),
        )
        for each in ordered
    ]
    _table(output, "losses", ("source", "pool", "kind", "at most", "a run shows", "by"), rows)
    nothing = [loss for loss in losses if loss.upper == 0 and loss.source != loss.pool]
    if nothing:
        ids = ", ".join(dict.fromkeys(name for loss in nothing for name in loss.theorem))
        told = f"nothing is lost in {len(nothing)} more pairs of a source and a market, by {ids}"
        output.out.print(Text(told, style="green"))
    output.out.print(Text(KINDS, style="dim"))
    for horizon in dict.fromkeys(loss.horizon for loss in shown):
        kinds = ", ".join(dict.fromkeys(loss.kind for loss in shown if loss.horizon == horizon))
        output.out.print(Text(f"{kinds} at most: {horizon}", style="dim"))


def _rank(loss: Loss) -> int:
    """A price move that was asked for, then what pools do to others, then feeds, then what a pool does to itself."""
    if loss.source == SHOCK:
        return 0
    return 2 if ":" in loss.source else 3 if loss.source == loss.pool else 1


def _print_outcome(output: Output, protocol: Protocol, outcome: Outcome | None) -> None:
    """What a price move did to the state."""
    if outcome is None:
        return
    decimals = _decimals(protocol)
    output.out.print()
    told = (
        f"shock: {len(outcome.unhealthy)} accounts unhealthy, {outcome.liquidations} liquidations, "
        f"{outcome.recorded} accounts recorded as bad debt, {len(outcome.left)} still unhealthy"
    )
    output.out.print(Text(told + ("" if outcome.complete else "; not followed to its end"), style="bold"))
    rows = [
        (
            market,
            _shown(outcome.seen[market], market.rpartition("/")[2], decimals),
            _shown(lost, market.rpartition("/")[2], decimals),
        )
        for market, lost in outcome.lost.items()
        if lost > 0
    ]
    _table(output, "", ("market", "had", "lost"), rows)


def _print_cut(output: Output, protocol: Protocol, cut: Cut) -> None:
    """Which limits to lower, or that it is not enough."""
    decimals = _decimals(protocol)
    asked = f"{cut.pool}/{cut.asset} over its lines at most {_shown(cut.amount, cut.asset, decimals)}"
    output.out.print()
    if cut.before <= cut.amount:
        worst = _shown(cut.before, cut.asset, decimals)
        output.out.print(Text(f"{asked}: holds already, the worst is {worst}", style="green"))
        return
    output.out.print(Text(f"{asked}: lower", style="bold"))
    for each in cut.lowered:
        old, new = _shown(each.old, cut.asset, decimals), _shown(each.new, cut.asset, decimals)
        output.out.print(Text(f"  the limit of {each.market} from {old} to {new}"))
    if not cut.reached:
        left = _shown(cut.after, cut.asset, decimals)
        output.out.print(Text(f"  not enough: {left} is drawn already, and limits undo no draw", style="bold red"))


def _table(output: Output, title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table of the first rows, if there are any."""
    if not rows:
        return
    output.out.print()
    if title:
        output.out.print(Text(title, style="bold"))
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in header:
        amount = column in {"at most", "a run shows", "had", "lost", "by its own borrowers", "over credit lines"}
        table.add_column(column, overflow="fold", justify="right" if amount else "left")
    for row in rows[:SHOWN]:
        table.add_row(*map(Text, row))
    output.out.print(table)
    if len(rows) > SHOWN:
        output.out.print(Text(f"{len(rows) - SHOWN} more; --json has them all", style="dim"))


def _decimals(protocol: Protocol) -> dict[str, int]:
    return {market.asset: market.decimals for pool in protocol.pools for market in pool.markets}


def _shown(amount: int | None, asset: str | None, decimals: Mapping[str, int]) -> str:
    """An amount in whole tokens, to six places, rounded up where there are more."""
    if amount is None or asset is None:
        return "unbounded"
    digits = decimals[asset]
    places = min(digits, 6)
    scaled = -(-amount // 10 ** (digits - places))
    whole, part = divmod(scaled, 10**places)
    behind = f".{part:0{places}}".rstrip("0") if part else ""
    return f"{whole:,}{behind} {asset}"


def _ids(channel: Channel) -> str:
    return ", ".join(channel.theorem)


def _way(path: Way) -> str:
    """The nodes of a path, the contained ones by the channel that leads on."""
    return " > ".join(_steps(path))


def _steps(path: Way) -> Iterator[str]:
    for each in path.via:
        yield each.target if each.kind in {"contains", "line"} else f"({each.kind}) {each.target}"
