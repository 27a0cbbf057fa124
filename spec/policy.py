"""The policy of a protocol file: how far a proposal may go, besides what the theorems ask for.

A gate that compares two files holds a proposal to the policy in force and to the one that it proposes.
"""

from datetime import date
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from .arithmetic import WAD
from .fields import Amount, Count, Day, DecimalString, Entries, Factor, FileTable, Name, ill_formed

MOST_RULES = 256
LONGEST_PERIOD = 3660
"""The longest period between two changes [days]."""
PARAMETERS = (
    "ltv", "liquidation_threshold", "reserve_factor", "supply_cap", "borrow_cap", "price_bound", "max_price_age",
    "max_rate", "virtual_shares", "share_limit", "index_ceiling", "oracle",
    "rate_model.base_rate_per_year", "rate_model.multiplier_per_year", "rate_model.jump_multiplier_per_year",
    "rate_model.kink", "rate_model.slots_per_year",
    "line", "line.limit", "line.debt_ceiling", "line.premium_per_year", "line.first_loss",
    "rewards.supplier_emission", "rewards.borrower_emission",
    "venus.protocol_seize_share", "venus.sweep_interval",
    "close_factor", "liquidation_incentive", "dust_value", "release_period", "markets", "pools",
)  # fmt: skip
"""What a rule of change can be about: a key of a market or of a pool, or the markets and pools themselves."""
OF_POOLS = ("close_factor", "liquidation_incentive", "dust_value", "release_period", "pools")
"""Those of a pool."""

AnyAmount = Annotated[int, DecimalString(0, 2**256 - 1)]
Share = Annotated[int, DecimalString(0, 10**6 * WAD)]


def _known_parameter(parameter: str) -> str:
    """Refuse a rule about what is no parameter."""
    if parameter not in PARAMETERS:
        raise ill_formed("is not a parameter", f"write one of {', '.join(PARAMETERS)}")
    return parameter


def _unique_rules(rules: "tuple[ChangeRule, ...]") -> "tuple[ChangeRule, ...]":
    """Refuse two rules about the same."""
    seen = set()
    for position, rule in enumerate(rules):
        about = (rule.parameter, rule.pool, rule.asset)
        if about in seen:
            raise ill_formed("has two rules", "keep one of them", (position, "parameter"), value=rule.parameter)
        seen.add(about)
    return rules


class ChangeRule(FileTable):
    """How far one parameter may move in one proposal, and how often.

    The rule that names the market counts before the one that names the pool, and that before the one that names none.
    An entry for ``liquidation_threshold`` with a fall, for ``price_bound`` with a fall, for ``oracle``, ``line``,
    ``markets`` or ``pools`` allows what a gate otherwise closes on: a change that can make a healthy account liquidatable,
    or leave a position without a market.
    """

    parameter: Annotated[str, Field(max_length=64), AfterValidator(_known_parameter)] = Field(
        description="key of the parameter, as in the file, like supply_cap or rate_model.kink"
    )
    pool: Name | None = Field(default=None, description="id of the pool that the rule is about; default: every pool")
    asset: Name | None = Field(default=None, description="asset that the rule is about; default: every market")
    most_rise: AnyAmount | None = Field(default=None, description="largest rise [unit of the parameter]")
    most_fall: AnyAmount | None = Field(default=None, description="largest fall [unit of the parameter]")
    most_rise_share: Share | None = Field(default=None, description="largest rise, of the value in force [wad]")
    most_fall_share: Share | None = Field(default=None, description="largest fall, of the value in force [wad]")
    days: Annotated[int, Count(1, LONGEST_PERIOD)] | None = Field(
        default=None, description="least number of days since the file in force took effect"
    )

    @model_validator(mode="after")
    def _is_about_one_thing(self) -> Self:
        """Refuse an asset where the parameter is a pool's."""
        if self.asset is not None and self.parameter in OF_POOLS:
            rule = f"is an asset, and {self.parameter} is a pool's"
            raise ill_formed(rule, "remove it", ("asset",), value=self.asset)
        return self


class LossRule(FileTable):
    """The most that a market may lose."""

    pool: Name = Field(description="id of the pool")
    asset: Name = Field(description="asset of the market")
    most: Amount = Field(
        description="largest principal that can be lost over credit lines, everything failing at once [smallest unit]"
    )


class Policy(FileTable):
    """What the owners ask of a proposal."""

    effective: Annotated[date, Day()] | None = Field(
        default=None, description="day on which the parameters of this file take effect"
    )
    margin: Factor | None = Field(
        default=None,
        description="least fall of the collateral's price that a borrower at the loan-to-value survives [wad]",
    )
    changes: Annotated[
        tuple[ChangeRule, ...],
        Entries(0, MOST_RULES, "write a table [[policy.changes]] for each parameter"),
        AfterValidator(_unique_rules),
    ] = Field(default=(), description="how far parameters may move")
    losses: Annotated[
        tuple[LossRule, ...], Entries(0, MOST_RULES, "write a table [[policy.losses]] for each market")
    ] = Field(default=(), description="how much markets may lose")

    @model_validator(mode="after")
    def _periods_have_a_day(self) -> Self:
        """Require the day that a period is counted from."""
        if self.effective is None and any(rule.days is not None for rule in self.changes):
            cure = "add effective, the day on which the file takes effect, like 2027-01-31"
            raise ill_formed("is missing, which the rules with days need", cure, ("effective",), absent=True)
        return self

    def require_names(self, markets: set[tuple[str, str]]) -> None:
        """Refuse a rule about a pool or an asset that is not among a file's markets: it would bind nothing."""
        pools, assets = {pool for pool, _ in markets}, {asset for _, asset in markets}
        places: list[tuple[str, int, str | None, str | None]] = [
            *(("changes", position, rule.pool, rule.asset) for position, rule in enumerate(self.changes)),
            *(("losses", position, rule.pool, rule.asset) for position, rule in enumerate(self.losses)),
        ]
        for key, position, pool, asset in places:
            known = (
                (pool, asset) in markets
                if pool is not None and asset is not None
                else pool in pools | {None} and asset in assets | {None}
            )
            if not known:
                name = "/".join(filter(None, (pool, asset)))
                cure = "write the names of a pool and an asset of this file, or remove the rule"
                raise ill_formed("is not in this file", cure, ("policy", key, position), value=name)
