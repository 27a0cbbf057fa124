"""Made-up analyses of any size: a core pool that lends to satellites over lines, with shared assets and oracles."""

from __future__ import annotations

import random

from poolproof.proofs.contagion.network import Channel, Contagion, Loss, Network, Node, Path

ASSETS = ("usdc", "eth", "wbtc", "dai", "bnb", "matic", "link", "uni", "aave", "crv")
DECIMALS = {name: {"usdc": 6, "wbtc": 8}.get(name, 18) for name in ASSETS}


def made_up(pools: int) -> Contagion:
    """A core and ``pools`` - 1 satellites, each with two or three markets, a line and losses both ways."""
    draw = random.Random(pools)
    nodes = [Node("core", "pool", "core")]
    assets = ASSETS[: 3 if pools < 20 else 10]
    nodes += [Node(f"asset:{asset}", "asset") for asset in assets]
    nodes += [Node(f"oracle:{asset}", "oracle") for asset in assets]
    nodes += [Node("router", "router"), Node("funder", "funder"), Node("treasury", "treasury", "core")]
    nodes += [Node(f"core/{asset}", "market", "core") for asset in assets]
    channels = [Channel("core", f"core/{asset}", "contains", None, None, (), "") for asset in assets]
    channels += [
        Channel(f"oracle:{asset}", f"asset:{asset}", "price feed", asset, None, ("ORC-1",), "one feed", "value")
        for asset in assets
    ]
    channels += [Channel("funder", "core/usdc", "funder", "usdc", 10**12, (), "what the funder promised", "frozen")]
    paths, losses = [], []
    for number in range(1, pools):
        name = f"satellite-{number}"
        nodes += [Node(name, "pool", name), Node(f"line:{name}", "line", name)]
        listed = draw.sample(assets, draw.choice([2, 3]))
        for asset in listed:
            market = f"{name}/{asset}"
            nodes.append(Node(market, "market", name))
            channels.append(Channel(name, market, "contains", None, None, (), ""))
            channels.append(Channel(f"asset:{asset}", market, "collateral", asset, None, (), "collateral", "value"))
        lent = listed[0]
        limit = draw.randrange(1, 5000) * 10 ** DECIMALS[lent]
        up = Channel(f"line:{name}", f"core/{lent}", "line", lent, limit, ("LINE-1", "ISO-2"), "the line's limit")
        first = Channel(name, f"line:{name}", "line", lent, limit, ("LINE-1",), "what the line has lent")
        cash = Channel(f"core/{lent}", f"{name}/{lent}", "core cash", lent, limit, ("LINE-4",), "cash", "frozen")
        channels += [first, up, cash]
        paths.append(Path(name, "core", (first, up), lent, limit))
        paths.append(Path("core", name, (cash,), lent, limit))
        losses.append(Loss(name, "core", lent, "principal", limit, "the line's limit", limit - 1, {"steps": []}))
        losses.append(Loss("core", name, lent, "frozen", limit, "the cash of the core", 0, None, "no run was found"))
        losses.append(Loss(f"oracle:{lent}", name, lent, "value", None, "nothing bounds a price", 5))
        price = Channel(f"oracle:{lent}", f"asset:{lent}", "price feed", lent, None, ("ORC-1",), "one feed", "value")
        held = Channel(f"asset:{lent}", f"{name}/{lent}", "collateral", lent, None, (), "collateral", "value")
        paths.append(Path(f"oracle:{lent}", name, (price, held), lent, None))
    channels += [Channel("router", "satellite-1", "router", "usdc", 7, (), "one action", "frozen")]
    network = Network(f"made up, {pools} pools", tuple(nodes), tuple(channels), "the worst that the file allows")
    return Contagion(network, paths, losses)
