"""What commands take in: a protocol with its model and catalogue, and a state to start from."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

from poolproof.proofs import registry
from poolproof.proofs.snapshots import set_state
from poolproof.spec.errors import UsageError, shown_path, shown_text
from poolproof.spec.invariant import Catalogue
from poolproof.spec.loading import load_protocol
from poolproof.spec.model import Model
from poolproof.spec.protocol import Protocol

LARGEST_STATE = 2**24
"""Largest state file [bytes]."""


def open_protocol(name_or_path: str) -> tuple[Protocol, Model, Catalogue]:
    """A protocol by its name or path, with the model that it names and what is claimed of that.

    Refuses: as ``open_model``, and a protocol of which nothing is claimed.
    """
    protocol, model, catalogue = open_model(name_or_path)
    if not tuple(catalogue):
        rule = f"no invariant is claimed of several pools of the model {shown_text(model.name)} side by side"
        raise UsageError(rule, shown_path(name_or_path), "name the file of one pool, or ask `poolproof claims`")
    return protocol, model, catalogue


def open_model(name_or_path: str) -> tuple[Protocol, Model, Catalogue]:
    """A protocol by its name or path, with the model that it names and what is claimed of that, if anything is.

    Refuses: what ``load_protocol`` and ``registry.of`` refuse.
    """
    protocol = load_protocol(name_or_path)
    try:
        model, catalogue = registry.of(protocol)
    except UsageError as wrong:
        place = f"{shown_path(name_or_path)}: {wrong.where}"
        raise UsageError(wrong.what, place, wrong.cure, wrong.others) from wrong
    return protocol, model, catalogue


def read_state(path: str, model: Model, protocol: Protocol) -> dict[str, Any]:
    """Read a state of a protocol, as JSON data that fits it.

    Refuses: a path that is no regular file, a file above ``LARGEST_STATE``, text that is not JSON, and what
    does not fit the protocol: an unknown or missing key, market or number.
    """
    where = shown_path(path)
    try:
        status = Path(path).stat()
        if not stat.S_ISREG(status.st_mode):
            raise UsageError("this is not a regular file", where, "name the JSON file of a state")
        if status.st_size > LARGEST_STATE:
            rule = f"the file is larger than {LARGEST_STATE} bytes"
            raise UsageError(rule, where, "name the JSON file of a state")
        data = json.loads(Path(path).read_bytes())
    except FileNotFoundError:
        raise UsageError("there is no such file", where, "check the path") from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        rule = f"the file cannot be read ({reason})"
        raise UsageError(rule, where, "check the path and its permissions") from None
    except UnicodeDecodeError:
        raise UsageError("the file is not UTF-8 text", where, "save the state as UTF-8") from None
    except json.JSONDecodeError as error:
        rule = f"line {error.lineno}, column {error.colno}: this is not JSON: {error.msg.lower()}"
        raise UsageError(rule, where, 'write the state as a trace has it in its "start"') from None
    except (RecursionError, ValueError):
        rule = "the JSON nests too deeply or has a number of thousands of digits"
        raise UsageError(rule, where, 'write the state as a trace has it in its "start"') from None
    set_state(model.build(protocol), data, where)
    return dict(data)
