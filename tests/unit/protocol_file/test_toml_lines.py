"""The lines of a protocol file: the line found for a key is the line on which the key stands."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolproof.spec.toml_lines import KeyPath, line_at, lines_of, position_of

ROOT = Path(__file__).resolve().parents[3]
SHIPPED = sorted((ROOT / "spec" / "protocols").glob("*.toml"))

AWKWARD = """\
# a comment with [brackets] and key = 1
top = 1
"quoted \\"key\\"" = 'lit # eral'
a.b . "c.d" = \"\"\"
not_a_key = 1
[not.a.header]
\"\"\" # after it
long = '''
also = no key ''''
list = [ # entries
  1, [2, 3],
  { x = 1, y.z = "}" },
]
[ table . 'in quotes' ] # a header
when = 1979-05-27T07:32:00Z
[[pools]]
id = "first"
[[pools.markets]]
asset = "ETH"
[pools.markets.rates]
kind = "jump"
[[pools.markets]]
asset = "USDC"
[[pools]]
id = "second"
markets = [{asset = "DAI", cap = "1"}]
"""


def leaves(data: Any, path: KeyPath = ()) -> Iterator[KeyPath]:
    """The path of each key of parsed data, and of each entry of a list."""
    below = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in below:
        yield (*path, key)
        yield from leaves(value, (*path, key))


def test_awkward_texts_are_read_as_the_parser_reads_them() -> None:
    """Every leaf has a line, nothing else has, and strings and comments hold no keys."""
    lines = lines_of(AWKWARD)
    assert set(lines) == set(leaves(tomllib.loads(AWKWARD)))
    assert lines["top",] == 2
    assert lines['quoted "key"',] == 3
    assert lines["a", "b", "c.d"] == 4
    assert lines["long",] == 8
    assert lines["list", 1, 0] == 11
    assert lines["list", 2, "y", "z"] == 12
    assert lines["table", "in quotes"] == 14
    assert lines["pools", 0, "markets", 1, "asset"] == 23
    assert lines["pools", 1, "markets", 0, "cap"] == 26


def test_names_lead_to_positions() -> None:
    """Pools are known by their id, markets by their asset; what is not there has the line of what is around it."""
    data = tomllib.loads(AWKWARD)
    lines = lines_of(AWKWARD)
    path = position_of(data, ("pools", "first", "markets", "USDC", "supply_cap"))
    assert path == ("pools", 0, "markets", 1, "supply_cap")
    assert line_at(lines, path) == 22
    assert line_at(lines, ()) is None
    assert line_at(lines, ("absent", "too")) is None
    with pytest.raises(KeyError, match="third"):
        position_of(data, ("pools", "third"))
    with pytest.raises(KeyError, match="deeper"):
        position_of(data, ("top", "deeper"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_key_of_a_shipped_protocol_is_on_its_line(path: Path) -> None:
    """The line that is found begins with the key, or is the header that ends in it."""
    text = path.read_text(encoding="utf-8")
    lines = lines_of(text)
    assert set(lines) == set(leaves(tomllib.loads(text)))
    written = text.splitlines()
    for place, line in lines.items():
        key = next(str(part) for part in reversed(place) if isinstance(part, str))
        assert key in written[line - 1]


KEYS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=8)
TEXTS = st.text(st.sampled_from("ab\"'\\#[]{}=,.\n é"), max_size=12)


def quoted(text: str) -> str:
    """A basic string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def strings(text: str) -> list[str]:
    """The ways to write a text that can hold it."""
    ways = [quoted(text), f'"""\n{quoted(text)[1:-1]}"""']
    if "'" not in text and "\n" not in text:
        ways.append(f"'{text}'")
    if "'" not in text:
        ways.append(f"'''\n{text}'''")
    return ways


@st.composite
def written(draw: st.DrawFn, deep: int = 2) -> str:
    """A value as a file may have it."""
    kind = draw(st.sampled_from(["text", "number", "list", "table"] if deep else ["text", "number"]))
    if kind == "text":
        return draw(st.sampled_from(strings(draw(TEXTS))))
    if kind == "number":
        return draw(st.sampled_from(["1", "-0.5e3", "true", "1979-05-27 07:32:00"]))
    if kind == "list":
        gap = draw(st.sampled_from(["", " ", "\n  ", " # ] = [[x]]\n"]))
        return f"[{gap}{f',{gap}'.join(draw(st.lists(written(deep - 1), max_size=3)))}{gap}]"
    keys = draw(st.lists(KEYS, max_size=3, unique=True))
    return f"{{ {', '.join(f'{quoted(key)} = {draw(written(deep - 1))}' for key in keys)} }}"


@given(st.data())
def test_a_written_key_is_found_on_its_line(data: st.DataObject) -> None:
    """Whatever stands above a key, in strings, lists and tables, it is found on the line where it was written."""
    text = ""
    where: dict[KeyPath, int] = {}
    table: KeyPath = ()
    for number in range(data.draw(st.integers(1, 5))):
        if data.draw(st.booleans()):
            table = (f"t{number}", data.draw(KEYS))
            where[table] = text.count("\n") + 1
            text += f"[{table[0]}.{quoted(str(table[1]))}]  # [x]\n"
        path = (*table, f"k{number}", data.draw(KEYS))
        where[path] = text.count("\n") + 1
        text += f"k{number} . {quoted(str(path[-1]))} = {data.draw(written())}\n"
    lines = lines_of(text)
    assert set(lines) == set(leaves(tomllib.loads(text)))
    assert {path: lines[path] for path in where} == where
