"""How a loss depends on how long the failure goes unnoticed: the same run, recorded later."""

from __future__ import annotations

from collections.abc import Iterable

from poolproof.spec.model import Model
from poolproof.spec.protocol import Protocol

from .choices import Case
from .losses import loss_between
from .network import LossKind
from .scripts import ON_VENUS, RECORD, Ended, Script
from .witness import Witness, largest

PARTS_OF_A_YEAR = (8760, 365, 52, 12, 1)
"""An hour, a day, a week, a month and a year, as parts of a year."""
RECORDS = (RECORD, ON_VENUS[RECORD])


def delays_of(protocol: Protocol) -> tuple[int, ...]:
    """No time, and the parts of a year, inside the protocol's horizon [slots]."""
    year = protocol.pools[0].markets[0].rate_model.slots_per_year
    spans = (year // part for part in PARTS_OF_A_YEAR)
    return (0, *(slots for slots in spans if 0 < slots <= protocol.horizon))


def losses_over_time(
    model: Model,
    protocol: Protocol,
    source: str,
    pool: str,
    asset: str,
    kind: LossKind = "principal",
    delays: Iterable[int] | None = None,
) -> list[dict[str, int]]:
    """The loss of the largest witness, as it is when the failure is recorded after each delay; [] without a witness.

    Between the collapse and its recording nothing happens but time; the oracle then answers the same price again.
    """
    case = Case(source, pool, asset, kind)
    found = largest(model, protocol, case)
    if found is None:
        return []
    points = delays_of(protocol) if delays is None else delays
    losses = [(slots, loss_after(model, protocol, case, found, slots)) for slots in points]
    return [{"slots": slots, "loss": loss} for slots, loss in losses if loss is not None]


def loss_after(model: Model, protocol: Protocol, case: Case, found: Witness, slots: int) -> int | None:
    """The loss where a failure is recorded after a time; None where the model refuses to record it."""
    script = Script(model, protocol)
    prices = [call for call in found.calls[found.collapse :] if call[0].name == "set_price"]
    failed = [call[1] for call in found.calls[found.collapse :] if call[0].name in RECORDS]
    try:
        for action, arguments in (*found.calls[: found.collapse], *prices):
            script.do(action.name, *arguments)
        if slots:
            script.do("pass_time", slots)
            for action, arguments in prices:
                script.do(action.name, *arguments)
        for pool, _, account in failed:
            script.record(pool, account)
    except Ended:
        return None
    return loss_between(found.before, script.state, case.pool, case.asset, case.kind)
