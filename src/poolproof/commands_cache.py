"""The command that shows where the evidence is, and prunes it."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from .cache import Cache, default_folder
from .checking import shipped_evidence
from .console import Output
from .documents import document


def cache(output: Output, prune: int | None) -> int:
    """Show the cache; before that, remove what was not used for ``prune`` days."""
    folder = default_folder()
    with Cache(folder, shipped_evidence()) as store:
        removed = store.prune(prune) if prune is not None else None
        stats = store.stats()
        notes = [*store.notes, *(store.shipped.notes if store.shipped else ())]
    table = Table.grid(padding=(0, 2))
    rows = {
        "file": str(stats.path or "none"),
        "size": f"{stats.size / 2**20:.1f} MiB",
        "decisions": f"{stats.entries['decision']}, and {stats.shipped['decision']} shipped",
        "answers to obligations": f"{stats.entries['outcome']}, and {stats.shipped['outcome']} shipped",
    }
    if removed is not None:
        rows["removed"] = f"{removed} that were not used for {prune} days"
    for name, value in rows.items():
        table.add_row(Text(name, style="dim"), Text(value))
    output.out.print(table)
    for note in notes:
        output.err.print(Text(f"note: {note}"))
    content = {
        "path": str(stats.path) if stats.path else None,
        "bytes": stats.size,
        "decisions": stats.entries["decision"],
        "outcomes": stats.entries["outcome"],
        "shipped": {"decisions": stats.shipped["decision"], "outcomes": stats.shipped["outcome"]},
        "pruned": removed,
        "notes": notes,
    }
    output.write_json(document("cache", content))
    return 0
