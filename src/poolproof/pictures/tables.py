"""The tables of the page that need no script: losses over time, what fails together, and the ranking."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape

from poolproof.pictures.text import amount_of, printable
from poolproof.proofs.contagion.analysis import Together
from poolproof.proofs.contagion.bounds import ANY_PRICE
from poolproof.proofs.contagion.network import Contagion, OverTime
from poolproof.proofs.contagion.unnoticed import growth

NOTHING_BOUNDS = "unbounded"
_SECTION = """<section class="more" aria-label="{title}">
<h2>{title}</h2>
<p class="help">{told}</p>
<div class="wide"><table class="plain">
<thead><tr>{head}</tr></thead>
<tbody>{rows}</tbody>
</table></div>
</section>"""


def _section(title: str, told: str, head: Iterable[str], rows: Iterable[tuple[str, Iterable[str]]]) -> str:
    """A table; each row is its attributes, and its cells as text.  Nothing where there is no row."""
    names = tuple(map(printable, head))
    lines = [
        f"<tr{attributes}>"
        + "".join(
            f'<td data-label="{escape(name)}">{escape(printable(cell))}</td>'
            for name, cell in zip(names, cells, strict=True)
        )
        + "</tr>"
        for attributes, cells in rows
    ]
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    if not lines:
        return ""
    return _SECTION.format(title=escape(title), told=escape(printable(told)), head=heads, rows="\n".join(lines))


def over_time_table(analysis: Contagion, decimals: Mapping[str, int]) -> str:
    """How each loss changes while nobody notices; the row of a node that can be chosen names it."""
    if not analysis.over_time:
        return ""
    numbers = {node.id: number for number, node in enumerate(analysis.network.nodes)}
    steady = sum(not each.grows for each in analysis.over_time)
    counted = "; ".join(dict.fromkeys(each.counted for each in analysis.over_time if each.grows))
    told = f"The same runs, with the failure recorded later. Unchanged: {steady} more losses. Counted: {counted}."
    head = ("fails", "pool", "kind", *(point.after for point in analysis.over_time[0].points))
    rows = (
        (
            f' data-from="{numbers[each.source]}"' if each.source in numbers else "",
            (
                each.source,
                each.pool,
                f"{each.kind}, the line alone" if each.direct else each.kind,
                *(_later(each, place, decimals) for place in range(len(each.points))),
            ),
        )
        for each in sorted(analysis.over_time, key=lambda each: each.source == each.pool)
        if each.grows
    )
    return _section("Losses over time", told, head, rows)


def _later(loss: OverTime, place: int, decimals: Mapping[str, int]) -> str:
    """The first loss as it is, the others against it."""
    first, later = loss.points[0].loss, loss.points[place].loss
    if later is not None and (place == 0 or not first):
        return amount_of(later, loss.asset, decimals.get(loss.asset), "down")
    return growth(first, later)


def together_table(analysis: Contagion, together: Together, decimals: Mapping[str, int]) -> str:
    """What markets lose over channels when pools fail at once."""
    pools = {node.id for node in analysis.network.nodes if node.kind == "pool"}
    failing = "all pools" if pools == set(together.failing) else ", ".join(together.failing)
    markets = {node.id for node in analysis.network.nodes if node.kind == "market"}
    rows = (
        (
            "",
            (
                each.node,
                amount_of(each.claims, each.asset, decimals.get(each.asset or "")),
                NOTHING_BOUNDS
                if each.upper is None
                else amount_of(each.upper, each.asset, decimals.get(each.asset or "")),
                f"{each.distress:.2%}",
            ),
        )
        for each in together.found.losses
        if each.node in markets
    )
    told = (
        f"At once: {failing}. Principal that others have lent over channels and lose, {ANY_PRICE}; distress is its "
        "share."
    )
    return _section("Failing together", told, ("market", "lent", "at most", "distress"), rows)


def ranking_table(together: Together) -> str:
    """The pools by what their failure does to the others."""
    rows = (
        ("", (each.pool, f"{each.rank:.2%}", f"{each.distress:.2%}"))
        for each in together.ranking
        if each.rank or each.distress
    )
    told = (
        "DebtRank: the share of what all other pools have that this pool's failure takes over credit lines. Distress: "
        "the share of its own that it loses when all that draw on it fail."
    )
    return _section("Ranking", told, ("pool", "DebtRank", "distress"), rows)
