"""The kinds of value that a protocol file is made of, each with its rule and its cure.

Amounts, prices, factors and rates are decimal strings in a file and plain integers in Python. A
TOML or JSON number is refused where a decimal string belongs: readers in other languages round
large numbers, and `1_000`, `+5` or `1e18` could not be told apart any more. Counts (decimals,
slots) are TOML integers.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from .arithmetic import WAD
from .errors import shown

LARGEST_AMOUNT = 2**112 - 1
"""The largest amount, and as a cap: no cap [smallest unit]."""

LARGEST_PRICE = 2**128
LARGEST_FACTOR = 10 * WAD
LARGEST_YEARLY_RATE = 1000 * WAD
LARGEST_WORD = 2**256 - 1
LONGEST_TIME = 2**30
"""The longest time that can be declared [slots]."""

MOST_DIGITS = 80
MOST_NAME_CHARACTERS = 64

_PLAIN = re.compile(r"0|[1-9][0-9]*")
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SCIENTIFIC = re.compile(r"([0-9]{1,40})[eE]\+?([0-9]{1,2})")
_FRACTION = re.compile(r"[0-9]*(?:\.[0-9]*|,[0-9]{1,2})")
_HEXADECIMAL = re.compile(r"0[xX][0-9a-fA-F]{1,64}")

FROM_FILE = "from_file"
"""Validation context key: true while data from a file is read, where numbers are no amounts."""


class FileTable(BaseModel):
    """A table of a protocol file: immutable, and closed to unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def ill_formed(rule: str, cure: str, at: tuple[str | int, ...] = (), **context: object) -> PydanticCustomError:
    """Word an error for the loader: the rule and the cure.

    `at` is the place below the validated value; `value` is what to show there, if not that value.
    """
    return PydanticCustomError("ill_formed", "{rule}; {cure}", {"rule": rule, "cure": cure, "at": at, **context})


