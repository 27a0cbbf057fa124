"""Write proposals of Venus governance as pairs of protocol files: the pools that they touch, before and after.

Usage: python tools/venus_governance.py venus.json venus_changes.json FOLDER [--archive A] [--document D]

FOLDER/vip-N-NETWORK/base.toml and head.toml are the pairs; A is all of it as one .tar.xz, D the document of which the
generated part is replaced.

The unit is the proposal, on one network: single rows can be invalid by themselves. ``base.toml`` has the values of the
deployment, with what the proposal's text calls old put in; ``head.toml`` is the base with all of the proposal's
changes. ``proposals.json`` says what became of every row: where it stands in the file, or why it stands in none, which
markets are left out, and what the loader and the bounds of the contracts' setters answer.
"""

import argparse
import io
import json
import lzma
import sys
import tarfile
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

from venus_proposals import NETWORKS, Proposal, written

from poolproof.models.deployed.venus.model import VENUS
from poolproof.spec.errors import UsageError
from poolproof.spec.loading import parse_protocol
from poolproof.spec.protocol import Protocol

# --- what the loader and the contracts' bounds say --------------------------------------------------------------------


def answer(text: str, where: str) -> tuple[str, list[str]]:
    """The loader's message, if it refuses a file; if not, which bounds of the setters its values break."""
    try:
        protocol = parse_protocol(text, where)
    except UsageError as refused:
        return str(refused), []
    return "", outside(protocol)


def outside(protocol: Protocol) -> list[str]:
    """Which conditions of the admissible region do not hold, and where."""
    broken = []
    for pool in protocol.pools:
        for market in pool.markets:
            alone = protocol.model_copy(update={"pools": (pool.model_copy(update={"markets": (market,)}),)})
            rules = [rule for rule, holds in VENUS.admissible(VENUS.build(alone)) if not holds]
            broken += [f"{pool.id}/{market.asset}: not {rule}" for rule in rules]
    return broken


# --- the output -------------------------------------------------------------------------------------------------------


def as_data(proposal: Proposal) -> dict[str, Any]:
    """What became of a proposal's rows, as JSON data."""
    data: dict[str, Any] = {"proposal": f"VIP-{proposal.vip}", "network": proposal.network, "name": proposal.name}
    data |= {"title": proposal.title, "pools": proposal.pools, "rows": [position for position, _ in proposal.rows]}
    for state in ("expressed", "already_so", "not_expressible"):
        data[state] = [
            {"row": each.row, "path": f"{each.pool}/{each.asset}/{each.key}", "old": each.old, "new": each.new}
            | ({"reason": each.why_not} if each.why_not else {})
            for each in getattr(proposal, state)
        ]
    data["lowered_thresholds"] = [f"{each.pool}/{each.asset}" for each in proposal.expressed if each.lowers_a_threshold]
    data["notes"] = proposal.notes
    for side in ("base", "head"):
        refused, broken = answer(getattr(proposal, side), f"{proposal.name}/{side}.toml")
        data[side] = {"refused": refused or None, "outside_the_setters_bounds": broken}
    return data


def files_of(proposals: list[Proposal]) -> dict[str, str]:
    """What is written, by its path in the folder."""
    files = {f"{each.name}/{side}.toml": getattr(each, side) for each in proposals for side in ("base", "head")}
    summary = json.dumps([as_data(each) for each in proposals], indent=1, ensure_ascii=False)
    return files | {"proposals.json": summary + "\n"}


