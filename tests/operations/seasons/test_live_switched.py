"""What stands switched, its alarms, and that it comes back from the disk as it was."""

from __future__ import annotations

import json
import random
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bms.config.load import load
from bms.config.site import Site
from bms.control import STRATEGIES, assemble
from bms.control.engine.cycle import Engine
from bms.core.decisions import Priority, Severity
from bms.core.switched import NOTHING_SWITCHED, Spell, SpellKey, Switched
from bms.operations.seasons.live_switched import LiveSwitched
from bms.storage import audit
from bms.storage.state import FILE_NAME, Store, read_in_force
from drivers.points import Quality, Sample
from schedules.model.context import Extension, OverlayLevel
from tests.operations.seasons.site import BY_WEATHER, write

NOW = datetime(2026, 7, 1, 2, 0, tzinfo=UTC)  # 10:00 in Shanghai, a Wednesday
KEY = SpellKey("two-pipe", "b")
POINT = "b.station.outdoor_temp"


def made(directory: Path, **changes: str) -> Site:
    return load(write(directory, **changes), STRATEGIES)


def spell(season: str, start: datetime, cause: str = "hand", by: str = "wang") -> Spell:
    return Spell(*KEY, start, season, cause, by, "because")  # type: ignore[arg-type]


def level(name: str = "full", *, start: datetime = NOW, days: float = 14) -> OverlayLevel:
    return OverlayLevel(
        "epidemic", name, start, start + timedelta(days=days), "li", "a case in hall 2"
    )


def extension(number: int = 1, *, start: datetime = NOW, hours: float = 2) -> Extension:
    end = start + timedelta(hours=hours)
    return Extension(
        number, "dressing-room", "b.air", start, end, "on", {"speed_pct": 60.0}, "wang", "late"
    )


def outdoor(value: float | None, now: datetime) -> dict[str, Sample]:
    quality = Quality.GOOD if value is not None else Quality.BAD
    return {POINT: Sample(POINT, value, quality, now)}


def texts(live: LiveSwitched, now: datetime) -> list[str]:
    return [condition.text for condition in live.conditions(now)]


def test_what_is_switched_by_hand_begins_where_the_dates_are_and_waits(tmp_path: Path) -> None:
    live = LiveSwitched(made(tmp_path), NOTHING_SWITCHED, {})
    assert live.advance({}, NOW)
    assert not live.advance({}, NOW + timedelta(days=200))
    (first,) = live.begun()
    assert (first.season, first.cause) == ("summer", "start")
    found = live.season(KEY, NOW + timedelta(days=200))
    assert found is not None
    assert found.season == "summer"


@pytest.mark.parametrize(
    ("days", "told"), [(0, False), (105, False), (107, True)], ids=["July", "14 days", "16 days"]
)
def test_a_season_that_nobody_switches_is_overdue(tmp_path: Path, days: int, told: bool) -> None:
    live = LiveSwitched(made(tmp_path), Switched((spell("summer", NOW),)), {})
    found = texts(live, NOW + timedelta(days=days))
    assert bool(found) is told
    if told:
        assert "by the dates it is transitional since 2026-10-01" in found[0]


def test_a_level_is_told_before_and_after_its_end(tmp_path: Path) -> None:
    live = LiveSwitched(made(tmp_path), Switched(levels=(level(),)), {})
    ends = NOW + timedelta(days=14)
    assert texts(live, ends - timedelta(days=3, minutes=2)) == []
    assert "unless somebody renews" in texts(live, ends - timedelta(days=2))[0]
    assert "nobody renewed it" in texts(live, ends)[0]
    assert texts(live, ends + timedelta(days=8)) == []
    live.clear_level("epidemic")
    assert texts(live, ends + timedelta(minutes=2)) == []


def test_a_level_for_two_hours_is_not_announced_at_once(tmp_path: Path) -> None:
    live = LiveSwitched(made(tmp_path), Switched(levels=(level(days=2 / 24),)), {})
    assert texts(live, NOW + timedelta(minutes=30)) == []
    assert texts(live, NOW + timedelta(minutes=70)) != []


def test_a_level_that_the_file_no_longer_knows_does_nothing_and_is_told(
    tmp_path: Path,
) -> None:
    live = LiveSwitched(made(tmp_path), Switched(levels=(level("isolate"),)), {})
    assert live.context.overlays == ()
    assert "no longer knows it" in texts(live, NOW)[0]


