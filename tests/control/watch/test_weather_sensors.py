"""What a broken outdoor sensor shows is not believed, and is an alarm."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from bms.control.watch.weather_sensors import FRONT_LASTS, WEATHER, WeatherSensors, farthest_k
from bms.core.equipment import Equipment
from bms.core.machines.equipment_kinds import KINDS
from drivers.points import Quality, Sample, Value

STATION = Equipment(
    "b.weather",
    "b",
    KINDS["weather_station"],
    {"outdoor_temp": "b.weather.outdoor_temp", "humidity": "b.weather.humidity"},
)
TEMP, HUMIDITY = "b.weather.outdoor_temp", "b.weather.humidity"
JULY = datetime(2026, 7, 10, 4, tzinfo=UTC)


def _seen(
    sensors: WeatherSensors, value: Value, now: datetime, point: str = TEMP
) -> tuple[Quality, str]:
    found = sensors.believed({point: Sample(point, value, Quality.GOOD, now)}, now)[point]
    assert found.value == value
    return found.quality, found.detail


@pytest.mark.case(
    "C8",
    when="The outdoor sensor shows 850 °C, or -50 °C in July, and says that it is good",
    then="The value is not believed: no season changes, no plant stops, and an alarm names it.",
)
@pytest.mark.parametrize("value", [850.0, -273.0, -50.0, 61.0])
def test_what_cannot_be_is_not_believed(value: float) -> None:
    sensors = WeatherSensors([STATION])
    assert _seen(sensors, 28.0, JULY) == (Quality.GOOD, "")
    for minutes in range(1, 3 * 60):
        quality, why = _seen(sensors, value, JULY + timedelta(minutes=minutes))
        assert quality is Quality.BAD
        assert "cannot be" in why
    (alarm,) = sensors.conditions
    assert alarm.key == f"{TEMP}:weather"
    assert TEMP in alarm.text
    assert _seen(sensors, 29.5, JULY + timedelta(hours=3)) == (Quality.GOOD, "")
    assert sensors.conditions == ()


def test_a_cut_wire_is_not_believed_for_days() -> None:
    sensors = WeatherSensors([STATION])
    _seen(sensors, 28.0, JULY)
    for hours in range(1, 8 * 24):
        assert _seen(sensors, -50.0, JULY + timedelta(hours=hours))[0] is Quality.BAD


def test_a_front_is_believed() -> None:
    sensors = WeatherSensors([STATION])
    for hours, value in enumerate((12.0, -2.0, -9.0, -12.0, -20.0, -28.0)):
        assert _seen(sensors, value, JULY + timedelta(hours=hours))[0] is Quality.GOOD
    later = JULY + timedelta(days=40)  # the sensor was away, and it has become summer
    assert _seen(sensors, 33.0, later)[0] is Quality.GOOD


def test_what_was_believed_survives_a_restart() -> None:
    sensors = WeatherSensors([STATION])
    assert sensors.states() == {}
    _seen(sensors, 28.0, JULY)
    saved = json.loads(json.dumps(sensors.states()))
    _seen(sensors, 28.5, JULY + timedelta(minutes=10))
    assert json.loads(json.dumps(sensors.states())) == saved  # written once an hour
    after = WeatherSensors([STATION], saved[WEATHER])
    assert _seen(after, -50.0, JULY + timedelta(hours=2))[0] is Quality.BAD
    assert WeatherSensors([STATION], {"x": 3}).states() == {}


def test_other_values_stay_as_they_are() -> None:
    sensors = WeatherSensors([STATION])
    assert _seen(sensors, 100.0, JULY, HUMIDITY) == (Quality.GOOD, "")
    assert _seen(sensors, 6553.5, JULY, HUMIDITY)[0] is Quality.BAD
    assert _seen(sensors, 12.0, JULY, "b.chiller.load") == (Quality.GOOD, "")
    samples = {TEMP: Sample(TEMP, None, Quality.BAD, JULY)}
    assert sensors.believed(samples, JULY) is samples


def test_a_clock_that_was_set_back_is_no_reason_to_doubt() -> None:
    sensors = WeatherSensors([STATION])
    _seen(sensors, 28.0, JULY)
    assert _seen(sensors, 2.0, JULY - timedelta(days=180))[0] is Quality.GOOD


def test_how_far_the_weather_goes() -> None:
    hours = [0, 1, 3, 24, 72]
    assert [farthest_k(timedelta(hours=h)) for h in hours] == [15, 21, 33, 35, 35]
    assert farthest_k(FRONT_LASTS + timedelta(days=4)) == 55