def archive(files: dict[str, str]) -> bytes:
    """The files as one .tar.xz, the same bytes for the same files."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, text in files.items():
            content = text.encode()
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return lzma.compress(packed.getvalue(), preset=9 | lzma.PRESET_EXTREME)


def fraction(value: str) -> str:
    """A wad as people write it."""
    return f"{Decimal(value).scaleb(-18).normalize():f}"


def table(proposals: list[Proposal]) -> str:
    """The proposals in one table, then what each leaves open, as Markdown."""
    lines = ["| proposal | network | pools | rows | changes | by kind | already so |", "|---|---|---|---|---|---|---|"]
    for each in proposals:
        kinds = ", ".join(
            f"{count} {key}" for key, count in Counter(change.key for change in each.expressed).most_common()
        )
        lines.append(
            f"| VIP-{each.vip} | {NETWORKS[each.network]} | {', '.join(each.pools)} | {len(each.rows)} "
            f"| {len(each.expressed)} | {kinds} | {len(each.already_so) or ''} |"
        )
    rows, total = sum(len(each.rows) for each in proposals), sum(len(each.expressed) for each in proposals)
    lines += ["", f"{len(proposals)} proposals, {rows} rows, {total} changes of a value in a protocol file."]
    lowered = [(each, change) for each in proposals for change in each.expressed if change.lowers_a_threshold]
    lines += [
        "",
        "### What lowers a liquidation threshold",
        "",
        "| proposal | market | old | new |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| VIP-{each.vip} | {change.pool}/{change.asset} | {fraction(change.old or '0')} | {fraction(change.new)} |"
        for each, change in lowered
    ]
    lines += ["", "### What a protocol file cannot say", "", "| proposal | parameter | markets | to | why not |"]
    lines += ["|---|---|---|---|---|"]
    for each in proposals:
        for parameter, places, new, why in each.unsaid:
            shown = ", ".join(places) if len(places) <= 3 else f"{len(places)} markets"
            lines.append(f"| VIP-{each.vip} | {parameter} | {shown} | {new} | {why} |")
    lines += ["", "### What was decided in reading the rows", ""]
    lines += [f"- VIP-{each.vip}: {note}." for each in proposals for note in each.notes]
    lines += ["", "### What the loader and the contracts' setters would refuse", ""]
    for each in proposals:
        for side in ("base", "head"):
            refused, broken = answer(getattr(each, side), f"{each.name}/{side}.toml")
            lines += [f"- {each.name}/{side}.toml, by the loader: {refused}"] if refused else []
            lines += [f"- {each.name}/{side}.toml, by a setter: {rule}" for rule in broken]
    return "\n".join(lines) + "\n"


def replaced(document: str, text: str, part: str = "proposals") -> str:
    """A document with one of its generated parts exchanged."""
    begin, end = f"<!-- {part}:begin -->", f"<!-- {part}:end -->"
    before, rest = document.split(begin)
    return f"{before}{begin}\n{text}{end}{rest.split(end)[1]}"


def main() -> None:
    """Read the two files that are named first, write the pairs."""
    summary = (__doc__ or "").partition("\n")[0]
    parser = argparse.ArgumentParser(description=summary)
    parser.add_argument("venus", type=Path, help="the deployment values, venus.json")
    parser.add_argument("changes", type=Path, help="the proposals, venus_changes.json")
    parser.add_argument("folder", type=Path, help="where the pairs go")
    parser.add_argument("--archive", type=Path, help="also write all of them as one .tar.xz")
    parser.add_argument("--document", type=Path, help="also replace the generated part of this document")
    arguments = parser.parse_args()
    venus = json.loads(arguments.venus.read_text(encoding="utf-8"))
    proposals = written(venus, json.loads(arguments.changes.read_text(encoding="utf-8")))
    files = files_of(proposals)
    for name, text in files.items():
        path = arguments.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    if arguments.archive:
        arguments.archive.write_bytes(archive(files))
    if arguments.document:
        document = arguments.document.read_text(encoding="utf-8")
        arguments.document.write_text(replaced(document, table(proposals)), encoding="utf-8")
    for each in proposals:
        for note in each.notes:
            print(f"{each.name}: {note}", file=sys.stderr)
        for parameter, places, new, why in each.unsaid:
            print(f"{each.name}: not expressible: {parameter} = {new} of {', '.join(places)}: {why}", file=sys.stderr)


if __name__ == "__main__":
    main()