def test_a_bad_sensor_is_told_first_as_kept_then_as_dates(tmp_path: Path) -> None:
    site = made(tmp_path, **{"schedules/seasons.yaml": BY_WEATHER})
    live = LiveSwitched(site, NOTHING_SWITCHED, {})
    live.advance(outdoor(25.0, NOW), NOW)
    assert live.conditions(NOW) == ()
    for hours in range(1, 50):
        now = NOW + timedelta(hours=hours)
        live.advance(outdoor(None, now), now)
    (kept,) = live.conditions(NOW + timedelta(hours=5))
    assert kept.severity is Severity.NORMAL
    assert "stays as it is" in kept.text
    (bad,) = live.conditions(NOW + timedelta(hours=50))
    assert bad.severity is Severity.URGENT
    assert "2 d 2 h" in bad.text
    assert "the dates decide" in bad.text


def test_a_missing_year_is_told_from_the_first_of_december(tmp_path: Path) -> None:
    calendar = (
        "calendar: cn\nyears: [2026]\nentries:\n  holiday:\n    - {name: x, dates: [2026-10-01]}\n"
    )
    exception = "exceptions: [{calendar: cn, entries: holiday, do: replace, blocks: []}]\n"
    schedule = (write(tmp_path) / "schedules/air.yaml").read_text(encoding="utf-8")
    site = made(
        tmp_path,
        **{"schedules/calendars/cn.yaml": calendar, "schedules/air.yaml": schedule + exception},
    )
    live = LiveSwitched(site, Switched((spell("winter", NOW),)), {})
    november, december = (datetime(2026, m, d, 20, tzinfo=UTC) for m, d in ((11, 29), (11, 30)))

    def told(now: datetime) -> list[tuple[str, Severity]]:
        found = live.conditions(now)
        return [(c.key, c.severity) for c in found if c.key.startswith("calendar")]

    assert told(november) == []
    assert told(december) == [("calendar:cn", Severity.NORMAL)]  # 1 December in Shanghai
    assert told(december + timedelta(days=40)) == [("calendar:cn", Severity.URGENT)]


def test_a_renamed_season_leaves_it_to_the_others(tmp_path: Path) -> None:
    switched = Switched((spell("sommer", NOW), spell("summer", NOW - timedelta(days=30))))
    live = LiveSwitched(made(tmp_path), switched, {})
    assert [s.season for s in live.context.seasons[KEY]] == ["summer"]


def test_an_overlay_lies_on_the_schedule_and_loses_to_an_operator(tmp_path: Path) -> None:
    site = made(tmp_path)
    live = LiveSwitched(site, Switched((spell("summer", NOW),), (level(),)), {})
    engine = Engine(assemble(site, (), live.context), site.outputs)
    engine.cycle({}, NOW)
    speed = engine.why("b.air.speed_pct")
    assert speed is not None
    assert (speed.value, speed.winner.priority) == (100.0, Priority.OVERLAY)
    assert "a case in hall 2" in speed.winner.reason
    assert "overlays.yaml:" in speed.winner.reason
    assert next((c.value, c.priority) for c in speed.losers) == (90.0, Priority.SCHEDULE)
    # The schedule ends at 19:00; fresh air goes on for an hour, and no longer.
    for minutes, mode in ((19 * 60 + 59, "on"), (20 * 60, "off")):
        now = datetime(2026, 7, 1, tzinfo=UTC) - timedelta(hours=8) + timedelta(minutes=minutes)
        engine.cycle({}, now)
        found = engine.why("b.air.mode")
        assert found is not None
        assert found.value == mode


def test_a_spell_made_while_the_clock_was_ahead_is_replaced_by_the_next(tmp_path: Path) -> None:
    ahead = spell("winter", NOW + timedelta(days=900), "weather", "bms")
    first = spell("summer", NOW, "start", "bms")
    with Store(tmp_path) as store:
        store.save_states({}, [first], NOW)
        store.save_states({}, [ahead], NOW)
        begun = spell("transitional", NOW + timedelta(days=20), "weather", "bms")
        store.save_states({}, [begun], NOW)
        assert store.switched.read(NOW).spells == (first, begun)


