"""Refusals: the protocol says no.  One class per reason, its values as fields, its message from them."""

from __future__ import annotations

from typing import Any, ClassVar

from .logic import Condition


class Refusal(Exception):
    """An action ends here and leaves the state exactly as it was."""

    fields: ClassVar[tuple[str, ...]] = ()
    text: ClassVar[str] = "refused"

    def __init__(self, *values: Any) -> None:
        super().__init__(*values)
        self.values = values

    @property
    def name(self) -> str:
        """The reason's name, as traces carry it."""
        return type(self).__name__

    def __str__(self) -> str:
        return self.text.format(**dict(zip(self.fields, self.values, strict=True)))


def require(condition: Condition, reason: type[Refusal], *values: Any) -> None:
    """Refuse for ``reason`` unless the condition holds; the refusal is built only then."""
    if not condition:
        raise reason(*values)
