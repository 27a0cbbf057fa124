"""Recordings of Venus as traces of the model "venus": as far as the engines' actions go."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from poolproof.models.deployed.venus.build import FIRST_SUPPLIER
from poolproof.models.deployed.venus.model import ACTIONS, NO_CAP, VENUS, VTOKEN_DIGITS
from poolproof.models.deployed.venus.pool import SHORTFALL
from poolproof.spec.action import Action, perform
from poolproof.spec.arithmetic import WAD
from poolproof.spec.errors import UsageError
from poolproof.spec.fields import LONGEST_TIME
from poolproof.spec.loading import read_protocol
from poolproof.spec.refusal import Refusal

from .conform import Malformed
from .monitor import DIVISION
from .snapshots import state_to_json
from .traces import LARGEST_AMOUNT, Call, Trace, TracedStep, traced
from .venus_recordings import ILL_FORMED, Replay
from .venus_traces import RATE_MODELS

KINDS = {contract: kind for kind, contract in RATE_MODELS.items()}
"""The kind of rate model in a protocol file, by its contract."""
BY_NAME = {action.name: action for action in ACTIONS}


@dataclass(frozen=True, slots=True)
class Imported:
    """A trace of a recording; ``cut`` says at which action it ends early, and why."""

    trace: Trace
    cut: str | None


def trace_of_recording(name: str, lines: Iterator[Mapping[str, Any]]) -> Imported:
    """A recording's lines as a trace that starts from the recording's deployment.

    A refused action that the engines have not is left out: it changed nothing.  The trace ends before the first
    other one, and before the first whose end the model does not share.
    Refuses: a deployment that no protocol file describes.  Raises: Malformed.
    """
    number = 1
    try:
        config = next(lines)["config"]
        replay = Replay(config)
        protocol = read_protocol(protocol_of(name, config, replay.slots_per_year), f"{name}: config")
        start, steps, cut = state_to_json(replay.pool), [], None
        next(lines)
        for number, line in enumerate(lines, start=3):  # noqa: B007 - the number is told where a line is ill-formed
            now, action, arguments = replay.action(line)
            calls = _as_engines_do(action, arguments, protocol.users)
            if calls is not None and len(calls) > 1 and not line["ok"]:
                calls = None  # refused as a whole
            if calls is None and line["ok"]:
                cut = f"action {line['k']}, {line['a']}: no action of the engines does this"
                break
            elapsed = now - replay.pool.now
            if elapsed > LONGEST_TIME:
                cut = f"action {line['k']}: more than {LONGEST_TIME} slots after the one before"
                break
            if calls and elapsed:
                calls = [(BY_NAME["pass_time"], (elapsed,)), *calls]
            done, ended = _steps(replay, calls or [])
            if calls and (ended is None) != line["ok"]:
                cut = f"action {line['k']}, {line['a']}: the model ends otherwise; `conform` says how"
                break
            steps += done
    except ILL_FORMED as wrong:
        raise Malformed(number, f"{wrong} is missing or no value of a recording") from None
    except StopIteration:
        raise Malformed(number, "the recording ends before its start") from None
    return Imported(Trace(protocol.name, protocol.canonical_json(), DIVISION, [steps], start=start), cut)


def _steps(replay: Replay, calls: Sequence[Call]) -> tuple[list[TracedStep], Refusal | None]:
    """Carry actions out, up to the first that is refused; the steps, and how they ended."""
    steps: list[TracedStep] = []
    for action, arguments in calls:
        refusal = perform(replay.pool, action, arguments)
        steps.append(traced(action, arguments, None if refusal is None else refusal.name))
        if refusal is not None:
            return steps, refusal
    return steps, None


def _as_engines_do(action: Action, arguments: tuple[Any, ...], users: Sequence[str]) -> list[Call] | None:
    """A recorded action as actions of the engines; None where they have none that does it."""
    given = dict(zip(action.domains, arguments, strict=True))
    match action.name:
        case "enter_markets":
            return [(BY_NAME["enter_market"], (given["user"], name)) for name in given["assets"]]
        case "liquidate_account" if len(given["orders"]) == 1:
            ((pledged, debt, repay),) = given["orders"]
            found: Call = (BY_NAME["liquidate_small_account"], (given["user"], given["borrower"], debt, pledged, repay))
        case "repay_borrow" | "repay_borrow_behalf":  # all that is owed, which fits the smaller bound too
            found = action, (*arguments[:-1], min(arguments[-1], LARGEST_AMOUNT))
        case name if name in BY_NAME:
            found = BY_NAME[name], arguments
        case _:
            return None
    return [found] if _in_domains(*found, users) else None


def _in_domains(action: Action, arguments: tuple[Any, ...], users: Sequence[str]) -> bool:
    """Whether a trace can have these arguments."""
    for domain, value in zip(action.domains.values(), arguments, strict=True):
        if domain.is_number and value > (LARGEST_AMOUNT if domain.high is None else domain.high):
            return False
        if domain.kind == "user" and value not in users:
            return False
    return True


# --- the deployment ------------------------------------------------------------------------------------------------


def protocol_of(name: str, config: Mapping[str, Any], slots_per_year: int) -> dict[str, Any]:
    """The protocol file of a recorded deployment; what its users hold is in the state that the trace starts from.

    Refuses: an exchange rate that markets of protocol files do not start with, and rates with two kinks.
    """
    pool, markets = config["pool"], config["markets"]
    legacy = config.get("cashMode", "internalCash") != "internalCash"
    return {
        "schema": "poolproof.protocol/1",
        "name": "".join(each if each.isalnum() else "-" for each in name.lower()).strip("-"),
        "title": f"the deployment of the recording {name}",
        "source": "a recording of the Venus contracts",
        "model": VENUS.name,
        "horizon": LONGEST_TIME,
        "users": [*(f"u{position}" for position in range(len(markets[0]["userBalances"]))), FIRST_SUPPLIER, SHORTFALL],
        "pools": [
            {
                "id": "recorded",
                "close_factor": pool["closeFactor"],
                "liquidation_incentive": pool["liquidationIncentive"],
                "dust_value": str(int(pool["minLiquidatableCollateral"]) * WAD),
                "venus": {"counts_donations": legacy},
                "markets": [
                    _market(f"m{position}", market, config["maxBorrowRate"], slots_per_year)
                    for position, market in enumerate(markets)
                ],
            }
        ],
    }


def _market(name: str, of: Mapping[str, Any], max_rate: str, slots_per_year: int) -> dict[str, Any]:
    """A market of a recorded deployment, as a protocol file describes one."""
    kind = KINDS.get(of["rateModel"]["model"])
    if kind is None:
        rule = f"{name} has a {of['rateModel']['model']}, which no protocol file describes"
        raise UsageError(rule, "rateModel", "`conform` replays the recording as it is")
    if int(of["initialExchangeRate"]) != 10 ** (of["decimals"] + VTOKEN_DIGITS):
        rule = f"{name} starts at another exchange rate than 10^{VTOKEN_DIGITS} x one token"
        raise UsageError(rule, "initialExchangeRate", "`conform` replays the recording as it is")
    rates = {"kind": kind, "slots_per_year": slots_per_year}
    rates |= {f"{part}_per_year": of["rateModel"][f"{camel}PerYear"] for part, camel in _YEARLY[kind].items()}
    return {
        "asset": name,
        "decimals": of["decimals"],
        "price": of["price"],
        "ltv": of["collateralFactor"],
        "liquidation_threshold": of["liquidationThreshold"],
        "reserve_factor": of["reserveFactor"],
        "supply_cap": _cap(of["supplyCap"]),
        "borrow_cap": _cap(of["borrowCap"]),
        "max_rate": max_rate,
        "rate_model": rates | ({"kink": of["rateModel"]["kink"]} if kind == "jump" else {}),
        "venus": {
            "initial_supply": of["initialSupply"],
            "protocol_seize_share": of["protocolSeizeShare"],
            "sweep_interval": int(of["reduceReservesBlockDelta"]),
        },
    }


_STRAIGHT = {"base_rate": "baseRate", "multiplier": "multiplier"}
_YEARLY = {"white-paper": _STRAIGHT, "jump": _STRAIGHT | {"jump_multiplier": "jumpMultiplier"}}
"""The yearly parameters of a kind of rate model, and what its contract calls them."""


def _cap(recorded: str) -> str:
    """A cap as a protocol file has it; the state that the trace starts from has the exact one."""
    return str(min(int(recorded), NO_CAP))
