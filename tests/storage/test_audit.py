"""The audit: what is written reads back, and what was changed afterwards shows."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

import pytest

from bms.core.errors import StoreError
from bms.storage import audit

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
