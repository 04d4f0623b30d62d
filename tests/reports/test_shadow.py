"""What was not sent: only what was commanded while its link was in shadow mode."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bms.config.load import load
from bms.config.site import Site
from bms.control import STRATEGIES
from bms.control.engine.arbiter import AwardChange
from bms.core.decisions import Award, Command, Priority
from bms.core.errors import InvalidInput
from bms.historian.log.embedded import History
from bms.historian.log.log_queries import FILE_NAME, Queries
from bms.historian.recording.recorder import Recorder
from bms.reports.shadow import shadow_report
from drivers.points import PointId, Value
from tests.app.test_app import FILES
from tests.config.sites import write

MORNING = datetime(2026, 6, 30, 22, tzinfo=UTC)  # six in the morning in Shanghai
SPEED, OTHER = "b.holds.speed", "b.lets-go.speed"
TWO_LINKS = {
    **FILES,
    "links.yaml": FILES["links.yaml"] + "  two: {protocol: modbus_tcp, host: 127.0.0.2}\n",
    "equipment/b.yaml": FILES["equipment/b.yaml"].replace("link: plc\n    unit: 2", "link: two\n"
                                                          "    unit: 2"),
}  # fmt: skip


def hours(count: float) -> datetime:
    return MORNING + timedelta(hours=count)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    found = load(write(tmp_path, TWO_LINKS), STRATEGIES)
    found.state_dir.mkdir(exist_ok=True)
    return found


def in_shadow(site: Site, link: str = "plc") -> Site:
    """The same site with one link in shadow mode."""
    found = site.links[link]
    settings = found.settings.model_copy(update={"mode": "shadow"})
    return replace(site, links={**site.links, link: replace(found, settings=settings)})


def commanded(point: PointId, value: Value | None) -> AwardChange:
    if value is None:
        return AwardChange(point, None)
    command = Command(
        point=point, value=value, priority=Priority.SCHEDULE, source="schedule:b", reason="x"
    )
    return AwardChange(point, Award(command))


def record(recorder: Recorder, site: Site, at: Mapping[float, list[AwardChange]]) -> None:
    with History(site.state_dir) as history:
        for hour, changes in at.items():
            recorder.offer(hours(hour), {}, changes)
        batch = recorder.flush()
        assert batch is not None
        history.append(batch)


def reported(site: Site, link: str | None = None) -> list[tuple[float, PointId, Value | None]]:
    with Queries(site.state_dir, read_only=True) as history:
        rows = shadow_report(site, history, hours(0), hours(24), link)
    assert all(row.noted for row in rows)
    return [((row.time - MORNING).total_seconds() / 3600, row.point, row.value) for row in rows]


@pytest.mark.case(
    "N17",
    when="'bms report shadow' is asked of a day on which a link was in shadow mode since noon",
    then="Only what was not sent is listed: nothing of the morning, and nothing after it was taken "
    "over.",
)
def test_only_what_was_not_sent_is_listed(site: Site) -> None:
    recorder = Recorder(site, trend_s=60, commit_s=1)
    record(recorder, site, {1: [commanded(SPEED, 40), commanded(OTHER, 40)]})
    recorder.renew(in_shadow(site))
    # At a start everything is recorded once more: what stands was sent in the morning.
    standing = [commanded(SPEED, 40), commanded(OTHER, 40)]
    record(recorder, site, {6: standing, 8: [commanded(SPEED, 60), commanded(OTHER, 60)]})
    record(recorder, site, {9: [commanded(SPEED, None)]})
    expected = [(8, SPEED, 60), (9, SPEED, None)]
    assert reported(in_shadow(site)) == expected
    recorder.renew(site)
    record(recorder, site, {12: [commanded(SPEED, 20)]})
    assert reported(site) == reported(site, "plc") == expected
    assert reported(site, "two") == []


def test_with_nothing_in_shadow_now_or_then_there_is_nothing_to_report(site: Site) -> None:
    record(Recorder(site, trend_s=60, commit_s=1), site, {1: [commanded(SPEED, 40)]})
    with pytest.raises(InvalidInput, match="no link is in shadow mode"):
        reported(site)
    assert reported(in_shadow(site)) == []
    with pytest.raises(InvalidInput, match="no link 'ploc'"):
        reported(site, "ploc")


def test_what_an_earlier_version_recorded_may_have_been_sent(site: Site) -> None:
    """It did not note it: as before, what is in shadow mode now is taken for unsent then."""
    record(Recorder(site, trend_s=60, commit_s=1), site, {1: [commanded(SPEED, 40)]})
    with closing(sqlite3.connect(site.state_dir / FILE_NAME)) as database:
        database.executescript("ALTER TABLE award DROP COLUMN sent; PRAGMA user_version=3")
    for read_only in (True, False, True):  # as it was left, brought up to date, and after
        with Queries(site.state_dir, read_only=read_only) as history:
            (row,) = shadow_report(in_shadow(site), history, hours(0), hours(24))
            assert (row.value, row.noted) == (40, False)
            assert shadow_report(in_shadow(site, "two"), history, hours(0), hours(24)) == []
            assert len(shadow_report(site, history, hours(0), hours(24), "plc")) == 1
