"""What is not the text of a protocol file is refused early, cheaply, and without a traceback."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from poolproof.spec.errors import UsageError
from poolproof.spec.loading import (
    LARGEST_FILE,
    load_protocol,
    shipped_protocols,
)


def test_text_that_is_not_toml_is_refused_with_line_and_column(message_for: Callable[..., str]) -> None:
    """The parser's own message, with its place first."""
    message = message_for("[[pools]]", "[[pools]")
    assert message.startswith("good.toml: line 7, column 8: this is not TOML: expected ']]' at the end")


def test_text_that_ends_too_early_is_refused(refusal_of: Callable[[str], UsageError]) -> None:
    """The end of the file is a place, too."""
    assert "good.toml: end of document: this is not TOML: " in str(refusal_of('name = "goo'))


def test_a_long_message_of_the_parser_is_cut(refusal_of: Callable[[str], UsageError]) -> None:
    """The parser repeats a key in full; the message does not."""
    key = "k" * 1000
    message = str(refusal_of(f"x = {{ {key} = 1, {key} = 2 }}"))
    assert "this is not TOML: \"duplicate inline table key 'kkk" in message
    assert len(message) < 300


def test_a_key_that_is_given_twice_is_refused(message_for: Callable[..., str]) -> None:
    """The first value does not win silently, nor does the last."""
    assert "this is not TOML: cannot overwrite a value" in message_for('id = "main"', 'id = "a"\nid = "b"')


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "[" * 100_000,
        "a = " + "{a = " * 100_000,
        "a = " + "[" * 33 + "]" * 33,
        'a = ["""x""", ' + "[" * 32 + "]" * 33,
    ],
)
def test_deep_brackets_are_refused(text: str, refusal_of: Callable[[str], UsageError]) -> None:
    """The parser would recurse until the interpreter gives up."""
    assert "good.toml:1: brackets are nested more than 32 deep; " in str(refusal_of(text))


@pytest.mark.parametrize(
    "text", ["a" + ".a" * 100_000 + " = 1", "[a" + '."b"' * 16 + "]", "x = {a" + " . a" * 16 + "=1}"]
)
def test_long_dotted_keys_are_refused(text: str, refusal_of: Callable[[str], UsageError]) -> None:
    """The parser's time grows with the square of the parts of a key."""
    assert "good.toml:1: a dotted key has more than 16 parts; " in str(refusal_of(text))


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "[" * 32 + "]" * 32,
        "a" + ".a" * 15 + " = 1",
        "a = '" + "[" * 99 + "." * 99 + "'",
        "# " + "[." * 99,
    ],
)
def test_nesting_inside_the_bounds_or_inside_text_is_not_refused(
    text: str, refusal_of: Callable[[str], UsageError]
) -> None:
    """Brackets and dots count where they are structure; strings and comments may hold any."""
    message = str(refusal_of(text))
    assert "nested" not in message
    assert "parts" not in message


@pytest.mark.parametrize(
    "text",
    [
        'a = """' + '\\"""' * 200_000,
        "a = '''" + "\\''" * 200_000,
        '"\\' * 400_000,
        "a = '" * 200_000,
        "[a" + " \t" * 400_000,
    ],
)
def test_unclosed_text_is_refused_without_delay(text: str, refusal_of: Callable[[str], UsageError]) -> None:
    """No scan goes over the same characters again and again."""
    assert "this is not TOML" in str(refusal_of(text))


def test_a_byte_order_mark_is_refused(good: str, refusal_of: Callable[[str], UsageError]) -> None:
    """TOML does not allow one, and an editor does not show it."""
    assert str(refusal_of("\ufeff" + good)).endswith("starts with a byte order mark; save it without one")


def test_a_text_above_the_limit_is_refused(refusal_of: Callable[[str], UsageError]) -> None:
    """Also text that does not come from a file is measured first."""
    assert "larger than 1048576 bytes" in str(refusal_of("#" * (LARGEST_FILE + 1)))


def load_refusal(path: str | Path) -> str:
    """Load a path or a name that must be refused."""
    with pytest.raises(UsageError) as caught:
        load_protocol(path)
    return str(caught.value)


def test_a_file_above_the_limit_is_refused_before_it_is_read(tmp_path: Path, good: str) -> None:
    """The size is asked of the file system: a sparse file of a terabyte costs nothing."""
    path = tmp_path / "large.toml"
    with path.open("wb") as file:
        file.truncate(2**40)
    assert load_refusal(path).endswith("split the protocol, or remove what is not part of it")
    exact = tmp_path / "exact.toml"
    exact.write_text(good + "#" * (LARGEST_FILE - len(good)), encoding="utf-8")
    assert load_protocol(exact).name == "good"