# --- the disk --------------------------------------------------------------------------------


def test_everything_comes_back_exactly_after_every_single_change(tmp_path: Path) -> None:
    rng = random.Random(5)
    site = made(tmp_path)
    now = NOW
    live = LiveSwitched(site, NOTHING_SWITCHED, {})
    done: set[str] = set()
    for _ in range(120):
        now += timedelta(microseconds=rng.randrange(1, 10**11))
        what = rng.choice(["season", "withdraw", "level", "clear", "extend", "end", "weather"])
        done.add(what)
        with Store(tmp_path / "s") as store:
            if what == "season":
                names = rng.sample(["summer", "transitional", "winter"], rng.randrange(1, 3))
                spells = [spell(s, now + timedelta(days=20 * n)) for n, s in enumerate(names)]
                store.switched.switch(spells, now)
                live.put_spells(spells, now)
            elif what == "withdraw":
                store.switched.withdraw_planned(KEY, now, "li", "not yet")
                live.withdraw_planned({KEY}, now)
            elif what == "level":
                put = level(rng.choice(["elevated", "full"]), start=now, days=rng.uniform(0.1, 14))
                store.switched.put_level(put, now)
                live.put_level(put)
            elif what == "clear":
                store.switched.clear_level("epidemic", now, "li", "over")
                live.clear_level("epidemic")
            elif what == "extend":
                kept = store.switched.put_extensions([extension(0, start=now)], now)
                live.put_extensions(kept, now)
            elif what == "end":
                ids = [e.id for e in live.switched.extensions if e.end > now][:1]
                store.switched.put_extensions((), now, ended=ids, by="li", reason="enough")
                live.put_extensions((), now, ids)
            else:
                store.save_states(
                    {"x": rng.random()}, [spell("summer", now, "weather", "bms")], now
                )
                live.put_spells([], now)
                live.switched = replace(
                    live.switched,
                    spells=(*live.switched.spells, spell("summer", now, "weather", "bms")),
                )
        with Store(tmp_path / "s") as store:
            found = store.switched.read(now)
        expected = replace(
            live.switched,
            spells=tuple(sorted(live.switched.spells, key=lambda s: s.start)),
            extensions=tuple(
                e for e in live.switched.extensions if e.end > now - timedelta(days=8)
            ),
        )
        assert found == expected
        assert read_in_force(tmp_path / "s", now).switched == expected
    assert len(done) == 7
    count, problems = audit.verify(tmp_path / "s")
    assert problems == []
    assert count > 100


def test_a_change_whose_audit_was_cut_off_is_audited_once_after_the_restart(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        store.switched.put_level(level(), NOW)
    (entry,) = audit.entries(tmp_path)
    assert (entry["what"], entry["who"]) == ("overlay.set", "li")
    assert entry["why"] == "a case in hall 2"
    # The power went after the change was kept, before or after its entry was written.
    waiting = {k: v for k, v in entry.items() if k not in ("seq", "hash", "ref")}
    for ref in (entry["ref"], 77):
        with sqlite3.connect(tmp_path / FILE_NAME) as connection:
            connection.execute("INSERT INTO unaudited VALUES (?, ?)", (ref, json.dumps(waiting)))
        connection.close()
    with Store(tmp_path) as store:
        store.outbox.deliver()
    assert [e["ref"] for e in audit.entries(tmp_path)] == [entry["ref"], 77]
    assert audit.verify(tmp_path) == (2, [])


def test_a_database_of_before_has_nothing_switched(tmp_path: Path) -> None:
    with Store(tmp_path):
        pass
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        for table in ("season_spell", "overlay_level", "extension", "unaudited"):
            connection.execute(f"DROP TABLE {table}")
        for column in ("reason_made_of", "ended_made_of"):
            connection.execute(f"ALTER TABLE override DROP COLUMN {column}")
        connection.execute("PRAGMA user_version=1")
    connection.close()
    assert read_in_force(tmp_path, NOW).switched == NOTHING_SWITCHED
    with Store(tmp_path) as store:
        assert store.switched.read(NOW) == NOTHING_SWITCHED
    assert read_in_force(tmp_path / "nothing", NOW).switched == NOTHING_SWITCHED
