"""How a loss depends on how long the failure goes unnoticed: the same run, recorded later."""

from __future__ import annotations

from math import floor, log10
from typing import Any

from poolproof.models.system import SEPARATOR
from poolproof.spec.model import Model
from poolproof.spec.protocol import Protocol

from .choices import Case
from .losses import loss_between
from .network import LossKind, OverTime, Point
from .scripts import ON_VENUS, RECORD, Ended, Script
from .shock import SHOCK, Shocks, Watch, run_shock
from .witness import Witness

HOURS = {"at once": 0, "1 hour": 1, "1 day": 24, "1 week": 168, "30 days": 720, "1 year": 8760}
"""How long a failure goes unnoticed."""
HOURS_OF_A_YEAR = 8760
LEAST_CHANGE = 1e-7
"""What is less is about nothing [percent]."""
GIVEN = "the given state"
"""The source of what a state loses without a price move."""
RECORDS = (RECORD, ON_VENUS[RECORD])
COUNTED: dict[LossKind, str] = {
    "principal": "interest on debt that nobody will pay is charged until it is recorded, and is lost with it; over a "
    "credit line none is counted before it is paid (LINE-9)",
    "value": "the price stays where it fell; what is supplied grows by the interest in between",
    "frozen": "what suppliers are owed grows by interest that nobody pays, and is not there in cash",
}
"""What of the time between a failure and its recording is in a loss."""


def delays_of(protocol: Protocol) -> dict[str, int]:
    """No time, an hour and so on up to a year, inside the protocol's horizon: in words, and in slots."""
    year = protocol.pools[0].markets[0].rate_model.slots_per_year
    spans = {after: year * hours // HOURS_OF_A_YEAR for after, hours in HOURS.items()}
    return {
        after: slots for after, slots in spans.items() if slots <= protocol.horizon and (slots or after == "at once")
    }


def losses_over_time(model: Model, protocol: Protocol, case: Case, found: Witness, *, direct: bool = False) -> OverTime:
    """The loss of a run, as it is when the failure is recorded after each delay.

    Between the collapse and its recording nothing happens but time; the oracle then answers the same price again.
    """
    points = tuple(
        Point(after, slots, loss_after(model, protocol, case, found, slots))
        for after, slots in delays_of(protocol).items()
    )
    return OverTime(case.source, case.pool, case.asset, case.kind, points, COUNTED[case.kind], direct)


def growth(first: int | None, later: int | None) -> str:
    """A later loss against the first in percent, to two digits that say something; "=" where they are the same."""
    if later is None:
        return "refused"
    if first == later:
        return "="
    change = 100 * (later - first) / first if first else float("inf")
    if abs(change) < LEAST_CHANGE or not first:
        return "≈" if first else "more"
    return f"{change:+.{max(0, 1 - floor(log10(abs(change))))}f} %"


def loss_after(model: Model, protocol: Protocol, case: Case, found: Witness, slots: int) -> int | None:
    """The loss where a failure is recorded after a time; None where the model refuses to record it."""
    script = Script(model, protocol)
    script.last = case.asset if case.source == SHOCK else None
    prices = [call for call in found.calls[found.collapse :] if call[0].name == "set_price"]
    recorded = [call for call in found.calls[found.collapse :] if call[0].name in RECORDS]
    try:
        for call in (*found.calls[: found.collapse], *prices):
            script.repeat(*call)
        if slots:
            script.do("pass_time", slots)
            for call in prices:
                script.repeat(*call)
        for _, (*pool, _, account) in recorded:
            script.record(pool[0] if pool else protocol.pools[0].id, account)
    except Ended:
        return None
    return loss_between(found.before, script.state, case.pool, case.asset, case.kind)


def losses_of_state_over_time(protocol: Protocol, state: Any, shocks: Shocks, watch: Watch) -> list[OverTime]:
    """What the accounts of a state that cannot hold cost each market, recorded after each delay; after a price move.

    Who holds today and no longer after a year of interest is counted then.
    """
    source = SHOCK if shocks else GIVEN
    runs = [
        (after, slots, run_shock(protocol, state, shocks, watch, slots)) for after, slots in delays_of(protocol).items()
    ]
    rows = []
    for market in runs[0][2].lost:
        points = tuple(
            Point(after, slots, max(0, run.lost[market]) if run.complete else None) for after, slots, run in runs
        )
        if any(each.loss != 0 for each in points):
            pool, _, asset = market.rpartition(SEPARATOR)
            rows.append(OverTime(source, pool, asset, "principal", points, COUNTED["principal"]))
    return rows