def test_a_file_that_grows_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, good: str
) -> None:
    """The limit holds for what is read, whatever the file system said before."""
    path = tmp_path / "grows.toml"
    path.write_text(good, encoding="utf-8")
    small = path.stat()
    path.write_bytes(b"#" * (LARGEST_FILE + 1))
    monkeypatch.setattr(Path, "stat", lambda _path: small)
    assert "larger than 1048576 bytes" in load_refusal(path)


def test_a_directory_is_refused(tmp_path: Path) -> None:
    """A directory may have any name."""
    folder = tmp_path / "folder.toml"
    folder.mkdir()
    assert "this is a directory; name a .toml file in it" in load_refusal(folder)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    """Opening a pipe that nobody writes to would wait forever."""
    pipe = tmp_path / "pipe.toml"
    os.mkfifo(pipe)
    assert "this is a device, a pipe or a socket, not a file" in load_refusal(pipe)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="the system has no such device")
def test_a_device_is_refused(tmp_path: Path) -> None:
    """A device without an end is not read, whatever it is called."""
    link = tmp_path / "endless.toml"
    link.symlink_to("/dev/zero")
    assert "this is a device, a pipe or a socket, not a file" in load_refusal(link)


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="the system has no such sockets")
def test_a_socket_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket in the file system is not a file."""
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s.toml")
        assert "this is a device, a pipe or a socket, not a file" in load_refusal("s.toml")


def test_a_missing_file_is_refused_with_the_shipped_names(tmp_path: Path) -> None:
    """A path may be wrong, or a name may have been meant."""
    message = load_refusal(str(tmp_path / "minimal.toml"))
    names = ", ".join(shipped_protocols())
    assert f"there is no such file; check the path, or write a shipped protocol's name ({names})" in message


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    """Protocol files end in .toml: a mistyped argument does not read a stranger's key file."""
    path = tmp_path / "protocol.json"
    path.write_text("{}", encoding="utf-8")
    assert "the file's name does not end in .toml" in load_refusal(path)


def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, good: str) -> None:
    """What the system says is passed on."""
    path = tmp_path / "secret.toml"
    path.write_text(good, encoding="utf-8")

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert "the file cannot be read (permission denied); check the path" in load_refusal(path)


@pytest.mark.parametrize("path", ["a\0b.toml", "x" * 5000 + ".toml", "nowhere/\x1b[2J.toml"])
def test_a_hostile_path_is_refused_and_escaped(path: str) -> None:
    """A path can neither end in a traceback nor reach the terminal as it is."""
    message = load_refusal(path)
    assert message.isprintable()
    assert len(message) - len(", ".join(shipped_protocols())) < 300


def test_a_file_that_is_not_utf8_is_refused(tmp_path: Path, good: str) -> None:
    """The line of the first wrong byte is named."""
    path = tmp_path / "latin.toml"
    path.write_bytes(good.replace("A good", "Ein gr\u00fcnes").encode("latin-1"))
    assert "latin.toml:3: the byte 0xfc is not UTF-8 text; save the file as UTF-8" in load_refusal(path)


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    """The shipped names are listed, the nearest is offered."""
    assert load_refusal("minimla") == (
        '"minimla" is not the name of a shipped protocol; write "minimal", or another of '
        f"{', '.join(shipped_protocols())}, or the path of a file that ends in .toml"
    )
    assert f"; write one of {', '.join(shipped_protocols())}, or" in load_refusal("zzz")


@pytest.mark.parametrize("name", ["", ".", "..", "\x1b[2J", "n" * 100_000, "minimal\0", "MINIMAL"])
def test_a_hostile_name_is_refused_and_escaped(name: str) -> None:
    """A name is looked up among the shipped ones, never in the file system."""
    message = load_refusal(name)
    assert message.isprintable()
    assert "is not the name of a shipped protocol" in message
    assert len(message) - len(", ".join(shipped_protocols())) < 300


def test_a_hostile_key_is_escaped_and_cut(good: str, refusal_of: Callable[[str], UsageError]) -> None:
    """Keys are strangers' text as well."""
    text = "".join((f'"\\u001b{"k" * 1000}" = 1\n', good))
    message = str(refusal_of(text))
    assert message.isprintable()
    assert len(message) - len(", ".join(shipped_protocols())) < 300
