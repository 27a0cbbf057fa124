"""The two files of a proposal, and the protocols on the way from one to the other.

A protocol is taken as a tree of tables: pools by id, markets by asset, acceptances by invariant.  A key that a file
leaves out has its default; so two files that say the same in other words do not differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from pydantic import ValidationError

from poolproof.protocol_text import ProtocolText
from poolproof.spec.errors import UsageError, shown_path
from poolproof.spec.loading import load_protocol
from poolproof.spec.protocol import MarketConfig, PoolConfig, Protocol

KeyPath: TypeAlias = tuple[str, ...]
Tree: TypeAlias = dict[str, Any]
Kind = Literal["changed", "added", "removed"]

KEYED = {"pools": "id", "markets": "asset", "accepted": "invariant"}
"""Lists of tables, by the key that names an entry."""
CONTEXT = ("schema", "title", "source", "users", "horizon", "price", "wallet", "initial_supply", "vault")
"""Keys that say where runs begin and where numbers come from; a gate shows them and judges nothing by them."""

OF_THE_GATE = ("accepted", "policy")
"""Keys that say what a gate lets pass, and nothing of the protocol."""
OF_A_FEED = ("price_bound", "max_price_age")
"""Keys of a market that all markets with the same feed have alike."""
OF_AN_ASSET = (
    *OF_A_FEED, "price", "oracle", "decimals", "supply_cap", "borrow_cap", "wallet", "line", "line.first_loss",
    "venus", "venus.initial_supply", "markets",
)  # fmt: skip
"""Keys of a market that matter to markets of the same asset or feed in other pools."""


@dataclass(frozen=True, slots=True)
class Change:
    """One difference: its place as keys, and the values as the files write them; None where there is none.

    ``line`` is where it stands: in the proposed file, or in the one in force where it was removed.
    """

    keys: KeyPath
    kind: Kind
    old: Any
    new: Any
    line: int | None = None

    @property
    def path(self) -> str:
        """The place in words: ``pools[A].markets[X].supply_cap``."""
        text = ""
        for before, key in zip((None, *self.keys), self.keys, strict=False):
            text += f"[{key}]" if before in KEYED else f".{key}" if text else key
        return text

    @property
    def pool(self) -> str | None:
        """The pool that it is about."""
        return self.keys[1] if self.keys[0] == "pools" and len(self.keys) > 1 else None

    @property
    def asset(self) -> str | None:
        """The market that it is about."""
        return self.keys[3] if self.pool is not None and len(self.keys) > 3 and self.keys[2] == "markets" else None

    @property
    def parameter(self) -> str:
        """The key in its table, like ``rate_model.kink``; of a whole pool or market: ``pools``, ``markets``."""
        if self.keys[0] != "pools":
            return self.keys[0]
        rest = self.keys[4:] if self.asset is not None else self.keys[2:]
        return ".".join(rest) or ("markets" if self.asset is not None else "pools")

    @property
    def is_number(self) -> bool:
        """Whether both values are numbers."""
        return all(isinstance(value, int) and not isinstance(value, bool) for value in (self.old, self.new))

    @property
    def is_context(self) -> bool:
        """Whether it moves only where runs begin, or words."""
        return self.keys[-1] in CONTEXT or self.keys[0] == "users"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A protocol in force and one that is to take its place, with the changes between them, in the file's order."""

    base: Protocol
    head: Protocol
    base_path: str
    head_path: str
    changes: tuple[Change, ...]
    base_tree: Tree
    head_tree: Tree

    def near(self, pool: str, asset: str | None) -> Proposal:
        """The part of the proposal that can matter to what is asked of a pool, or of one of its markets.

        A market shares its asset and its feed with markets of other pools, and a pool its core and the one that it
        leads to; nothing else.  Policies and acceptances are no part of it: no condition reads them.
        """
        trees = self.base_tree, self.head_tree
        near = {name for tree in trees for name in _around(tree["pools"], pool, asset)}
        if not all(near & tree["pools"].keys() for tree in trees):
            near = {name for tree in trees for name in tree["pools"]}
        parts = []
        for tree in trees:
            kept = {name: each for name, each in tree["pools"].items() if name in near}
            parts.append({key: each for key, each in tree.items() if key not in OF_THE_GATE} | {"pools": kept})
        old, new = (protocol_of(part, self.head_path) for part in parts)
        changes = tuple(each for each in self.changes if each.keys[0] not in OF_THE_GATE and each.pool in (None, *near))
        return Proposal(old, new, self.base_path, self.head_path, changes, *parts)

    def with_changes(self, chosen: Iterable[Change]) -> Protocol:
        """The protocol in force with some of the changes.  Refuses: what is then no well-formed protocol."""
        tree = self.base_tree
        for change in chosen:
            tree = _with(tree, change.keys, change)
        return self._protocol(tree)

    def with_value(self, change: Change, value: int) -> Protocol:
        """The proposed protocol with another value in the place of a change.

        What a feed has, all markets that read it get.  Refuses: as ``with_changes``.
        """
        places = [change.keys]
        if change.parameter in OF_A_FEED:
            feeds: dict[KeyPath, str] = {
                ("pools", pool, "markets", asset, change.parameter): _feed(market)
                for pool, table in self.head_tree["pools"].items()
                for asset, market in table["markets"].items()
            }
            read = _feed(self.head_tree["pools"][change.pool]["markets"][change.asset])
            places = [keys for keys, feed in feeds.items() if feed == read]
        tree = self.head_tree
        for keys in places:
            tree = _with(tree, keys, Change(keys, "changed", change.new, value))
        return self._protocol(tree)

    def _protocol(self, tree: Tree) -> Protocol:
        """The protocol of a tree that has most of its tables from the two files."""
        known = {
            id(of_file["pools"][pool.id]): pool
            for of_file, protocol in ((self.base_tree, self.base), (self.head_tree, self.head))
            for pool in protocol.pools
        }
        return protocol_of(tree, self.head_path, known)


