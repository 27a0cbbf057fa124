"""The evidence cache: it saves work, and never ends a run."""

import gzip
import json
import multiprocessing
import sqlite3
import sys
from pathlib import Path

import pytest

from poolproof import cache as cache_module
from poolproof.cache import FILE, Cache, Shipped, default_folder, write_shipped


def test_a_value_is_found_again_by_a_later_process(tmp_path: Path) -> None:
    """What is put is on disk at once."""
    first = Cache(tmp_path)
    first.put("outcome", "k", {"status": "unsat"})
    with Cache(tmp_path) as second:  # the first has not been closed
        assert second.get("outcome", "k") == {"status": "unsat"}
        assert second.get("decision", "k") is None
        assert second.get("outcome", "other") is None
    first.close()


def test_what_was_found_can_be_shipped(tmp_path: Path) -> None:
    """The entries of a cache are what a package brings to the next machine."""
    (tmp_path / "shipped").mkdir()
    with Cache(tmp_path / "user") as cache:
        cache.put("outcome", "b", {"status": "unsat"})
        cache.put("outcome", "a", {"status": "sat"})
        cache.put("decision", "c", {"verdict": "PROVED"})
        write_shipped(tmp_path / "shipped", "outcome", cache.entries("outcome"))
    with Cache(None, Shipped(tmp_path / "shipped")) as cache:
        assert cache.get("outcome", "a") == {"status": "sat"}
        assert cache.stats().shipped == {"decision": 0, "obligations": 0, "outcome": 2}


def test_a_value_is_replaced(tmp_path: Path) -> None:
    """The last one counts."""
    with Cache(tmp_path) as cache:
        cache.put("outcome", "k", 1)
        cache.put("outcome", "k", 2)
        assert cache.get("outcome", "k") == 2
        assert cache.stats().entries == {"decision": 0, "obligations": 0, "outcome": 1}


def test_shipped_evidence_lies_below_the_users(tmp_path: Path) -> None:
    """The user's own answer comes first; what is shipped is never written to."""
    shipped = tmp_path / "shipped"
    shipped.mkdir()
    write_shipped(shipped, "decision", {"a": {"verdict": "PROVED"}, "b": {"verdict": "PROVED"}})
    before = (shipped / "decision.json.gz").read_bytes()
    with Cache(tmp_path / "user", Shipped(shipped)) as cache:
        cache.put("decision", "b", {"verdict": "REFUTED"})
        assert cache.get("decision", "a") == {"verdict": "PROVED"}
        assert cache.get("decision", "b") == {"verdict": "REFUTED"}
        assert cache.get("outcome", "a") is None
        assert cache.stats().shipped == {"decision": 2, "obligations": 0, "outcome": 0}
    assert (shipped / "decision.json.gz").read_bytes() == before


def test_shipped_evidence_is_read_without_a_folder_of_the_users(tmp_path: Path) -> None:
    """A read-only machine has the shipped theorems all the same."""
    write_shipped(tmp_path, "outcome", {"a": 1})
    with Cache(None, Shipped(tmp_path)) as cache:
        cache.put("outcome", "b", 2)
        assert (cache.get("outcome", "a"), cache.get("outcome", "b")) == (1, None)
        assert cache.stats().path is None


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"schema": "poolproof.evidence/9", "entries": {}}', '{"schema": 1}']
)
def test_shipped_evidence_that_is_not_such_is_left_out(tmp_path: Path, content: str) -> None:
    """A broken installation proves again, and is told so."""
    for bytes_of_it in (content.encode(), gzip.compress(content.encode()), gzip.compress(content.encode())[:-9]):
        (tmp_path / "decision.json.gz").write_bytes(bytes_of_it)
        shipped = Shipped(tmp_path)
        assert shipped.entries("decision") == {}
        assert "reinstall" in shipped.notes[0]


def test_written_evidence_is_one_line_an_entry_and_sorted(tmp_path: Path) -> None:
    """And the same entries are the same bytes, whenever they are written."""
    write_shipped(tmp_path, "outcome", {"b": 2, "a": {"y": 1, "x": 2}})
    text = gzip.decompress((tmp_path / "outcome.json.gz").read_bytes()).decode()
    assert text.splitlines()[1:3] == ['"a": {"x":2,"y":1},', '"b": 2']
    assert json.loads(text)["entries"] == {"a": {"x": 2, "y": 1}, "b": 2}


@pytest.mark.parametrize("content", [b"not a database at all, but some text" * 50, b"SQLite format 3\0" * 400])
def test_a_damaged_file_is_put_aside(tmp_path: Path, content: bytes) -> None:
    """It is kept for whoever wants to look; a new one is begun."""
    (tmp_path / FILE).write_bytes(content)
    with Cache(tmp_path) as cache:
        cache.put("outcome", "k", 1)
        assert cache.get("outcome", "k") == 1
    (aside,) = tmp_path.glob("*.damaged-*")
    assert aside.read_bytes() == content
    assert len(cache.notes) == 1
    assert str(aside) in cache.notes[0]


def test_damage_that_shows_late_is_put_aside_too(tmp_path: Path) -> None:
    """A file whose pages are overwritten while it is open."""
    with Cache(tmp_path) as filled:
        for number in range(2000):
            filled.put("outcome", f"key-{number}", "x" * 100)
    path = tmp_path / FILE
    size = path.stat().st_size
    with Cache(tmp_path) as cache:
        with path.open("r+b") as file:
            file.seek(4096)
            file.write(b"\xff" * (size - 4096))
        found = [cache.get("outcome", f"key-{number}") for number in range(0, 2000, 50)]
        cache.put("outcome", "new", 1)
        assert None in found
        assert cache.get("outcome", "new") == 1
    assert len(list(tmp_path.glob("*.damaged-*"))) == 1


