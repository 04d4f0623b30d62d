"""Writing schedule files: nothing half, nothing lost, one of two, whatever happens meanwhile."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from bms.core.errors import InvalidInput, Refused, StoreError
from bms.operations.editing.revisions import Author, Revisions
from bms.storage import audit, durable
from bms.storage.durable import digest
from bms.texts.language import speaking, told
from bms.texts.messages import message_of
from schedules.files.folder import load
from tests.operations.editing.sites import AIR, NOW, TEXT, write_site

NEW = TEXT.replace("07:30", "06:30")


def _change(site: Path, text: str, edited_from: str = TEXT, who: str = "wang") -> int:
    made = Revisions(site, site / "state").change(
        AIR,
        text.encode(),
        edited_from=digest(edited_from.encode()),
        by=Author(who, "cli", "夏季提前"),
        what="schedule.edit",
        now=NOW,
        check=lambda texts: load(texts)[1],
    )
    return made.number


def test_a_change_is_a_revision_with_everything_about_it(tmp_path: Path) -> None:
    site = write_site(tmp_path)
    (site / AIR).chmod(0o640)
    assert _change(site, NEW) == 2
    assert (site / AIR).read_bytes() == NEW.encode()
    assert (site / AIR).stat().st_mode & 0o777 == 0o640
    first, second = Revisions(site, site / "state").of(AIR)
    assert (first.via, second.via, second.who, second.why) == ("file", "cli", "wang", "夏季提前")
    assert second.before == first.sha256 == digest(TEXT.encode())
    (entry,) = audit.entries(site / "state")
    assert (entry["file"], entry["after"]) == (AIR, digest(NEW.encode()))
    assert list((site / "schedules").glob(".*")) == []


def test_a_problem_changes_nothing_and_is_told(tmp_path: Path) -> None:
    site = write_site(tmp_path)
    with pytest.raises(InvalidInput) as caught:
        _change(site, NEW.replace("18:00", "25:00"))
    assert [p.line for p in caught.value.problems] == [8]
    assert (site / AIR).read_bytes() == TEXT.encode()
    assert Revisions(site, site / "state").of(AIR) == []


def test_another_files_old_problem_does_not_hold_a_change_up(tmp_path: Path) -> None:
    site = write_site(tmp_path)
    (site / "schedules" / "other.yaml").write_text("schedule: [", encoding="utf-8")
    assert _change(site, NEW) == 2


def test_whoever_edited_an_older_text_is_refused(tmp_path: Path) -> None:
    site = write_site(tmp_path)
    _change(site, NEW)
    with pytest.raises(Refused, match="changed meanwhile"):
        _change(site, TEXT.replace("07:30", "05:00"))
    assert (site / AIR).read_bytes() == NEW.encode()


def test_a_restored_text_is_a_new_revision(tmp_path: Path) -> None:
    site = write_site(tmp_path)
    _change(site, NEW)
    old = Revisions(site, site / "state").text(AIR, 1).decode()
    assert _change(site, old, NEW) == 3
    assert (site / AIR).read_bytes() == TEXT.encode()
    with pytest.raises(InvalidInput, match="no revision 9"):
        Revisions(site, site / "state").text(AIR, 9)


# --- killed at every point -------------------------------------------------------------------

_POINTS = (
    (os, "open"), (os, "fsync"), (os, "unlink"), (os, "fchmod"), (os, "fdopen"), (os, "close"),
    (os, "dup"), (durable, "_exchange"), (Path, "replace"), (Path, "open"), (Path, "mkdir"),
)  # fmt: skip


def _killed_at(number: int, before: bool) -> Callable[[], None]:
    """Kills this process before or after the n-th call that touches the disk."""
    count = 0

    def wrapped(call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **options: Any) -> Any:
            nonlocal count
            count += 1
            here = count == number
            if here and before:
                os.kill(os.getpid(), signal.SIGKILL)
            try:
                return call(*args, **options)
            finally:
                if here:
                    os.kill(os.getpid(), signal.SIGKILL)

        return counted

    def install() -> None:
        for owner, name in _POINTS:
            setattr(owner, name, wrapped(getattr(owner, name)))

    return install


def _work(site: Path, number: int, before: bool) -> None:
    _killed_at(number, before)()
    _change(site, NEW)


@pytest.mark.parametrize("before", [True, False])
def test_killed_at_any_point_there_is_the_old_file_or_the_new(tmp_path: Path, before: bool) -> None:
    ended = {"old": 0, "new": 0}
    for number in range(1, 200):
        site = write_site(tmp_path / str(number))
        process = get_context("fork").Process(target=_work, args=(site, number, before))
        process.start()
        process.join(30)
        data = (site / AIR).read_bytes()
        assert data in (TEXT.encode(), NEW.encode()), number
        ended["new" if data == NEW.encode() else "old"] += 1
        assert audit.verify(site / "state")[1] == [], number
        revisions = Revisions(site, site / "state")
        for revision in revisions.of(AIR):
            assert revisions.text(AIR, revision.number) in (TEXT.encode(), NEW.encode())
        # The next one can go on from whatever is there, and finds no rubbish afterwards.
        _change(site, TEXT.replace("07:30", "05:00"), data.decode(), who="li")
        made = [e["who"] for e in audit.entries(site / "state") if e["after"] == digest(data)]
        assert made == (["wang"] if data == NEW.encode() else []), number
        assert list((site / "schedules").glob(".*")) == []
        assert audit.verify(site / "state")[1] == []
        # Who is named for a version made it, and nobody edited the file on the disk.
        named = [revision.who for revision in revisions.of(AIR)]
        assert named == ["?", *made, "li"], number
        folder = site / "state" / "revisions" / "air"
        assert {path.stem for path in folder.glob("*.json")} == {
            path.stem for path in folder.glob("*.yaml")
        }, number
        if process.exitcode == 0:
            break
    else:
        pytest.fail("never ended by itself")
    assert ended["old"] > 5
    assert ended["new"] > 3


def _adopt(site: Path, number: int, before: bool) -> None:
    _killed_at(number, before)()
    revisions = Revisions(site, site / "state")
    revisions.adopt(revisions.files(), NOW)


@pytest.mark.case(
    "R11 adopted",
    when="The controller is killed while it takes edited schedules in, and starts again",
    then="The audit has that once, and the schedules that run are the last good ones.",
)
@pytest.mark.parametrize("before", [True, False])
def test_killed_at_any_point_schedules_are_adopted_once(tmp_path: Path, before: bool) -> None:
    halfway = 0
    for number in range(1, 200):
        site = write_site(tmp_path / str(number))
        revisions = Revisions(site, site / "state")
        revisions.adopt(revisions.files(), NOW)
        (site / AIR).write_bytes(NEW.encode())
        process = get_context("fork").Process(target=_adopt, args=(site, number, before))
        process.start()
        process.join(30)
        halfway += (site / "state" / "revisions" / "adopting.json").exists()
        later = number % 2 == 0  # somebody edits it once more before the next start
        if later:
            (site / AIR).write_bytes(TEXT.replace("07:30", "05:00").encode())
        revisions.adopt(revisions.files(), NOW)
        good = revisions.good()
        assert good is not None
        assert good[AIR] == (site / AIR).read_bytes()
        told = [e["files"][AIR] for e in audit.entries(site / "state") if "files" in e]
        after = [one["after"] for one in told]
        assert len(set(after)) == len(after), number
        assert [one["before"] for one in told] == ["", *after[:-1]], number
        assert after[-1] == digest((site / AIR).read_bytes())
        assert audit.verify(site / "state")[1] == []
        assert not (site / "state" / "revisions" / "adopting.json").exists()
        if process.exitcode == 0:
            break
    else:
        pytest.fail("never ended by itself")
    assert halfway > 3


# --- several at once -------------------------------------------------------------------------


def _race(site: Path, who: int) -> None:
    try:
        _change(site, TEXT.replace("07:30", f"06:{who:02}"), who=f"user {who}")
    except Refused:
        os._exit(4)
    os._exit(0)


def test_of_several_who_edit_at_once_one_wins(tmp_path: Path) -> None:
    site = write_site(tmp_path)
    processes = [get_context("fork").Process(target=_race, args=(site, n)) for n in range(6)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(30)
    assert sorted(str(process.exitcode) for process in processes) == ["0", "4", "4", "4", "4", "4"]
    (entry,) = audit.entries(site / "state")
    assert digest((site / AIR).read_bytes()) == entry["after"]


@pytest.mark.parametrize("saved_by", ["rename", "writing"])
def test_a_hand_edit_at_the_last_moment_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, saved_by: str
) -> None:
    site = write_site(tmp_path)
    mine = TEXT.replace("07:30", "04:44").encode()
    exchange = durable._exchange
    first = True

    def late(one: Path, other: Path) -> bool:
        nonlocal first
        if first:
            first = False
            if saved_by == "rename":
                (site / "x").write_bytes(mine)
                (site / "x").replace(other)
            else:
                other.write_bytes(mine)
        return exchange(one, other)

    monkeypatch.setattr(durable, "_exchange", late)
    with pytest.raises(Refused, match="changed meanwhile"):
        _change(site, NEW)
    assert (site / AIR).read_bytes() == mine
    assert list(audit.entries(site / "state")) == []
    assert list((site / "schedules").glob(".*")) == []


def test_a_file_system_that_cannot_exchange_still_checks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(durable, "_exchange", lambda _one, _other: False)
    site = write_site(tmp_path)
    assert _change(site, NEW) == 2
    assert (site / AIR).read_bytes() == NEW.encode()


def test_what_the_disk_refuses_is_told_as_a_message(tmp_path: Path) -> None:
    site = write_site(tmp_path)
    (site / "state").mkdir()
    (site / "state" / "revisions").write_text("in the way", encoding="utf-8")
    with pytest.raises(StoreError) as caught:
        _change(site, NEW)
    assert "Errno" not in str(caught.value)
    with speaking("zh"):
        assert "exists" not in told(message_of(caught.value))
