"""The catalogue for a model that adds actions: what it says of every action of a kind, it says of those too."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from poolproof.models.isolated_pool import ACTIONS
from poolproof.spec.invariant import Catalogue
from poolproof.spec.model import Model

from .rates import RATE_7, on_a_stale_state


@cache
def fitted(catalogue: Catalogue, model: Model) -> Catalogue:
    """A catalogue as it speaks of a model; itself, where the model has no action but those that it was written for."""
    new = [action for action in model.actions if action not in ACTIONS]
    if not new:
        return catalogue
    made = Catalogue(catalogue.about)
    made.add(catalogue)
    for invariant in made:
        for position, clause in enumerate(invariant.clauses):
            added = tuple(action.name for action in new if action.by in clause.new_by)
            invariant.clauses[position] = replace(clause, of=clause.of + added)
        if invariant.id == RATE_7.id:
            for action in new:
                on_a_stale_state(invariant, action)
    return made
