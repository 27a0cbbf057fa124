"""What protocols say of themselves: each claim, the theorems that carry it, and where it stops being true.

A claim file says what to ask, never what the answer is: a verdict is computed from the decisions on the theorems, from
the figures of a named computation, and from runs at the edge of each condition.
"""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

SCHEMA = "poolproof.claims/1"
"""What `schema` says in a claim file: the format, and its version."""
VARIED = "?"
"""Stands in a step for the argument that an edge varies."""


class _Table(BaseModel):
    """A table of a claim file: immutable, and closed to unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Edge(_Table):
    """Where a claim stops being true: two runs that differ in one argument, on either side of a condition.

    Each step is an action with its arguments; `?` is the argument that varies, from `inside`, where the condition and
    the claim hold, to `outside`, where neither does.  Between two numbers the edge is found to the last unit.
    """

    name: str = Field(description="how claims refer to it")
    condition: str = Field(description="under which the claim holds, in words")
    within: str = Field(description="the condition as a function of a run, by its name")
    spares: str = Field(description="what the claim promises, as a function of a run, by its name")
    protocol: str | None = Field(default=None, description="where the runs happen, if not where the claim is made")
    changes: tuple[tuple[str, str, str], ...] = Field(
        default=(), description="parameters of the protocol that differ: pool or pool/asset, key, value"
    )
    steps: tuple[tuple[str, ...], ...] = Field(min_length=1, description="the actions, in order")
    inside: str = Field(description="the argument with which the claim holds")
    outside: str = Field(description="the argument with which it does not")


class Statement(_Table):
    """How a claim is read for one model."""

    model: str = Field(description="the model of which it is claimed")
    protocol: str = Field(description="the shipped protocol that makes the claim")
    theorems: tuple[str, ...] = Field(default=(), description="the invariants that carry it, by id")
    rows_of: str | None = Field(
        default=None, description="the shipped protocol that has the theorems, if not the one that makes the claim"
    )
    computation: str | None = Field(default=None, description="what is computed besides, by its name")
    edges: tuple[str, ...] = Field(default=(), description="the edges of its conditions, by name")

    @model_validator(mode="after")
    def _rests_on_something(self) -> Self:
        """Refuse a claim that neither a theorem nor a computation carries."""
        if not self.theorems and self.computation is None:
            message = "a claim rests on theorems or on a computation; name some"
            raise ValueError(message)
        return self


class Claim(_Table):
    """One claim."""

    id: str
    claim: str
    on: tuple[Statement, ...] = Field(min_length=1, description="how it is read, for each model")


class ClaimFile(_Table):
    """The claims of one document."""

    schema_: Literal["poolproof.claims/1"] = Field(alias="schema")
    source: str = Field(description="the document that makes the claims, which are paraphrased")
    claims: tuple[Claim, ...] = Field(min_length=1)
    edges: tuple[Edge, ...] = ()

    def edge(self, name: str) -> Edge:
        """The edge of a name."""
        return next(edge for edge in self.edges if edge.name == name)


def shipped_claims() -> tuple[ClaimFile, ...]:
    """The claim files that come with the package, in alphabetical order of their names."""
    folder = files("poolproof.spec").joinpath("claims")
    found = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".toml")), key=lambda each: each.name)
    return tuple(ClaimFile.model_validate(tomllib.loads(entry.read_text(encoding="utf-8"))) for entry in found)
