"""Traces as people meet them: a timeline on the terminal, a file for `replay`."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from poolproof.proofs import registry
from poolproof.proofs.replay import replay
from poolproof.proofs.traces import trace_from_json
from poolproof.spec.errors import UsageError, shown_plain
from poolproof.spec.model import Model

from .console import Output, write_whole
from .timeline import timeline

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")


def model_of(name: str) -> Model:
    """The model of a name."""
    return registry.find(name)[0]


def show_trace(console: Console, trace: dict[str, Any]) -> None:
    """Print a trace of an engine as a timeline: who did what, what changed, what finally broke."""
    try:
        read = trace_from_json(trace, str(trace.get("invariant", "trace")), model_of)
    except UsageError as error:
        message = f"an engine wrote a trace that cannot be read: {error}"
        raise RuntimeError(message) from error  # ours, not the caller's
    console.print(timeline(replay(read, registry.find)))


def write_traces(
    output: Output, folder: Path | None, traces: Iterable[dict[str, Any]], named_by: str = "invariant"
) -> None:
    """Write each trace as a file named by its invariant, numbered from the second on, and say how to replay it.

    ``named_by`` is another key of the traces whose text names the files.

    Refuses: a folder that cannot be made or written.
    """
    if folder is None:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        written: Counter[str] = Counter()
        for trace in traces:
            name = _UNSAFE.sub("_", trace[named_by])
            written[name] += 1
            file = folder / (f"{name}.json" if written[name] == 1 else f"{name}-{written[name]}.json")
            write_whole(file, json.dumps(trace, indent=1) + "\n")
            output.out.print(Text(f"poolproof replay {file}"), soft_wrap=True)
    except OSError as error:
        where = f"--traces {shown_plain(str(folder))}"
        reason = (error.strerror or str(error)).lower()
        rule = f"the folder cannot be written ({reason})"
        raise UsageError(rule, where, "name another folder") from None