@dataclass(frozen=True)
class DecimalString:
    """A whole number from `minimum` to `maximum`, written as a string of plain decimal digits.

    Python code may also give the `int` itself; a file may not. Writes itself as a string in JSON.

    Refuses: signs, separators, spaces, leading zeros, exponents, fractions, other bases, digits of
    other scripts, more than `MOST_DIGITS` characters, and anything outside the range.
    """

    minimum: int
    maximum: int
    too_large: str = ""
    """The cure for a value above the maximum, where there is a better one than the bound."""

    def read(self, value: object, info: ValidationInfo) -> int:
        """Turn the text of a file, or an integer of a Python caller, into the integer."""
        if isinstance(value, str):
            number = _read_digits(value)
        elif isinstance(value, int) and not isinstance(value, bool) and not _is_from_file(info):
            number = value
        else:
            raise _not_text(value)
        if number < self.minimum:
            rule = f"is below the least allowed value, {self.minimum}"
            raise ill_formed(rule, f'write "{self.minimum}" or more')
        if number > self.maximum:
            rule = f"is above the largest allowed value, {self.maximum}"
            raise ill_formed(rule, self.too_large or f'write "{self.maximum}" or less')
        return number

    def __get_pydantic_core_schema__(self, _source: object, _handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validate with `read`, serialise to JSON as a string."""
        return core_schema.with_info_plain_validator_function(
            self.read,
            serialization=core_schema.plain_serializer_function_ser_schema(str, when_used="json"),
        )

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Describe the text; a pattern bounds the digits, the exact bounds are the loader's."""
        more = len(str(self.maximum)) - 1
        plain = f"[1-9][0-9]{{0,{more}}}"
        pattern = f"^{plain}$" if self.minimum else f"^(0|{plain})$"
        return {"type": "string", "pattern": pattern}


@dataclass(frozen=True)
class Count:
    """A whole number from `minimum` to `maximum`, written as a TOML or JSON integer.

    Refuses: booleans, floats (also whole ones), strings, and anything outside the range.
    """

    minimum: int
    maximum: int

    def read(self, value: object) -> int:
        """Accept the integer as it is."""
        if isinstance(value, bool) or not isinstance(value, int):
            rule = "is not a whole number"
            raise ill_formed(rule, f"write an integer without quotes, like {self._example(value)}")
        if not self.minimum <= value <= self.maximum:
            rule = f"is not between {self.minimum} and {self.maximum}"
            raise ill_formed(rule, "write an integer in that range")
        return value

    def _example(self, value: object) -> int:
        """The integer that was probably meant, or the least one."""
        meant = _meant(value)
        return self.minimum if meant is None else max(self.minimum, min(meant, self.maximum))

    def __get_pydantic_core_schema__(self, _source: object, _handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validate with `read`."""
        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Describe the integer and its range."""
        return {"type": "integer", "minimum": self.minimum, "maximum": self.maximum}


@dataclass(frozen=True)
class Entries:
    """A list of `least` to `most` entries; its length is checked before any entry is looked at.

    Refuses: anything but a list, an empty list where one entry is needed, too many entries.
    """

    least: int
    most: int
    cure: str
    """How an entry is written."""

    def read(self, value: object) -> object:
        """Accept the list as it is; its entries are validated next."""
        if not isinstance(value, list | tuple):
            raise ill_formed("is not a list", self.cure)
        if len(value) < self.least:
            raise ill_formed("is empty", self.cure)
        if len(value) > self.most:
            cure = "remove what is not needed, or split the protocol into several files"
            raise ill_formed(f"has more than {self.most} entries", cure)
        return value

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validate with `read`, then as the tuple that the field is."""
        return core_schema.no_info_before_validator_function(self.read, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Add the bounds of the length."""
        return handler(schema) | {"minItems": self.least, "maxItems": self.most}


@dataclass(frozen=True)
class Label:
    """A short name: `name` as an asset or an account has it, `slug` as a protocol has it.

    Refuses: anything but text, more than `MOST_NAME_CHARACTERS`, characters outside the set.
    """

    slug: bool = False

    def read(self, value: object) -> str:
        """Accept the name as it is."""
        if not isinstance(value, str):
            raise ill_formed("is not a name", "write it as a string, in quotes")
        pattern = _SLUG if self.slug else _NAME
        if len(value) > MOST_NAME_CHARACTERS or not pattern.fullmatch(value):
            if self.slug:
                rule = "is not a short lower-case name"
                cure = "use 1 to 64 characters from a-z, 0-9 and single inner hyphens"
            else:
                rule, cure = "is not a name", "use 1 to 64 characters from A-Z, a-z, 0-9, . _ and -"
            raise ill_formed(rule, cure)
        return value

    def __get_pydantic_core_schema__(self, _source: object, _handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validate with `read`."""
        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Describe the characters and the length."""
        body = _SLUG.pattern if self.slug else "[A-Za-z0-9._-]+"
        return {"type": "string", "pattern": f"^{body}$", "maxLength": MOST_NAME_CHARACTERS}


@dataclass(frozen=True)
class Line:
    """One line of text for people: printable, not blank, at most `longest` characters.

    Refuses: anything but text, blank text, and invisible characters (line breaks, terminal escapes,
    direction marks), by which a file could show something else than what it says.
    """

    longest: int

    def read(self, value: object) -> str:
        """Accept the text as it is."""
        if not isinstance(value, str):
            raise ill_formed("is not text", "write it as a string, in quotes")
        if not value.strip():
            raise ill_formed("is blank", "write a few words")
        if len(value) > self.longest:
            rule = f"is longer than {self.longest} characters"
            raise ill_formed(rule, "say it more briefly")
        if not value.isprintable():
            rule = "has line breaks or invisible characters"
            raise ill_formed(rule, "write one line of visible characters")
        return value

    def __get_pydantic_core_schema__(self, _source: object, _handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validate with `read`."""
        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Describe the length, and the control characters as far as a portable pattern can."""
        return {
            "type": "string",
            "minLength": 1,
            "maxLength": self.longest,
            "pattern": r"^[^\u0000-\u001f\u007f-\u009f]+$",
        }


@dataclass(frozen=True)
class Day:
    """A calendar day: a TOML date, or a string like "2027-01-31" as JSON has it.

    Refuses: dates with a time, other notations, and days that do not exist.
    """

    def read(self, value: object) -> date:
        """Accept the day as it is, or read it from its text."""
        if isinstance(value, date) and not isinstance(value, datetime):
            return value
        if isinstance(value, str) and _DAY.fullmatch(value):
            try:
                return date.fromisoformat(value)
            except ValueError:
                raise ill_formed("is not a day of the calendar", "correct the date") from None
        raise ill_formed("is not a date", "write year-month-day, like 2027-01-31")

    def __get_pydantic_core_schema__(self, _source: object, _handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validate with `read`, serialise to JSON as text."""
        return core_schema.no_info_plain_validator_function(
            self.read,
            serialization=core_schema.plain_serializer_function_ser_schema(date.isoformat, when_used="json"),
        )

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Describe the text of a day."""
        return {"type": "string", "format": "date", "pattern": f"^{_DAY.pattern}$"}


_NO_CAP = f'write "{LARGEST_AMOUNT}" for no cap'

Amount = Annotated[int, DecimalString(0, LARGEST_AMOUNT)]
Cap = Annotated[int, DecimalString(0, LARGEST_AMOUNT, too_large=_NO_CAP)]
Price = Annotated[int, DecimalString(0, LARGEST_PRICE)]
Value = Annotated[int, DecimalString(0, 2**160)]
Factor = Annotated[int, DecimalString(0, LARGEST_FACTOR)]
YearlyRate = Annotated[int, DecimalString(0, LARGEST_YEARLY_RATE)]
Emission = Annotated[int, DecimalString(0, 2**64 - 1)]
SlotRate = Annotated[int, DecimalString(0, WAD)]
Shares = Annotated[int, DecimalString(1, LARGEST_WORD)]
Index = Annotated[int, DecimalString(WAD, LARGEST_WORD)]
Name = Annotated[str, Label()]
Slug = Annotated[str, Label(slug=True)]


def _is_from_file(info: ValidationInfo) -> bool:
    """Tell data of a file, in which an amount must be text, from the arguments of Python code."""
    context = info.context
    return info.mode == "json" or (isinstance(context, dict) and bool(context.get(FROM_FILE)))


def _read_digits(text: str) -> int:
    """Read plain decimal digits, or say what to write instead."""
    if len(text) > MOST_DIGITS:
        raise ill_formed(f"has more than {MOST_DIGITS} digits", "check the number")
    if not _PLAIN.fullmatch(text):
        raise ill_formed("is not a plain decimal integer", _cure_for(text))
    return int(text)


def _cure_for(text: str) -> str:
    """Give the number that was probably meant, where there is only one; else repeat the rule."""
    meant, stripped = _meant(text), text.strip()
    if meant is not None:
        return f'write the digits only, like "{meant}"'
    if not stripped:
        return 'write the digits, or "0"'
    if stripped.startswith("-"):
        return 'write "0" or more, without a sign'
    if _FRACTION.fullmatch(stripped):
        return "write it in the smallest unit, without a decimal point"
    return 'write the digits 0 to 9 only, like "1000"'


def _meant(value: object) -> int | None:
    """Guess the number behind separators, a sign, another base or an exponent."""
    if isinstance(value, float):
        whole = value.is_integer() and 0 <= value <= LARGEST_WORD
        return int(Decimal(repr(value))) if whole else None
    if not isinstance(value, str) or len(value) > MOST_DIGITS:
        return None
    text = value.strip()
    bare = re.sub(r"[_,' ]", "", text.removeprefix("+"))
    number: int | None = None
    if re.fullmatch(r"[0-9]+", bare) and not _FRACTION.fullmatch(text):
        number = int(bare)
    elif _HEXADECIMAL.fullmatch(text):
        number = int(text, 16)
    elif parts := _SCIENTIFIC.fullmatch(text):
        number = int(parts[1] + "0" * int(parts[2]))
    return None if number is None or number > LARGEST_WORD else number


def _not_text(value: object) -> PydanticCustomError:
    """Refuse a number or any other value where a decimal string belongs."""
    if isinstance(value, int) and not isinstance(value, bool):
        text = shown(value)
        example = text if _PLAIN.fullmatch(text) else "1000"
        return ill_formed("stands without quotes", f'write it as a string, like "{example}"')
    if isinstance(value, float):
        example = str(_meant(value) or 1000)
        cure = f'write it as a string of digits, in the smallest unit, like "{example}"'
        return ill_formed("is a floating-point number", cure)
    cure = 'write it as a string of digits, like "1000"'
    return ill_formed("is not a plain decimal integer", cure)
