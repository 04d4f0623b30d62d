"""A weather station that is taken in while the controller runs is watched from then on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from bms.config.load import load
from bms.control import STRATEGIES
from bms.core.equipment import Equipment
from bms.core.machines.equipment_kinds import KINDS
from bms.field.image import Field
from bms.operations.runtime import Runtime
from drivers.points import PointId, Quality, Sample
from tests.app.test_app import FILES
from tests.config.sites import write

NOW = datetime(2026, 7, 1, tzinfo=UTC)
TEMP = "b.weather.outdoor_temp"
STATION = Equipment("b.weather", "b", KINDS["weather_station"], {"outdoor_temp": TEMP})


class Hot(Field):
    """A field whose outdoor sensor is broken, and says that it is good."""

    def snapshot(self, now: datetime) -> Mapping[PointId, Sample]:
        return {TEMP: Sample(TEMP, 850.0, Quality.GOOD, now)}


def _quality(runtime: Runtime) -> tuple[Quality, bool]:
    cycle = runtime.cycle(NOW)
    alarmed = any(alarm.key == f"{TEMP}:weather" for alarm in runtime.engine.alarms())
    return cycle.snapshot.samples[TEMP].quality, alarmed


def test_a_station_that_is_taken_in_is_watched_and_one_that_goes_is_not(tmp_path: Path) -> None:
    without = load(write(tmp_path, FILES), STRATEGIES)
    station = replace(without, equipment={**without.equipment, STATION.id: STATION})
    runtime = Runtime(without, Hot(lambda: NOW), (), {})
    assert _quality(runtime) == (Quality.GOOD, False)
    runtime.renew(station, ())
    assert _quality(runtime) == (Quality.BAD, True)
    runtime.renew(without, ())
    assert _quality(runtime) == (Quality.GOOD, False)
