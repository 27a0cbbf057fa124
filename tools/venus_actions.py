"""Write `tests/conformance/data/venus_actions.jsonl.gz` from recorded traces of the Venus contracts.

Usage: python tools/venus_actions.py FOLDER tests/conformance/data/venus_actions.jsonl.gz

FOLDER holds the random traces `r*.jsonl.gz` with the full state after each action. What is kept of a
trace is its configuration, and of each action the slots since the one before, its name, its arguments
and whether it succeeded; of a redemption or a transfer also the share tokens that it took and those
that were held, so that the same part of a holding can be taken where holdings differ.
"""

import argparse
import gzip
import io
import json
from pathlib import Path
from typing import Any

HOLDER = {
    "redeem": "user",
    "redeemUnderlying": "user",
    "transfer": "user",
    "redeemBehalf": "redeemer",
    "redeemUnderlyingBehalf": "redeemer",
}
"""The argument that names whose share tokens an action takes."""


def main() -> None:
    """Read the command line, write the file."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("target", type=Path)
    arguments = parser.parse_args()
    files = sorted(path for path in arguments.folder.glob("r*.jsonl.gz") if path.name != "rates.jsonl.gz")
    text = "".join(json.dumps(extract(path), separators=(",", ":")) + "\n" for path in files)
    content = io.BytesIO()
    with gzip.GzipFile(fileobj=content, mode="wb", compresslevel=9, mtime=0) as packed:
        packed.write(text.encode())
    arguments.target.write_bytes(content.getvalue())


def extract(path: Path) -> dict[str, Any]:
    """Give the actions of one trace."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        first, initial, *recorded = [json.loads(line) for line in lines]
    config = first["config"]
    clock = "ts" if config["timeBased"] else "bn"
    slot, state = int(initial[clock]), initial["st"]
    actions = []
    for each in recorded:
        arguments = dict(each["args"])
        holder = HOLDER.get(each["a"])
        if holder is not None:
            arguments |= taken(state, each["st"] or state, arguments[holder], arguments["m"])
        actions.append([int(each[clock]) - slot, each["a"], arguments, int(each["ok"])])
        slot, state = int(each[clock]), each["st"] or state
    return {"trace": first["trace"], "profile": first["profile"], "config": config, "actions": actions}


def taken(before: dict[str, Any], after: dict[str, Any], holder: str, market: int) -> dict[str, str]:
    """Give the share tokens of an account before an action, and how many of them the action took."""
    held, left = (int(state["u"][holder]["v"][market]) for state in (before, after))
    return {"held": str(held), "taken": str(held - left)}


if __name__ == "__main__":
    main()
