"""What an override has cost, from real histories against sums done by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bms.config.site import Group, Site
from bms.core.decisions import Award, Command, Override, Priority
from bms.core.readings import Reading
from bms.historian.log.embedded import Batch, History
from bms.historian.records import AwardRow, Meter
from bms.operations.overrides.cost import Cost, override_cost
from bms.texts.language import speaking, told
from drivers.points import PointId, Quality, Sample, Value
from tests.historian.support import at, make_site

FAN, METER = "p.fan-1", "p.meter-1"
ENABLE, MODE = f"{FAN}.enable", "p.g.mode"
FAN_KWH, GROUP_KWH = f"{FAN}.energy", f"{METER}.energy"
H = 3600.0


def near(kwh: float) -> Any:
    """Equal but for the last digits."""
    return pytest.approx(kwh, abs=1e-9)


def _site(directory: Path, *, meter: bool = True, rated: float | None = None) -> Site:
    site = make_site(directory, {FAN: "fan", METER: "meter"})
    fan = replace(site.equipment[FAN], rated_kw=rated)
    if not meter:
        fan = replace(fan, points={k: v for k, v in fan.points.items() if k != "energy"})
    group = Group("p.g", "p", "on_off", (fan,), None, {}, site.equipment[METER])
    return replace(site, equipment={**site.equipment, FAN: fan}, groups={"p.g": group})


def _command(point: PointId, value: Value, priority: Priority, source: str) -> Command:
    return Command(point=point, value=value, priority=priority, source=source, reason="r")


def _award(point: PointId, by_hand: Value | None, otherwise: Value | None) -> Award | None:
    commands = []
    if by_hand is not None:
        commands.append(_command(point, by_hand, Priority.OPERATOR, "override:7"))
    if otherwise is not None:
        commands.append(_command(point, otherwise, Priority.SEQUENCE, "on_off:p.g"))
    return Award(commands[0], tuple(commands[1:])) if commands else None


def _history(
    directory: Path,
    ladders: Mapping[float, tuple[Value | None, Value | None]],
    registers: Mapping[float, float],
    *,
    point: PointId = ENABLE,
    meter: PointId = FAN_KWH,
    powers: Mapping[float, float] | None = None,
) -> History:
    """Ladders (by hand, otherwise) and registers in kWh, by hours after the start of all tests."""
    history = History(directory)
    history.append(
        Batch(
            [
                Sample(f"{FAN}.power", kw, Quality.GOOD, at(h * H))
                for h, kw in (powers or {}).items()
            ],
            [AwardRow(point, at(h * H), _award(point, *pair)) for h, pair in ladders.items()],
            readings=[Reading(meter, at(h * H), round(kwh * 100)) for h, kwh in registers.items()],
            meters=[Meter(meter, "p", Decimal("0.01"))],
        )
    )
    return history


def _override(value: Value, start: float, point: PointId = ENABLE) -> Override:
    return Override(7, point, value, at(start * H), at((start + 24) * H), "belt", "wang")


def _latest(point: PointId, hours: float, kwh: float) -> Mapping[PointId, Sample]:
    return {point: Sample(point, kwh, Quality.GOOD, at(hours * H))}


def _now(hours: float) -> datetime:
    return at(hours * H)


def test_on_while_the_schedule_would_have_it_off(tmp_path: Path) -> None:
    """By hand: off until 10:07, on at 4 kW; the schedule would start it at 12:00.

    From 10:07:30 to 12:00 it runs for the operator: 1.875 h * 4 kW = 7.5 kWh. Afterwards it would
    run anyway. The quarter 10:00-10:15 holds 0.5 kWh, all of them after 10:07:30.
    """
    ladders = {0.0: (None, 0), 2.125: (1, 0), 4.0: (1, 1)}
    registers = {2.0: 100.0, 2.25: 100.5}
    registers |= {2.25 + i / 4: 100.5 + i for i in range(1, 16)}
    with _history(tmp_path, ladders, registers) as history:
        cost = override_cost(_site(tmp_path), history, _override(1, 2.125), _now(6.0), {})
        assert cost == Cost(near(7.5), "measured", "")
        # In the middle of a quarter the register of this moment closes the sum: 1 h 20 min.
        end = 2.125 + 4 / 3
        samples = _latest(FAN_KWH, end, 105.33)
        cost = override_cost(_site(tmp_path), history, _override(1, 2.125), _now(end), samples)
        assert cost.kwh == pytest.approx(5.33, abs=0.01)


def test_off_while_the_schedule_would_have_it_on(tmp_path: Path) -> None:
    """By hand: it ran 08:00-10:00 at 6 kW, so 2.5 h off have saved 15 kWh, by estimate."""
    ladders = {0.0: (None, 1), 2.0: (0, 1)}
    registers = {i / 4: 10 + 1.5 * i for i in range(9)} | {3.0: 22.0, 4.5: 22.0}
    with _history(tmp_path, ladders, registers) as history:
        cost = override_cost(_site(tmp_path), history, _override(0, 2.0), _now(4.5), {})
    assert cost == Cost(near(-15.0), "typical", "typically 6.0 kW for 2.5 h")


def test_of_a_group_by_its_meter(tmp_path: Path) -> None:
    ladders: dict[float, tuple[Any, Any]] = {0.0: (None, "off"), 1.0: ("on", "off")}
    registers = {i / 4: 50 + max(0, i - 4) * 2.0 for i in range(13)}
    with _history(tmp_path, ladders, registers, point=MODE, meter=GROUP_KWH) as history:
        site = _site(tmp_path)
        cost = override_cost(site, history, _override("on", 1.0, MODE), _now(3.0), {})
        assert cost == Cost(near(16.0), "measured", "")


def test_without_a_register_by_power_or_rating(tmp_path: Path) -> None:
    ladders = {0.0: (None, 0), 1.0: (1, 0)}
    powers = {1.0 + i / 60: 3.0 for i in range(120)}
    with _history(tmp_path, ladders, {}, powers=powers) as history:
        site = _site(tmp_path, meter=False, rated=5.0)
        cost = override_cost(site, history, _override(1, 1.0), _now(3.0), {})
        assert cost.kwh == pytest.approx(6.0, abs=0.01)
        assert cost.how == "measured"
        # No power for most of the time: 4 h at what the plate says.
        cost = override_cost(site, history, _override(1, 1.0), _now(5.0), {})
        assert cost == Cost(20.0, "rated", "5 kW rated for 4.0 h")
        nothing = override_cost(_site(tmp_path, meter=False), history, _override(1, 1.0),
                                _now(5.0), {})  # fmt: skip
        assert nothing == Cost(None, "", "it has no energy register and no rated power")


@pytest.mark.parametrize(
    ("ladders", "value", "registers", "says"),
    [
        ({0.0: (None, None), 1.0: (1, None)}, 1, {}, "nobody else commands it"),
        ({0.0: (None, 0), 1.0: (1, 0)}, 1, {0.5: 10.0, 0.75: 11.0}, "not been read since"),
        ({0.0: (None, 0), 1.0: (1, 0)}, 1, {0.5: 10.0, 1.5: 2.0, 2.5: 3.0}, "stepped back"),
        ({0.0: (None, 0), 1.0: (1, 0), 3.0: (1, 1)}, 1, {0.5: 10.0, 4.0: 30.0}, "not read for"),
        ({0.0: (None, 1), 1.0: (0, 1)}, 0, {1.0: 5.0}, "no register, no rated power"),
    ],
)
def test_what_cannot_be_told_is_never_zero(
    tmp_path: Path, ladders: Any, value: Value, registers: Any, says: str
) -> None:
    with _history(tmp_path, ladders, registers) as history:
        cost = override_cost(_site(tmp_path), history, _override(value, 1.0), _now(3.5), {})
    assert cost.kwh is None
    assert says in cost.detail


def test_settings_have_no_cost_that_could_be_told(tmp_path: Path) -> None:
    with _history(tmp_path, {0.0: (None, 1)}, {}) as history:
        site = _site(tmp_path)
        speed = override_cost(site, history, _override(50.0, 1.0, f"{FAN}.speed"), _now(2.0), {})
        assert speed.kwh is None
        # The same as the schedule: it costs nothing, and that is known.
        same = override_cost(site, history, _override(1, 1.0), _now(2.0), {})
        assert same.kwh == 0.0


def test_another_mode_of_what_runs_either_way_cannot_be_told(tmp_path: Path) -> None:
    ladders: dict[float, tuple[Any, Any]] = {0.0: (None, "eco"), 1.0: ("run", "eco")}
    with _history(tmp_path, ladders, {}, point=MODE) as history:
        cost = override_cost(_site(tmp_path), history, _override("run", 1.0, MODE), _now(2.0), {})
    assert "runs either way" in cost.detail
    assert cost.kwh is None


def test_a_minimum_time_is_nobody_elses_wish(tmp_path: Path) -> None:
    """While slot 6 holds it on, the next command down still says what it would do otherwise."""
    hold = _command(ENABLE, 1, Priority.MIN_ON_OFF, "minimum on/off")
    award = _award(ENABLE, 1, 0)
    assert award is not None
    row = AwardRow(ENABLE, at(H), Award(hold, (award.winner, *award.losers)), at(H))
    with _history(tmp_path, {0.0: (None, 0)}, {i / 4: i * 1.0 for i in range(13)}) as history:
        history.append(Batch(awards=[row]))
        cost = override_cost(_site(tmp_path), history, _override(1, 1.0), _now(3.0), {})
    assert cost.kwh == pytest.approx(8.0)
    assert timedelta(hours=2) == _now(3.0) - _now(1.0)


def test_the_costs_of_several_machines_are_told_in_the_language_of_the_reader(
    tmp_path: Path,
) -> None:
    ladders: dict[float, tuple[Any, Any]] = {0.0: (None, "off"), 1.0: ("run", "off")}
    with _history(tmp_path, ladders, {}, point=MODE) as history:
        cost = override_cost(_site(tmp_path), history, _override("run", 1.0, MODE), _now(2.0), {})
    with speaking("zh"):
        assert " for " not in told(cost.detail)
        assert told(cost.detail)