def read_proposal(base_path: str, head_path: str) -> Proposal:
    """Read two protocol files.

    Refuses: what ``load_protocol`` refuses, and files of different protocols or models.
    """
    base, head = load_protocol(base_path), load_protocol(head_path)
    for key, old, new in (("name", base.name, head.name), ("model", base.model, head.model)):
        if old != new:
            rule = f'its {key} is "{new}", that of {shown_path(base_path)} is "{old}"'
            cure = "compare two versions of one protocol's file; `poolproof check` judges a file by itself"
            raise UsageError(rule, shown_path(head_path), cure)
    old_tree, new_tree = tree_of(base), tree_of(head)
    lines = {path: ProtocolText.of(path) for path in (base_path, head_path)}
    changes = [
        Change(keys, kind, old, new, lines[base_path if kind == "removed" else head_path].line(*keys))
        for keys, kind, old, new in differences(old_tree, new_tree)
    ]
    changes.sort(key=lambda each: (each.kind == "removed", each.line or 0))
    return Proposal(base, head, base_path, head_path, tuple(changes), old_tree, new_tree)


def tree_of(protocol: Protocol) -> Tree:
    """A protocol as nested tables, its lists by name and its numbers as integers; derived wallets are left out."""
    tree: Tree = protocol.model_dump(by_alias=True, exclude_none=True)
    for pool, table in zip(protocol.pools, tree["pools"], strict=True):
        for market, row in zip(pool.markets, table["markets"], strict=True):
            if "wallet" not in market.model_fields_set:
                del row["wallet"]
        table["markets"] = {market["asset"]: market for market in table["markets"]}
    for name in ("pools", "accepted"):
        tree[name] = {entry[KEYED[name]]: entry for entry in tree[name]}
    return tree


def protocol_of(tree: Tree, where: str, known: Mapping[int, PoolConfig] | None = None) -> Protocol:
    """The protocol of a tree; ``known`` are the pools of tables that are known, by the tables' identity.

    Refuses: what is no well-formed protocol.
    """
    pools = [
        (known or {}).get(id(pool)) or pool | {"markets": list(pool["markets"].values())}
        for pool in tree["pools"].values()
    ]
    try:
        return Protocol.model_validate(tree | {"pools": pools, "accepted": list(tree.get("accepted", {}).values())})
    except ValidationError:
        raise UsageError("these values together are no well-formed protocol", where, "change fewer of them") from None


def differences(
    old: Mapping[str, Any], new: Mapping[str, Any], at: KeyPath = ()
) -> list[tuple[KeyPath, Kind, Any, Any]]:
    """The leaves in which two trees differ; a table that only one of them has is one difference."""
    found: list[tuple[KeyPath, Kind, Any, Any]] = []
    for key in dict.fromkeys((*old, *new)):
        here, before, after = (*at, key), old.get(key), new.get(key)
        if before == after:
            continue
        if isinstance(before, dict) and isinstance(after, dict):
            found += differences(before, after, here)
        elif key not in new:
            found.append((here, "removed", before, None))
        elif key not in old:
            found.append((here, "added", None, after))
        else:
            found.append((here, "changed", before, after))
    return found


def _around(pools: Tree, pool: str, asset: str | None) -> Iterator[str]:
    """A pool, its core, the one that it leads to, and those that have an asset or its feed too."""
    asked = pools.get(pool, {"markets": {}, "main": None})
    markets = [asked["markets"][asset]] if asset in asked["markets"] else []
    shared = {asset, *map(_feed, markets)} - {None}
    for name, other in pools.items():
        alike = any(each["asset"] in shared or _feed(each) in shared for each in other["markets"].values())
        if name in (pool, asked.get("main")) or other["kind"] == "core" or alike:
            yield name


def _feed(market: Tree) -> str:
    """The feed that a market reads."""
    return str(market.get("oracle") or market["asset"])


def _with(tree: Tree, keys: KeyPath, change: Change) -> Tree:
    """A tree in which a change is carried out; what it does not touch is shared."""
    key, *rest = keys
    if rest:
        return tree | {key: _with(tree.get(key, {}), tuple(rest), change)}
    if change.kind == "removed":
        return {name: each for name, each in tree.items() if name != key}
    return tree | {key: change.new}


def market_in(protocol: Protocol, pool: str, asset: str) -> MarketConfig | None:
    """A market of a protocol; None where it has none of that name."""
    markets = (market for each in protocol.pools if each.id == pool for market in each.markets)
    return next((market for market in markets if market.asset == asset), None)
