"""The JSON Schema of protocol files, for editors and for other programs."""

from typing import Any

from .protocol import Protocol


def json_schema() -> dict[str, Any]:
    """Give the JSON Schema of protocol files, for editors and for other programs.

    Limits: it describes one value at a time. Exact upper bounds of decimal strings (a pattern only
    bounds their length) and duplicates are refused by the loader alone.
    """
    schema = Protocol.model_json_schema(by_alias=True, mode="validation")
    for table in (schema, *schema["$defs"].values()):
        for key, field in table["properties"].items():
            table["properties"][key] = _as_written(field)
    return schema


def _as_written(field: dict[str, Any]) -> dict[str, Any]:
    """Describe a field as a file has it: defaults of amounts quoted, no null, no generated title."""
    field = {key: value for key, value in field.items() if key != "title"}
    kinds = field.pop("anyOf", None)
    if kinds is not None:
        field |= next(kind for kind in kinds if kind != {"type": "null"})
    if field.get("default", ...) is None:
        del field["default"]
    elif field.get("type") == "string" and "default" in field:
        field["default"] = str(field["default"])
    return field
