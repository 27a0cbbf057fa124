"""A contagion analysis for people: the tables on the terminal, the worst rows first, with notes below them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from rich.table import Table
from rich.text import Text

from poolproof.proofs.contagion.bounds import ANY_PRICE
from poolproof.proofs.contagion.network import Channel, Loss, Network, OverTime
from poolproof.proofs.contagion.network import Path as Way
from poolproof.proofs.contagion.paths import WORST_FIRST, Cut, heaviest, shortest_of
from poolproof.proofs.contagion.shock import SHOCK, Outcome
from poolproof.proofs.contagion.unnoticed import GIVEN, growth
from poolproof.spec.protocol import Protocol

from .console import Output
from .contagion_document import KINDS, Found

SHOWN = 24
"""Most rows of a table on the terminal; the JSON has all."""
NAMED = 4
"""Most rows that a note names."""
AMOUNTS = {
    *("at most", "a run shows", "had", "lost", "by its own borrowers", "over credit lines", "lent", "at once"),
    *("1 hour", "1 day", "1 week", "30 days", "1 year", "DebtRank", "distress"),
}
"""The columns that are set to the right."""
REFUSED = re.compile(r"(?P<refusal>[a-z_]+ [A-Z][A-Za-z]+)(: |$|, )")
"""A refusal as a gap tells it: the action, the name and the words."""
WITHIN = {"contains", "collateral"}
"""Channels inside a pool that only lead on to others."""


class Report:
    """What one run of the command tells; ``prices``: of each asset [value per smallest unit], to put the worst first."""

    def __init__(self, output: Output, protocol: Protocol, prices: Mapping[str, int], start: object) -> None:
        self.output = output
        self.protocol = protocol
        self.prices = prices
        self.start = start
        self.decimals = {market.asset: market.decimals for pool in protocol.pools for market in pool.markets}

    def tell(self, found: Found) -> None:
        """Everything, in the order in which it is asked: the network, its paths, losses, and what was asked for."""
        self._network(found.analysis.network)
        self._paths(found)
        self._losses(found.analysis.losses)
        self._over_time(found.analysis.over_time)
        self._worst(found)
        self._together(found)
        self._outcome(found.outcome)
        for cut in found.cuts:
            self._cut(cut)

    # --- the network ----------------------------------------------------------------------------------------------

    def _network(self, network: Network) -> None:
        counts: dict[str, int] = {}
        for node in network.nodes:
            counts[node.kind] = counts.get(node.kind, 0) + 1
        nodes = ", ".join(f"{count} {kind}{'s' if count > 1 else ''}" for kind, count in counts.items())
        links = sum(each.kind != "contains" for each in network.channels)
        self._say(f"{network.protocol}: {nodes}; {links} channels", "bold")
        self._say(f"start: {network.start}", "dim")
        for kind, meaning in KINDS.items():
            self._say(f"{kind}: {meaning}", "dim")
        rows = [
            (each.kind, each.source, each.target, self._amount(each.capacity, each.asset), each.carries, _ids(each))
            for each, _ in heaviest(self.protocol, network, self.start)
            if _leads_elsewhere(each, network)
        ]
        header = ("channel", "from", "to", "at most", "carries", "by")
        self._table("channels between pools, the worst first", header, rows)

    def _paths(self, found: Found) -> None:
        paths = shortest_of(found.analysis.paths)
        rows = [
            (each.source, " > ".join(_steps(each)), self._amount(each.bound, each.asset), each.via[-1].carries)
            for each in paths
        ]
        title = f"shortest of {len(found.analysis.paths)} paths to other pools"
        self._table(title, ("from", "way", "at most", "carries"), rows)
        if rows:
            self._say("at most: the least that a channel on the way carries, at the start's prices", "dim")
        told: dict[str, list[str]] = {}
        for limit in found.analysis.limits:
            told.setdefault(limit.told, []).extend([limit.source] if limit.source is not None else [])
        for what, sources in told.items():
            self._say(f"left out: {what}{': ' if sources else ''}{_some(sources)}", "yellow")

    # --- losses ---------------------------------------------------------------------------------------------------

    def _losses(self, losses: Sequence[Loss]) -> None:
        """The losses, those of others first, the worst first; notes say for how long a bound holds, and why a run stops."""
        shown = sorted((loss for loss in losses if loss.upper != 0), key=self._rank)
        head = shown[:SHOWN]
        horizons = {horizon: chr(ord("a") + at) for at, horizon in enumerate(dict.fromkeys(x.horizon for x in head))}
        gaps = {gap: str(at) for at, gap in enumerate(dict.fromkeys(causes(x.gap) for x in head if x.gap), 1)}
        rows = [
            (
                each.source,
                each.pool,
                _kind(each),
                self._amount(each.upper, each.asset),
                horizons.get(each.horizon, ""),
                self._amount(each.lower, each.asset, up=False) if each.lower else "",
                gaps.get(causes(each.gap or ""), ""),
                ", ".join(each.theorem),
            )
            for each in shown
        ]
        header = ("source", "pool", "kind", "at most", "for", "a run shows", "gap", "by")
        self._table("losses", header, rows)
        nothing = [loss for loss in losses if loss.upper == 0 and loss.source != loss.pool]
        if nothing:
            ids = ", ".join(dict.fromkeys(name for loss in nothing for name in loss.theorem))
            self._say(f"nothing is lost in {len(nothing)} more pairs of a source and a market, by {ids}", "green")
        for horizon, letter in horizons.items():
            self._say(f"{letter}  {horizon}", "dim")
        for gap, number in gaps.items():
            where = [f"{each.source} to {each.pool}/{each.asset}" for each in head if causes(each.gap or "") == gap]
            self._say(f"{number}  no run comes within 1 % of the bound: {gap} ({_some(where)})", "dim")
        if any(map(REFUSED.search, gaps)):
            self._say("one unit more is refused for these reasons; --json has the amounts", "dim")

    def _rank(self, loss: Loss) -> tuple[int, int, float]:
        """A price move that was asked for, what pools do to others, feeds, a pool to itself; then by kind and value."""
        first = 0 if loss.source == SHOCK else 2 if ":" in loss.source else 3 if loss.source == loss.pool else 1
        return first, WORST_FIRST.index(loss.kind), -self._value(loss.upper, loss.asset)

    def _over_time(self, losses: Sequence[OverTime]) -> None:
        """What each loss is if its failure is recorded later, where that is something else; the others in a line."""
        if not losses:
            return
        growing = sorted((each for each in losses if each.grows), key=self._last)
        steady = [each for each in losses if not each.grows]
        after = [point.after for point in losses[0].points]
        rows = [(each.source, each.pool, _kind(each), *self._growth(each)) for each in growing]
        title = "losses that change while a failure goes unnoticed, against what is lost at once"
        self._table(title, ("source", "pool", "kind", *after), rows)
        if steady:
            others = [
                f"{x.source} to {x.pool}/{x.asset}" for x in steady if x.kind == "principal" and x.source != x.pool
            ]
            named = f", of principal {_some(others)}" if others else ""
            self._say(f"the same at any of these times: {len(steady)} losses{named}", "green")
        for counted in dict.fromkeys(each.counted for each in growing[:SHOWN]):
            self._say(f"counted: {counted}", "dim")

    def _last(self, loss: OverTime) -> tuple[int, float]:
        first = (
            0 if loss.source in {SHOCK, GIVEN} else 2 if ":" in loss.source else 3 if loss.source == loss.pool else 1
        )
        return first, -self._value(max(each.loss or 0 for each in loss.points), loss.asset)

    def _growth(self, loss: OverTime) -> Iterator[str]:
        """The first loss as it is, the others against it in percent."""
        first = loss.points[0].loss
        for place, point in enumerate(loss.points):
            at_all = place == 0 or not first
            yield self._amount(point.loss, loss.asset, up=False) if point.loss and at_all else growth(first, point.loss)

    # --- failures together ----------------------------------------------------------------------------------------

    def _worst(self, found: Found) -> None:
        worst = sorted(found.worst, key=lambda each: -self._value(each.total, each.asset))
        rows = [
            (each.pool, each.asset, self._amount(each.own, each.asset), self._amount(each.lines, each.asset))
            for each in worst
            if each.total > 0
        ]
        header = ("pool", "asset", "by its own borrowers", "over credit lines")
        self._table("worst loss of principal, everything failing at once", header, rows)
        if rows:
            self._say(f"principal at most: {ANY_PRICE}", "dim")

    def _together(self, found: Found) -> None:
        """What markets lose over channels when pools fail together, and the pools by what their failure does."""
        together = found.together
        markets = {node.id for node in found.analysis.network.nodes if node.kind == "market"}
        losses = sorted(together.found.losses, key=lambda each: -self._value(each.upper, each.asset))
        rows = [
            (
                each.node,
                self._amount(each.claims, each.asset),
                self._amount(each.upper, each.asset),
                f"{each.distress:.2%}",
                "yes" if each.fails else "",
            )
            for each in losses
            if each.node in markets
        ]
        of_all = set(together.failing) == {pool.id for pool in self.protocol.pools}
        failing = "all pools" if of_all else _some(together.failing)
        if rows or not of_all:
            title = f"failing together: {failing}; the principal that others have lent and lose, over all channels"
            self._table(title, ("market", "lent", "at most", "distress", "fails itself"), rows)
        if not rows and not of_all:
            self._say(f"failing together: {failing}: no other market loses principal", "green")
        ranked = [each for each in together.ranking if each.rank or each.distress]
        shares = [(each.pool, f"{each.rank:.2%}", f"{each.distress:.2%}") for each in ranked]
        title = "pools, by the share of all others' assets that their failure takes over credit lines (DebtRank)"
        self._table(title, ("pool", "DebtRank", "distress"), shares)
        if ranked:
            self._say("distress: the share of its own assets that a pool loses when all that draw on it fail", "dim")

    # --- what was asked for ---------------------------------------------------------------------------------------

    def _outcome(self, outcome: Outcome | None) -> None:
        """What a price move did to the state."""
        if outcome is None:
            return
        told = (
            f"shock: accounts unhealthy: {len(outcome.unhealthy)}, liquidations: {outcome.liquidations}, "
            f"accounts recorded as bad debt: {outcome.recorded}, still unhealthy: {len(outcome.left)}"
        )
        self.output.out.print()
        self._say(told + ("" if outcome.complete else "; not followed to its end"), "bold")
        rows = []
        for market, lost in outcome.lost.items():
            asset = market.rpartition("/")[2]
            if lost > 0:
                rows.append((market, self._amount(outcome.seen[market], asset), self._amount(lost, asset)))
        self._table("principal lost in this run", ("market", "had", "lost"), rows)

    def _cut(self, cut: Cut) -> None:
        """Which limits to lower, or that it is not enough."""
        asked = f"{cut.pool}/{cut.asset}: principal over its lines at most {self._amount(cut.amount, cut.asset)}"
        self.output.out.print()
        if cut.before <= cut.amount:
            self._say(f"{asked}: holds already, the worst is {self._amount(cut.before, cut.asset)}", "green")
            return
        self._say(f"{asked}: lower", "bold")
        for each in cut.lowered:
            old, new = self._amount(each.old, cut.asset), self._amount(each.new, cut.asset)
            self._say(f"  the limit of {each.market} from {old} to {new}", "")
        if not cut.reached:
            left = self._amount(cut.after, cut.asset)
            self._say(f"  not enough: {left} is drawn already, and limits undo no draw", "bold red")

    # --- words and numbers ----------------------------------------------------------------------------------------

    def _say(self, text: str, style: str) -> None:
        self.output.out.print(Text(text, style=style))

    def _table(self, title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """A table of the first rows, if there are any."""
        if not rows:
            return
        self.output.out.print()
        self._say(title, "bold")
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        for column in header:
            table.add_column(column, overflow="fold", justify="right" if column in AMOUNTS else "left")
        for row in rows[:SHOWN]:
            table.add_row(*map(Text, row))
        self.output.out.print(table)
        if len(rows) > SHOWN:
            self._say(f"{len(rows) - SHOWN} more; --json has them all", "dim")

    def _value(self, amount: int | None, asset: str | None) -> float:
        """An amount at the start's price; what nothing bounds is worth most."""
        return float("inf") if amount is None else float(amount * self.prices.get(asset or "", 0))

    def _amount(self, amount: int | None, asset: str | None, *, up: bool = True) -> str:
        """An amount in tokens, to six places, of thousands to two, rounded up, or down for what is shown to be lost."""
        if amount is None or asset is None:
            return "unbounded"
        digits = self.decimals[asset]
        places = min(digits, 2 if amount >= 1000 * 10**digits else 6)
        unit = 10 ** (digits - places)
        whole, part = divmod(-(-amount // unit) if up else amount // unit, 10**places)
        behind = f".{part:0{places}}".rstrip("0") if part else ""
        return f"{whole:,}{behind} {asset}"


def causes(gap: str) -> str:
    """Why a run stays below its bound, without the amounts: of each refusal the action and the name."""
    found = (REFUSED.match(part) for part in gap.split("; "))
    names = dict.fromkeys(match["refusal"] for match in found if match is not None)
    return ", ".join(names) or gap


def _leads_elsewhere(channel: Channel, network: Network) -> bool:
    """Whether a channel reaches another pool than it comes from, or goes on there: over a line, or from a shared feed."""
    if channel.kind in WITHIN or channel.target.startswith("line:"):
        return False
    if channel.kind != "price feed":
        return True
    pools = {node.id: node.pool for node in network.nodes}
    return len({pools[each.target] for each in network.channels if each.source == channel.source}) > 1


def _kind(loss: Loss | OverTime) -> str:
    """The kind of a loss; what goes over a line alone says so, where what follows from it has a row of its own."""
    return f"{loss.kind}, the line alone" if loss.direct else loss.kind


def _some(names: Iterable[str]) -> str:
    """The first few of some names, and how many more there are."""
    distinct = list(dict.fromkeys(names))
    more = f" and {len(distinct) - NAMED} more" if len(distinct) > NAMED else ""
    return ", ".join(distinct[:NAMED]) + more


def _ids(channel: Channel) -> str:
    return ", ".join(channel.theorem)


def _steps(path: Way) -> Iterator[str]:
    """The nodes of a path, the contained ones by the channel that leads on."""
    for each in path.via:
        yield each.target if each.kind in {"contains", "line"} else f"({each.kind}) {each.target}"
