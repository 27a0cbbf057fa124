"""The commands that show what there is: protocols, invariants, one invariant, the schema of files."""

from __future__ import annotations

import json
from collections.abc import Iterable

from rich.padding import Padding
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from poolproof.proofs import registry
from poolproof.spec.invariant import Catalogue, Invariant
from poolproof.spec.loading import load_protocol, shipped_protocols
from poolproof.spec.schema import json_schema

from .console import Output
from .documents import document
from .formal_text import formal_text, said_of
from .naming import known_name


def protocols(output: Output) -> int:
    """List the shipped protocols."""
    rows = []
    for name in shipped_protocols():
        protocol = load_protocol(name)
        rows.append(
            {
                "name": protocol.name,
                "model": protocol.model,
                "pools": len(protocol.pools),
                "markets": sum(len(pool.markets) for pool in protocol.pools),
                "source": protocol.source,
            }
        )
    table = _table("name", "model", "pools", "markets", "source")
    for row in rows:
        table.add_row(*(Text(str(value)) for value in row.values()))
    output.out.print(table)
    output.write_json(document("protocols", {"protocols": rows}))
    return 0


def invariants(output: Output, name_or_path: str | None) -> int:
    """List the invariants, all of them or those that apply to a protocol."""
    models = registry.names() if name_or_path is None else (load_protocol(name_or_path).model,)
    where = _where(models)
    rows = [
        {
            "id": invariant.id,
            "claim": invariant.claim,
            "kind": invariant.kind,
            "assuming": list(invariant.assuming),
            "models": names,
        }
        for invariant, names in where.values()
    ]
    table = _table("invariant", "kind", "claim")
    for invariant, _ in where.values():
        claim = Text(invariant.claim)
        if invariant.assuming:
            claim.append(f"\nassuming {'; '.join(invariant.assuming)}", style="dim")
        table.add_row(Text(invariant.id), invariant.kind, claim)
    output.out.print(table)
    output.write_json(document("invariants", {"invariants": rows}))
    return 0


def explain(output: Output, name: str) -> int:
    """Show one invariant: claim, reason, conditions, formal text."""
    where = _where(registry.names())
    more = "`poolproof invariants` lists them all"
    invariant, models = where[known_name(name, where, "an invariant", more=more)]
    out = output.out
    out.print(Text(f"{invariant.id}  ", style="bold") + Text(invariant.claim))
    facts = Table.grid(padding=(0, 2))
    facts.add_row(Text("kind", style="dim"), Text(invariant.kind))
    facts.add_row(Text("models", style="dim"), Text(", ".join(models)))
    if invariant.why:
        facts.add_row(Text("why", style="dim"), Text(invariant.why))
    for condition in invariant.assuming:
        facts.add_row(Text("assuming", style="dim"), Text(condition))
    out.print(facts)
    for clause in invariant.clauses:
        out.print()
        out.print(Text(f"{clause.name.replace('_', ' ')}: {said_of(clause)}", style="bold"))
        code = Syntax(formal_text(clause), "python", background_color="default", word_wrap=True)
        out.print(Padding(code, (0, 0, 0, 2)))
    content = {
        "id": invariant.id,
        "claim": invariant.claim,
        "kind": invariant.kind,
        "why": invariant.why,
        "assuming": list(invariant.assuming),
        "models": models,
        "clauses": [
            {
                "name": clause.name,
                "form": clause.form,
                "over": clause.over,
                "lemma": clause.lemma,
                "source": formal_text(clause),
            }
            for clause in invariant.clauses
        ],
    }
    output.write_json(document("explain", content))
    return 0


def schema(output: Output) -> int:
    """Print the JSON Schema of protocol files, as an editor takes it."""
    content = json_schema()
    if output.json_to is None:
        output.out.out(json.dumps(content, indent=1), highlight=False)
    output.write_json(document("schema", {"json_schema": content}))
    return 0


def _where(models: Iterable[str]) -> dict[str, tuple[Invariant, list[str]]]:
    """Each invariant by id, with the models that have it."""
    found: dict[str, tuple[Invariant, list[str]]] = {}
    for name in models:
        catalogue: Catalogue = registry.find(name)[1]
        for invariant in catalogue:
            found.setdefault(invariant.id, (invariant, []))[1].append(name)
    return found


def _table(*columns: str) -> Table:
    """A table without lines; its last column takes the room that is left."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in columns[:-1]:
        table.add_column(column, no_wrap=True)
    table.add_column(columns[-1])
    return table
