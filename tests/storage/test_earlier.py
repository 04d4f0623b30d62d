"""State directories that were made before messages were kept as such open and go on.

The files in `earlier` are dumps of databases that the program of 28 November 2026 wrote.
"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bms.core.decisions import Override
from bms.core.switched import Switched
from bms.forward.cursors import DeadLetter, SinkCursor, dead_letters
from bms.forward.positions import positions
from bms.historian.files.rolldb import RollDb
from bms.historian.log.embedded import History
from bms.historian.log.log_queries import Queries
from bms.historian.records import AlarmRow, AwardRow, Batch, Dropped
from bms.ledger.database.store import Ledger
from bms.ledger.entered.entries import EntryKind
from bms.storage import audit
from bms.storage.state import Store, read_in_force
from bms.texts.messages import Message, msg, plural

EARLIER = Path(__file__).parent / "earlier"
NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
LONG = timedelta(days=30)
POINT = "b.ahu-1.enable"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """The state directory as the earlier program left it."""
    for dump in EARLIER.glob("*.sql"):
        with closing(sqlite3.connect(tmp_path / f"{dump.stem}.db")) as connection:
            connection.executescript(dump.read_text(encoding="utf-8"))
    for name in (audit.FILE_NAME, audit.HEAD_NAME):
        shutil.copy(EARLIER / name, tmp_path)
    return tmp_path


def plain(*texts: str) -> bool:
    """Whether all are what an earlier version kept: words, not messages."""
    return not any(isinstance(text, Message) for text in texts)


def test_overrides_of_before_stay_as_they_were_worded(state: Path) -> None:
    with Store(state) as store:
        found = store.overrides_since(NOW)
        assert [(o.override.reason, o.ended) for o in found] == [
            ("too cold", "replaced by li"),
            ("too warm", None),
            ("too cold", "cleared by li"),
        ]
        assert plain(*(o.ended for o in found if o.ended is not None))
        assert store.load_states() == {"season": {"mode": "cooling"}}
        reason = msg("extended by {user}", user="li")
        store.add(Override(0, POINT, True, NOW + HOUR, NOW + 2 * HOUR, reason, "li"))
    with Store(state) as store:
        last = store.overrides_since(NOW)[-1].override.reason
        assert isinstance(last, Message)
        assert last.arguments == {"user": "li"}
        # The file's own words stay English: other programs read them.
        with closing(sqlite3.connect(state / "state.db")) as connection:
            texts = connection.execute("SELECT reason FROM override ORDER BY id DESC").fetchone()
        assert texts == ("extended by li",)


def test_what_stands_switched_can_be_read_before_the_controller_starts_again(state: Path) -> None:
    before = read_in_force(state, NOW).switched
    with Store(state) as store:
        assert store.switched.read(NOW) == before
    assert [spell.reason for spell in before.spells] == ["as at the first start", "frost is coming"]
    assert [level.reason for level in before.levels] == ["peak"]
    assert [extension.reason for extension in before.extensions] == ["inventory"]
    assert plain(*(spell.reason for spell in before.spells))


def test_overrides_in_force_are_read_and_the_file_stays_as_it_is(state: Path) -> None:
    before = (state / "state.db").read_bytes()
    overrides = read_in_force(state, NOW).overrides
    assert (state / "state.db").read_bytes() == before
    assert overrides is not None
    assert [override.reason for override in overrides] == ["too warm"]
    with Store(state) as store:
        assert tuple(store.active(NOW)) == overrides
    assert (state / "state.db").read_bytes() != before  # who is to write brings it up to date


def test_a_state_that_never_had_anything_switched_opens(state: Path) -> None:
    with closing(sqlite3.connect(state / "state.db")) as connection:
        for table in ("season_spell", "overlay_level", "extension", "unaudited"):
            connection.execute(f"DROP TABLE {table}")
    assert read_in_force(state, NOW).switched == Switched()
    with Store(state) as store:
        assert store.switched.read(NOW) == Switched()


def test_the_history_of_before_reads_back_and_goes_on(state: Path) -> None:
    message = msg("{point} cannot be {what}: {detail}", point=POINT, what=msg("released"), detail=2)
    with History(state) as history:
        overridden, held, released = history.awards(POINT, NOW, NOW + LONG)
        assert overridden.award is not None
        assert held.award is not None
        assert released.award is None
        loser = overridden.award.losers[0]
        assert loser.reason == "off: weekly mon-fri 07:30-18:00, schedules/ahu.yaml:12"
        assert held.held_since == NOW + HOUR
        (alarm,) = history.alarms(NOW, NOW + LONG)
        (lost,) = history.dropped(NOW, NOW + LONG)
        assert (alarm.text, lost.reason) == (
            "b.ahu-1.enable cannot be released: refused",
            "the disk was stuck",
        )
        assert plain(overridden.award.winner.reason, loser.reason, alarm.text, lost.reason)
        with Queries(state, read_only=True) as reader:  # while the controller runs
            assert [s.value for s in reader.samples("b.ahu-1.mode", NOW, NOW + HOUR)] == ["auto"]
        history.append(
            Batch(
                awards=[AwardRow(POINT, NOW + 3 * HOUR, overridden.award)],
                alarms=[AlarmRow("key", alarm.severity, message, "raised", NOW + HOUR)],
                dropped=[Dropped(NOW, "all", NOW, NOW, 1, 0, msg("the disk was stuck"))],
            )
        )
    with Queries(state, read_only=True) as queries:
        again = queries.awards(POINT, NOW, NOW + LONG)[-1]
        assert again.award == overridden.award
        text = queries.alarms(NOW, NOW + LONG)[-1].text
        assert isinstance(text, Message)
        assert (text, text.arguments) == (message, message.arguments)
        assert isinstance(text.arguments["what"], Message)
        was, now = queries.dropped(NOW, NOW + LONG)
        assert was.reason == now.reason
        assert (plain(was.reason), plain(now.reason)) == (True, False)


def test_what_was_given_up_before_is_still_told(state: Path) -> None:
    with Queries(state, read_only=False) as queries:
        uid = queries.uid()
    with RollDb(state, uid) as roll, roll.transaction():
        roll.note_dropped(Dropped(NOW, "analog", NOW, NOW, 2, 10, msg("disk budget")))
    with RollDb(state, uid, read_only=True) as roll:
        was, now = roll.dropped(0, 1 << 50)
        assert (was.reason, now.reason) == ("disk budget", "disk budget")
        assert (plain(was.reason), plain(now.reason)) == (True, False)
        assert roll.given_up(0, 1 << 50) == []
        assert roll.restoring() is None


def test_the_ledger_of_before_reads_back_and_goes_on(state: Path) -> None:
    with Ledger(state) as ledger:
        (stretch,) = ledger.stretches("b.m.energy", 0, 1 << 50)
        first, second = ledger.entries()
        assert (stretch.reason, first.why, first.withdrawn, second.why) == (
            "the register went back to 0",
            "read by hand",
            True,
            "withdrawn",
        )
        again = stretch._replace(reason=msg("the register went back to {value}", value=0))
        with ledger.transaction():
            ledger.put_stretches(1, 0, 1 << 50, [again])
            ledger.enter(
                "b.m.energy", EntryKind.READING, NOW, NOW, {"value": "1"},
                who="li", why=msg("import of {file}", file="a.csv"), now=NOW,
            )  # fmt: skip
    with Ledger(state, read_only=True) as ledger:
        (stretch,) = ledger.stretches("b.m.energy", 0, 1 << 50)
        assert isinstance(stretch.reason, Message)
        assert stretch == again
        assert isinstance(ledger.entries()[-1].why, Message)


def test_copies_of_before_go_on(state: Path) -> None:
    with Queries(state) as queries:
        uid = queries.uid()
    words = plural("{count} line too many", "{count} lines too many", count=2)
    with SinkCursor(state, "influx", uid, 1) as cursor:
        (gap,) = cursor.gaps()
        (letter,) = cursor.dead_letters()
        assert (gap.why, letter.reason) == (
            "the server was away",
            "400 Bad Request: field type conflict",
        )
        cursor.fill(gap, 1)
        cursor.add_gap(1, 1, None, msg("asked for by {user}", user="li"))
        cursor.advance(1, [DeadLetter(NOW, words, [b"m f=2 1"])])
    gap = positions(state)[0].gaps[0]
    assert isinstance(gap.why, Message)
    assert (gap.first, gap.last, gap.until_ms) == (1, 1, None)
    assert [plain(letter.reason) for letter in dead_letters(state, "influx")] == [True, False]


def test_the_audit_of_before_is_read_and_its_chain_goes_on(state: Path) -> None:
    audit.record(
        state, NOW, who="li", via="cli", what="test", why=msg("edited by hand"),
        files={"a.yaml": {"why": msg("first start")}}, note="edited by hand",
    )  # fmt: skip
    count, problems = audit.verify(state)
    assert (count, problems) == (7, [])
    *old, new = audit.entries(state)
    assert plain(*(entry["why"] for entry in old))
    assert isinstance(new["why"], Message)
    assert isinstance(new["files"]["a.yaml"]["why"], Message)
    assert plain(new["note"])
