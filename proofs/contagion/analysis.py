"""The whole analysis of a protocol: its network, its paths, its losses, and on request what a run really loses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from poolproof.proofs import registry
from poolproof.spec.protocol import Protocol

from .bounds import losses_of
from .choices import Case
from .graph import network_of
from .network import Contagion, Loss
from .paths import paths_of
from .witness import gap_of, largest, shown

Watch = Callable[[str, int, int], None]
"""Told the stage, how much of it is done, and how much there is."""


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
    paths = paths_of(protocol, network, state)
    watch("bounds", 0, 0)
    analysis = Contagion(network, paths, losses_of(protocol, state))
    if witnesses:
        show_losses(protocol, analysis.losses, watch)
    return analysis


def show_losses(protocol: Protocol, losses: list[Loss], watch: Watch) -> None:
    """Give each loss that may be above nothing the largest run that is found, replayed from the initial state."""
    model, _ = registry.of(protocol)
    wanted = [loss for loss in losses if loss.upper != 0]
    for place, loss in enumerate(wanted):
        watch(f"witnesses: {loss.source} to {loss.pool}/{loss.asset}", place, len(wanted))
        case = Case(loss.source, loss.pool, loss.asset, loss.kind)
        found = largest(model, protocol, case, loss.upper, within=loss.direct)
        loss.gap = gap_of(loss.kind, loss.upper, found)
        if found is not None:
            loss.lower, loss.witness = found.loss, shown(model, protocol, case, found).to_json()
