"""The audit: what is written reads back, and what was changed afterwards shows."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

import pytest

from bms.core.errors import InvalidInput, StoreError
from bms.historian.files.rolldb import RollDb
from bms.historian.log.embedded import History
from bms.ledger.database.store import Ledger
from bms.operations.editing.revisions import Revisions
from bms.operations.requests.past_requests import VerifyAudit
from bms.operations.use_cases.past_cases import verify_audit
from bms.storage import audit
from bms.storage.anchors import read_anchors
from bms.storage.state import Store
from bms.texts.messages import msg
from tests.operations.editing.sites import write_site

NOW = datetime(2026, 7, 1, 8, 0, tzinfo=UTC)


def _write(directory: Path, count: int, who: str = "wang") -> None:
    for number in range(count):
        audit.record(
            directory, NOW, who=who, via="cli", what="schedule.edit", why="夏季", number=number
        )


def test_entries_read_back_and_the_chain_holds(tmp_path: Path) -> None:
    _write(tmp_path, 3)
    found = list(audit.entries(tmp_path))
    assert [entry["number"] for entry in found] == [0, 1, 2]
    assert found[0]["why"] == "夏季"
    assert audit.verify(tmp_path) == (3, [])


def test_no_audit_yet_is_an_empty_one(tmp_path: Path) -> None:
    assert list(audit.entries(tmp_path)) == []
    assert audit.verify(tmp_path) == (0, [])


@pytest.mark.parametrize("line", range(3))
def test_a_change_shows_at_its_line(tmp_path: Path, line: int) -> None:
    _write(tmp_path, 3)
    path = tmp_path / audit.FILE_NAME
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[line] = lines[line].replace("wang", "li")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    _, problems = audit.verify(tmp_path)
    assert problems
    assert f":{line + 1}:" in problems[0]


@pytest.mark.parametrize("line", range(2))
def test_a_removed_line_shows(tmp_path: Path, line: int) -> None:
    _write(tmp_path, 3)
    path = tmp_path / audit.FILE_NAME
    lines = path.read_text(encoding="utf-8").splitlines()
    del lines[line]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    _, problems = audit.verify(tmp_path)
    assert any(f":{line + 1}:" in problem for problem in problems)


@pytest.mark.parametrize("kept", [0, 1, 40])
def test_a_half_written_last_line_is_cut_off_and_told(tmp_path: Path, kept: int) -> None:
    _write(tmp_path, 1)
    head = (tmp_path / audit.HEAD_NAME).read_bytes()  # moves on after the line is on the disk
    _write(tmp_path, 1)
    (tmp_path / audit.HEAD_NAME).write_bytes(head)
    path = tmp_path / audit.FILE_NAME
    data = path.read_bytes()
    first = data.index(b"\n") + 1
    path.write_bytes(data[: first + kept])
    _write(tmp_path, 1, "li")
    found = list(audit.entries(tmp_path))
    assert [entry["what"] for entry in found[1:-1]] == ([] if kept == 0 else ["audit.cut"])
    assert found[-1]["who"] == "li"
    assert audit.verify(tmp_path)[1] == []


def test_processes_append_one_after_the_other(tmp_path: Path) -> None:
    processes = [
        get_context("spawn").Process(target=_write, args=(tmp_path, 20, who)) for who in "abc"
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert audit.verify(tmp_path) == (60, [])
    assert {json.dumps(e["who"]) for e in audit.entries(tmp_path)} == {'"a"', '"b"', '"c"'}


def test_what_cannot_be_kept_says_so(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file", encoding="utf-8")
    with pytest.raises(StoreError, match="audit"):
        _write(tmp_path / "state", 1)


@pytest.mark.parametrize("kept", [0, 1, 2])
def test_an_end_that_is_gone_shows_also_after_the_next_entry(tmp_path: Path, kept: int) -> None:
    _write(tmp_path, 3)
    path = tmp_path / audit.FILE_NAME
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:kept]))
    count, problems = audit.verify(tmp_path)
    assert count == kept
    assert problems == [f"{path}:{kept}: entries {kept + 1} to 3 are gone"]
    _write(tmp_path, 1)
    count, problems = audit.verify(tmp_path)
    assert count == kept + 2
    assert problems == [f"{path}:{kept + 1}: entries {kept + 1} to 3 are gone"]
    path.unlink()
    assert audit.verify(tmp_path)[1]


def test_an_end_that_was_written_anew_shows(tmp_path: Path) -> None:
    _write(tmp_path, 3)
    path, head = tmp_path / audit.FILE_NAME, tmp_path / audit.HEAD_NAME
    lines, known = path.read_bytes().splitlines(keepends=True), head.read_bytes()
    path.write_bytes(b"".join(lines[:2]))
    head.unlink()
    _write(tmp_path, 1, who="li")
    head.write_bytes(known)
    assert audit.verify(tmp_path)[1] == [f"{path}:3: not the entry that was written here"]


def test_a_head_that_is_behind_or_gone_or_garbage_is_no_alarm(tmp_path: Path) -> None:
    head = tmp_path / audit.HEAD_NAME
    _write(tmp_path, 2)
    behind = head.read_bytes()
    _write(tmp_path, 1)
    for content in (behind, b"", b"\xff\n", b"two"):
        head.write_bytes(content)
        assert audit.verify(tmp_path) == (3, [])
    head.unlink()
    assert audit.verify(tmp_path) == (3, [])
    _write(tmp_path, 1)
    assert audit.verify(tmp_path) == (4, [])


# --- beside the chain ------------------------------------------------------------------------


def _used(state: Path, count: int = 3) -> Path:
    """A state directory whose controller has kept what the audit's last entry was, twice."""
    _write(state, count)
    with Store(state) as store:
        assert store.anchors.keep() == audit.head(state)
        assert store.anchors.keep() is None
        _write(state, 2)
        store.anchors.keep()
    return state


