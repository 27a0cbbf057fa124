"""The whole analysis of a protocol: its network, its paths, its losses, and on request what a run really loses."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from poolproof.proofs import registry
from poolproof.spec.errors import UsageError, shown_text
from poolproof.spec.protocol import Protocol

from .bounds import MOST_ROWS, losses_of
from .choices import Case
from .exposure import exposures
from .graph import network_of
from .network import Contagion, Limit, Network
from .paths import WORST_FIRST, paths_of
from .ranking import Ranked, ranking
from .shock import SHOCK
from .simultaneous import Simultaneous, simultaneous
from .unnoticed import losses_over_time
from .witness import gap_of, is_close, largest, shown

Watch = Callable[[str, int, int], None]
"""Told the stage, how much of it is done, and how much there is."""
FAIL = ("pool", "market", "line")
"""The kinds of nodes that owe principal, and so can fail together."""
NO_RUN_OF_A_STATE = "no run is looked for: runs start where the protocol starts, and not from a given state"
MOST_RUNS = 500
"""Most losses of which a run is looked for; the worst first."""
NO_RUN_BEYOND = f"no run is looked for beyond the {MOST_RUNS} worst losses"
NO_RUN_YET = "no run was looked for before the interruption"


@dataclass(frozen=True, slots=True)
class Together:
    """What failures at once do: the pools or nodes that fail together, and every pool by what its failure does."""

    failing: tuple[str, ...]
    found: Simultaneous
    ranking: tuple[Ranked, ...]


def analyse(
    protocol: Protocol,
    state: Any = None,
    *,
    witnesses: bool = False,
    watch: Watch = lambda _stage, _done, _all: None,
) -> Contagion:
    """Analyse a protocol, from a state or at the worst that its file allows; with runs that show losses, if asked."""
    watch("network", 0, 0)
    network = network_of(protocol, state)
    watch("paths", 0, 0)
    paths, limits = paths_of(protocol, network, state)
    watch("bounds", 0, 0)
    if len(protocol.pools) * sum(len(pool.markets) for pool in protocol.pools) > MOST_ROWS:
        limits.append(Limit(None, "pairs of a source and a market in which nothing is lost are not listed"))
    analysis = Contagion(network, paths, losses_of(protocol, state), limits=limits)
    reason = NO_RUN_YET if state is None else NO_RUN_OF_A_STATE
    for loss in analysis.losses:
        loss.gap = None if is_close(loss.lower, loss.upper) else reason
    if witnesses:
        show_losses(protocol, analysis, watch)
    return analysis


def show_losses(protocol: Protocol, analysis: Contagion, watch: Watch) -> None:
    """Give each loss that may be above nothing the largest run that is found; runs start from the initial state.

    Losses by a price move have runs of their own.  Of many losses the worst at the start's prices are run, principal
    first.  What is not run says so in its ``gap``.
    """
    model, _ = registry.of(protocol)
    prices = {each.asset: each.price for each in exposures(protocol).values()}
    wanted = [loss for loss in analysis.losses if loss.upper != 0 and loss.source != SHOCK]
    if len(wanted) > MOST_RUNS:
        wanted.sort(key=lambda loss: (WORST_FIRST.index(loss.kind), -(loss.upper or 0) * prices[loss.asset]))
        for loss in wanted[MOST_RUNS:]:
            loss.gap = NO_RUN_BEYOND if loss.gap is not None else None
        analysis.limits.append(Limit(None, f"runs of {len(wanted) - MOST_RUNS} losses beyond the {MOST_RUNS} worst"))
        del wanted[MOST_RUNS:]
    for place, loss in enumerate(wanted):
        watch(f"witnesses: {loss.source} to {loss.pool}/{loss.asset}", place, len(wanted))
        case = Case(loss.source, loss.pool, loss.asset, loss.kind)
        found = largest(model, protocol, case, loss.upper, within=loss.direct)
        loss.gap = gap_of(loss.kind, loss.upper, found)
        if found is not None:
            loss.lower, loss.witness = found.loss, shown(model, protocol, case, found).to_json()
            analysis.over_time.append(losses_over_time(model, protocol, case, found, direct=loss.direct))


def together(protocol: Protocol, network: Network, failing: Iterable[str] = (), state: Any = None) -> Together:
    """What everybody loses when these fail at once, by default all pools; and the ranking of the pools.

    Refuses: a name that is no pool, market or line.
    """
    known = [node.id for node in network.nodes if node.kind in FAIL]
    names = tuple(dict.fromkeys(failing)) or tuple(pool.id for pool in protocol.pools)
    for name in names:
        if name not in known:
            rule = "no pool, market or credit line has this name"
            cure = f"name one of {', '.join(known)}; what a feed does is asked with --shock"
            raise UsageError(rule, f"--failing {shown_text(name)}", cure)
    return Together(names, simultaneous(network, names), tuple(ranking(protocol, state)))