def test_another_process_that_was_quicker_keeps_its_new_file(tmp_path: Path) -> None:
    """Two processes that meet the same damage put it aside once."""
    cache = Cache(tmp_path)
    (tmp_path / FILE).rename(tmp_path / "gone")
    with Cache(tmp_path) as other:
        other.put("outcome", "k", 1)
        cache._put_aside()
        assert list(tmp_path.glob("*.damaged-*")) == []
        assert other.get("outcome", "k") == 1


def test_an_entry_that_is_no_json_is_dropped(tmp_path: Path) -> None:
    """One bad row costs one answer."""
    with Cache(tmp_path) as cache:
        cache.put("outcome", "k", 1)
        with sqlite3.connect(tmp_path / FILE) as other:
            other.execute("UPDATE evidence SET value = '{'")
        other.close()
        assert cache.get("outcome", "k") is None
        assert cache.stats().entries["outcome"] == 0


def test_a_folder_that_cannot_be_made_is_done_without(tmp_path: Path) -> None:
    """The run goes on, and says what to set."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    with Cache(tmp_path / "file" / "cache") as cache:
        cache.put("outcome", "k", 1)
        assert cache.get("outcome", "k") is None
        assert cache.prune(0) == 0
        assert cache.stats().path is None
    assert len(cache.notes) == 1
    assert "POOLPROOF_CACHE" in cache.notes[0]


def test_a_file_that_cannot_be_written_is_done_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a read-only file system; permissions would not stop the root of a container."""
    with Cache(tmp_path) as cache:
        cache.put("outcome", "k", 1)
    connect = sqlite3.connect
    read_only = f"file:{tmp_path / FILE}?mode=ro"
    monkeypatch.setattr("poolproof.cache.sqlite3.connect", lambda _, **options: connect(read_only, uri=True, **options))
    with Cache(tmp_path) as cache:
        cache.put("outcome", "j", 2)
        assert cache.get("outcome", "j") is None
    assert len(cache.notes) == 1
    assert "readonly" in cache.notes[0]


def _fill(folder: Path, offset: int) -> None:
    with Cache(folder) as cache:
        for number in range(200):
            cache.put("outcome", f"{offset}-{number}", number)
        if cache.notes:
            sys.exit(1)


@pytest.mark.skipif(sys.platform == "win32", reason="forks")
def test_processes_write_at_the_same_time(tmp_path: Path) -> None:
    """Nothing is lost between two checks that run side by side."""
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=_fill, args=(tmp_path, offset)) for offset in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    with Cache(tmp_path) as cache:
        assert cache.stats().entries["outcome"] == 600
    assert cache.notes == []


def test_prune_removes_what_was_not_used_for_so_many_days(tmp_path: Path) -> None:
    """Use counts, not age; 0 days removes everything."""
    with Cache(tmp_path) as cache:
        cache._today = 1000
        cache.put("outcome", "old", 1)
        cache.put("outcome", "used", 2)
        cache._today = 1020
        cache.put("outcome", "new", 3)
        assert cache.get("outcome", "used") == 2
    with Cache(tmp_path) as cache:
        cache._today = 1030
        assert cache.prune(30) == 1
        assert cache.get("outcome", "old") is None
        assert cache.get("outcome", "new") == 3
        assert cache.prune(0) == 2
        assert set(cache.stats().entries.values()) == {0}


def test_use_is_noted(tmp_path: Path) -> None:
    """What is read today is not pruned tomorrow."""
    for day in (1000, 1029):
        with Cache(tmp_path) as cache:
            cache._today = day
            if day == 1000:
                cache.put("outcome", "k", 1)
            assert cache.get("outcome", "k") == 1
    with Cache(tmp_path) as cache:
        cache._today = 1030
        assert cache.prune(30) == 0


def test_the_file_stays_below_its_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The least recently used half goes."""
    monkeypatch.setattr(cache_module, "LARGEST", 100_000)
    with Cache(tmp_path) as cache:
        for number in range(100):
            cache._today = 1000 + number
            cache.put("outcome", str(number), "x" * 2000)
        assert cache.stats().size > 100_000
    with Cache(tmp_path) as cache:
        assert cache.get("outcome", "10") is None
        assert cache.get("outcome", "90") is not None
        assert 0 < cache.stats().entries["outcome"] <= 50


@pytest.mark.skipif(sys.platform != "linux", reason="folders of this platform")
def test_the_folder_is_where_the_platform_keeps_caches(monkeypatch: pytest.MonkeyPatch) -> None:
    """An explicit choice first, then XDG, then the home."""
    monkeypatch.setenv("HOME", "/home/alice")
    both = {"POOLPROOF_CACHE": "/a", "XDG_CACHE_HOME": "/b"}
    assert default_folder(both) == Path("/a")
    assert default_folder({"XDG_CACHE_HOME": "/b"}) == Path("/b/poolproof")
    assert default_folder({"XDG_CACHE_HOME": "relative"}) == Path("/home/alice/.cache/poolproof")
    assert default_folder({"POOLPROOF_CACHE": ""}) == Path("/home/alice/.cache/poolproof")


def test_without_a_home_there_is_no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container's user may have none."""

    def homeless() -> Path:
        raise RuntimeError

    monkeypatch.setattr(Path, "home", homeless)
    assert default_folder({}) is None