def _said(state: Path, anchor: str | None = None) -> list[str]:
    return [str(problem) for problem in verify_audit(state, VerifyAudit(anchor=anchor)).problems]


@pytest.mark.case(
    "R13",
    when="Somebody with the rights of the controller removes, cuts or rewrites the audit",
    then="`bms audit verify` says so, by what was kept beside it or noted elsewhere.",
)
def test_what_is_kept_elsewhere_shows_what_the_chain_cannot(tmp_path: Path) -> None:
    state = _used(tmp_path / "state")
    path, last = state / audit.FILE_NAME, state / audit.HEAD_NAME
    lines, known = path.read_bytes().splitlines(keepends=True), last.read_bytes()
    assert _said(state) == []

    path.write_bytes(b"".join(lines[:4]))  # the end is cut, and the head with it
    last.write_text(f"4 {json.loads(lines[3])['hash']}\n", encoding="ascii")
    assert _said(state) == [f"{path}:4: entries 5 to 5 are gone"]
    with Store(state) as store:
        store.anchors.keep()
        assert store.anchors.trouble is not None
        assert "somebody cut it" in store.anchors.trouble

    path.unlink()  # both are gone
    last.unlink()
    assert _said(state)[0] == f"{path}: the audit is gone"

    _write(state, 9, who="li")  # all of it is written again, and longer
    assert ":3: not the entry that was kept elsewhere" in _said(state)[0]

    path.write_bytes(b"".join(lines))
    last.unlink()
    assert "audit.head: it is gone" in _said(state)[0]
    last.write_bytes(known)
    assert _said(state) == []


def test_a_hash_that_was_noted_stands_in_its_chain(tmp_path: Path) -> None:
    state = _used(tmp_path / "state")
    noted = audit.head(state)
    _write(state, 2)
    digest = noted.digest
    for anchor in (digest, digest[:12], str(noted), f"5:{digest[:16].upper()}", f" {digest} "):
        assert _said(state, anchor) == []
    for anchor in (f"4:{digest}", f"99:{digest}", "0" * 64):
        (problem,) = _said(state, anchor)
        assert "no entry has the hash" in problem
    for anchor in (digest[:11], "not a hash at all", f"x:{digest}", digest + "0", ""):
        with pytest.raises(InvalidInput, match="is no hash of an entry"):
            _said(state, anchor)
    for name in (audit.FILE_NAME, audit.HEAD_NAME, "state.db", "state.db-wal", "state.db-shm"):
        (state / name).unlink(missing_ok=True)
    _write(state, 9, who="li")  # nothing here knows better: only what left the machine does
    assert _said(state) == []
    assert len(_said(state, digest)) == 1


def test_a_state_of_an_earlier_layout_has_no_anchors_and_gets_them(tmp_path: Path) -> None:
    _write(tmp_path, 1)
    Store(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / "state.db", isolation_level=None)) as database:
        database.execute("DROP TABLE audit_anchor")
        database.execute("PRAGMA user_version = 2")
    assert read_anchors(tmp_path / "state.db") == []
    with Store(tmp_path) as store:
        store.anchors.keep()
    assert read_anchors(tmp_path / "state.db") == [audit.head(tmp_path)]


def test_a_text_that_was_not_clean_does_not_keep_an_entry_out(tmp_path: Path) -> None:
    why = msg("because {who}", who="half \ud83d\x1b[2J")
    files = {"a\udcff": {"b": ["\x9b"]}}
    audit.record(tmp_path, NOW, who="w\ud83d", via="cli", what="x", why=why, files=files)
    (entry,) = audit.entries(tmp_path)
    assert entry["why"] == "because half \ufffd [2J"
    assert entry["files"] == {"a\ufffd": {"b": [""]}}
    assert audit.verify(tmp_path) == (1, [])


@pytest.mark.case(
    "R17",
    when="The controller is started with a umask that lets everybody write",
    then="What it makes in the state directory is for its owner to write and its group to read.",
)
def test_nobody_else_may_write_what_is_made_here(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        site = write_site(tmp_path)
        state = site / "state"
        _used(state)
        revisions = Revisions(site, state)
        revisions.adopt(revisions.files(), NOW)
        with History(state), Ledger(state), RollDb(state, ""):
            made = [state, *state.rglob("*")]
            assert len(made) > 15
            modes = {path: (path.is_dir(), oct(path.stat().st_mode & 0o7777)) for path in made}
        opened = state / audit.FILE_NAME
        opened.chmod(0o666)  # as an older version left it
        _write(state, 1)
        assert opened.stat().st_mode & 0o777 == 0o644
    finally:
        os.umask(before)
    for path, (directory, mode) in modes.items():
        assert mode == ("0o750" if directory else "0o640"), path
