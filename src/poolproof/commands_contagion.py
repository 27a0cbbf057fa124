"""The command that shows what pools can do to each other: what it takes in, in which order it works, how it ends.

What it found is told by `contagion_report` to people and by `contagion_document` to programs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rich.text import Text

from poolproof.proofs.contagion.analysis import NO_RUN_YET, Together, analyse, show_losses, together
from poolproof.proofs.contagion.bounds import worst_of
from poolproof.proofs.contagion.exposure import exposures
from poolproof.proofs.contagion.network import Contagion
from poolproof.proofs.contagion.paths import Cut, keep_under
from poolproof.proofs.contagion.shock import SHOCK, Outcome, losses_of_shock, read_shocks, run_shock
from poolproof.proofs.contagion.shocked import show_losses_of_shock
from poolproof.proofs.contagion.unnoticed import losses_of_state_over_time
from poolproof.proofs.contagion.witness import is_close
from poolproof.proofs.progress import Event
from poolproof.proofs.snapshots import set_state
from poolproof.spec.errors import UsageError, shown_path, shown_text
from poolproof.spec.model import Model
from poolproof.spec.protocol import Protocol

from .checking import INTERRUPTED
from .console import Output, write_whole
from .contagion_document import Found, to_json
from .contagion_report import Report
from .documents import document
from .inputs import open_model, read_state

OF_VENUS = "the risk fund and the auctions of bad debt are not in the bounds: they can only bring something back"
TARGET = re.compile(r"(?P<pool>.+)/(?P<asset>[^/]+)=(?P<amount>0|[1-9][0-9]{0,40})")
NOT_ALL = "the run stays below: what the accounts of this state lose at this price move, liquidated one after the other"


def run_contagion(
    output: Output,
    name_or_path: str,
    *,
    state: str | None,
    shocks: Sequence[str],
    keep_under: Sequence[str],
    failing: Sequence[str],
    svg: Path | None,
    html: Path | None,
) -> int:
    """Analyse a protocol; 1 where a loss asked for cannot be kept under its amount, or a run loses more than its bound.

    2 where a shock was not followed to its end; 130 with what was decided where it was interrupted.
    """
    pictures = [(kind, path) for kind, path in (("svg", svg), ("html", html)) if path is not None]
    for kind, path in pictures:
        _require_drawable(kind, path)
    if svg is not None and html is not None and svg.resolve() == html.resolve():
        raise UsageError("one file cannot be both", f"--svg and --html {shown_path(str(svg))}", "name two files")
    protocol, model, _ = open_model(name_or_path)
    moves = read_shocks(shocks, protocol)
    targets = [_target(text) for text in keep_under]
    start = _start(state, model, protocol)
    analysis = analyse(protocol, start)
    found = Found(
        analysis,
        together(protocol, analysis.network, failing, start),
        worst_of(protocol, start),
        [_cut(protocol, target, start) for target in targets],
        scope=(*model.scope, OF_VENUS) if protocol.model == "venus" else model.scope,
    )
    try:
        _run(output, protocol, start, moves, found)
    except KeyboardInterrupt:
        found.interrupted = True
    output.write_json(document("contagion", to_json(found)))
    Report(output, protocol, _prices(protocol, start), start).tell(found)
    for kind, path in pictures:
        _draw(kind, path, analysis, found.together, protocol)
    return _code(output, found)


def _run(output: Output, protocol: Protocol, start: Any, moves: Mapping[str, Any], found: Found) -> None:
    """What takes runs of the model, which can take long: price moves, witnesses, and what time adds."""
    with output.progress() as listener:

        def watch(stage: str, done: int, of: int = 0) -> None:
            listener(Event(stage, done, of))

        found.outcome = _shocked(protocol, start, moves, found.analysis, watch)
        if start is None:
            shocked = [row for row in found.analysis.losses if row.source == SHOCK]
            show_losses_of_shock(protocol, moves, shocked, found.analysis, watch)
            show_losses(protocol, found.analysis, watch)
        else:
            found.analysis.over_time += losses_of_state_over_time(protocol, start, moves, watch)


def _code(output: Output, found: Found) -> int:
    """How the command ends, with a word on what made it end so."""
    beyond = [loss for loss in found.analysis.losses if loss.upper is not None and loss.lower > loss.upper]
    for loss in beyond:
        told = f"a run loses {loss.lower} where {loss.upper} is the bound: {loss.source} to {loss.pool}/{loss.asset}"
        output.out.print(Text(told, style="bold red"))
    if found.interrupted:
        output.err.print("interrupted: the bounds are complete, the runs are not", style="bold")
        return INTERRUPTED
    if beyond or not all(cut.reached for cut in found.cuts):
        return 1
    return 2 if found.outcome is not None and not found.outcome.complete else 0


# --- what it takes in ---------------------------------------------------------------------------------------------


def _start(path: str | None, model: Model, protocol: Protocol) -> Any:
    """The state of a file, or none."""
    if path is None:
        return None
    state = model.build(protocol)
    set_state(state, read_state(path, model, protocol), shown_path(path))
    return state


def _prices(protocol: Protocol, state: Any) -> dict[str, int]:
    """The price of each asset at the start [value per smallest unit]."""
    return {each.asset: each.price for each in exposures(protocol, state).values()}


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
    protocol: Protocol, start: Any, moves: Mapping[str, Any], analysis: Contagion, watch: Any
) -> Outcome | None:
    """Add what price moves do: their bounds to the losses, and on a state what they really did."""
    if not moves:
        return None
    rows = losses_of_shock(protocol, moves, start)
    outcome = None
    if start is not None:
        outcome = run_shock(protocol, start, moves, watch)
        stakes = {f"{each.pool}/{each.asset}": each.total for each in worst_of(protocol, start)}
        for row in rows:
            market = f"{row.pool}/{row.asset}"
            row.lower = max(0, outcome.lost[market])
            if outcome.unhealthy_before:
                row.upper, row.upper_reason = (
                    stakes[market],
                    "all at stake: an account is unhealthy before the price move",
                )
    for row in rows:
        row.gap = None if is_close(row.lower, row.upper) else NO_RUN_YET if start is None else NOT_ALL
    analysis.losses += rows
    return outcome


# --- pictures -----------------------------------------------------------------------------------------------------


def _require_drawable(kind: str, path: Path) -> None:
    """Refuse early what could not be drawn or written."""
    if find_spec("poolproof.pictures") is None:
        cure = f"leave --{kind} out, and use --json"
        raise UsageError("pictures are not a part of this installation", f"--{kind}", cure)
    if path.is_dir() or not path.parent.is_dir():
        raise UsageError("this is no file in a folder that exists", f"--{kind} {shown_path(str(path))}", "name another")


def _draw(kind: str, path: Path, analysis: Contagion, together: Together, protocol: Protocol) -> None:
    """Write a picture, whole or not at all.  Refuses: a file that cannot be written."""
    decimals = {market.asset: market.decimals for pool in protocol.pools for market in pool.markets}
    module = import_module(f"poolproof.pictures.{kind}")
    text: str = module.html_of(analysis, decimals, together) if kind == "html" else module.svg_of(analysis, decimals)
    try:
        write_whole(path, text)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        rule = f"the file cannot be written ({reason})"
        raise UsageError(rule, f"--{kind} {shown_path(str(path))}", "name another file") from None
