"""Numbers that a device takes and does not keep: memory wears, so they are rarely written again."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest

from bms.control.engine.cycle import Engine
from bms.core.decisions import OutputRules
from drivers.points import Quality, Value
from tests.control.engine.parts import Device, Wish, at

Q = "b.q.setpoint"
DAY = 86_400


class Clamped:
    """A device that makes something else of what it is given, `late_s` seconds afterwards."""

    def __init__(self, clamp: Callable[[float], float], late_s: int = 0, **rules: float) -> None:
        self.wish = Wish()
        self.device = Device({Q: 20.0})
        self._clamp, self._late_s = clamp, late_s
        self._told: tuple[float, int] | None = None
        self.engine = Engine(
            [self.wish],
            {Q: OutputRules(tolerance=0.1, number=True, **rules)},  # type: ignore[arg-type]
        )
        self.written: list[tuple[int, Value | None]] = []

    def run(self, start: int, end: int, step: int = 1) -> list[int]:
        """Run from second to second; when something was written."""
        before = len(self.written)
        for second in range(start, end, step):
            if self._told is not None and second >= self._told[1] + self._late_s:
                self.device.values[Q] = self._clamp(self._told[0])
                self._told = None
            cycle = self.engine.cycle(self.device.samples(at(second)), at(second))
            for write in cycle.writes:
                self.written.append((second, write.value))
                assert isinstance(write.value, float)
                self._told = (write.value, second)
            results = self.device.write(cycle.writes)
            if cycle.writes and not self._late_s:
                assert self._told is not None
                self.device.values[Q] = self._clamp(self._told[0])
                self._told = None
            self.engine.written(results, at(second))
        return [second for second, _ in self.written[before:]]

    @property
    def texts(self) -> list[str]:
        return [condition.text for condition in self.engine.conditions]


@pytest.mark.case(
    "M9",
    when="A device clamps a set point: 30 was asked for, it holds 26",
    then="It is written once, and an alarm says what the device holds; it is written again when "
    "something else is asked for, and more and more rarely",
)
def test_a_clamped_set_point_is_written_once_and_told() -> None:
    rig = Clamped(lambda value: min(value, 26.0))
    rig.wish.want(30.0, Q)
    assert rig.run(0, 15) == [0]
    assert rig.texts == [], "it may be on its way"
    assert rig.run(15, 20) == []
    (text,) = rig.texts
    assert text.startswith(f"{Q}: asked for 30, the device holds 26;")
    assert rig.run(20, 890) == []
    assert rig.texts == [text]
    rig.wish.want(24.0, Q)
    assert rig.run(890, 900) == [890]
    assert rig.texts == []
    rig.wish.want(28.0, Q)
    assert rig.run(900, 1000) == [900]
    assert "holds 26" in rig.texts[0]


def test_the_pause_grows_to_a_day() -> None:
    rig = Clamped(lambda value: min(value, 26.0))
    rig.wish.want(30.0, Q)
    tried = rig.run(0, 10 * DAY, 10)
    pauses = [later - before for before, later in pairwise(tried)]
    assert all(later >= before for before, later in pairwise(pauses))
    assert 900 <= pauses[0] < 1000
    assert pauses[-1] >= DAY
    assert len(tried) < 18, "in ten days"
    assert len(rig.texts) == 1


@pytest.mark.parametrize("late_s", [1, 5, 60, 599])
def test_a_set_point_that_is_clamped_after_a_while_is_found_out(late_s: int) -> None:
    """It shows what it was given at first, and then goes back to what it has."""
    rig = Clamped(lambda value: 26.0, late_s)
    rig.wish.want(30.0, Q)
    tried = rig.run(0, DAY)
    assert len(tried) <= 9, tried
    assert "holds 26" in rig.texts[0]


def test_another_master_is_not_fought_for_ever() -> None:
    """Whoever writes 22 each quarter of an hour wears no memory by our help."""
    rig = Clamped(lambda value: value)
    rig.wish.want(30.0, Q)
    tried = []
    for hour in range(0, 10 * DAY, 900):
        rig.device.values[Q] = 22.0
        tried += rig.run(hour, hour + 900, 5)
    assert len(tried) < 25, "in ten days"


def test_a_value_changed_in_the_field_after_long_is_written_again_at_once() -> None:
    rig = Clamped(lambda value: value)
    rig.wish.want(30.0, Q)
    assert rig.run(0, 3600) == [0]
    rig.device.values[Q] = 20.0
    assert rig.run(3600, 3700) == [3600]
    assert rig.texts == []


def test_a_device_that_lost_what_it_held_is_told_at_once() -> None:
    rig = Clamped(lambda value: min(value, 26.0))
    rig.wish.want(30.0, Q)
    assert rig.run(0, 60) == [0]
    rig.device.quality = Quality.BAD
    assert rig.run(60, 90) == []
    rig.device.quality = Quality.GOOD
    assert rig.run(90, 120) == [], "it holds what it held"
    rig.device.quality = Quality.STALE
    rig.run(120, 130)
    rig.device.quality, rig.device.values[Q] = Quality.GOOD, 5.0
    assert rig.run(130, 160) == [130]


def test_a_value_that_arrives_late_confirms_without_another_write() -> None:
    rig = Clamped(lambda value: min(value, 26.0))
    rig.wish.want(30.0, Q)
    rig.run(0, 60)
    rig.device.values[Q] = 30.0
    assert rig.run(60, 120) == []
    assert rig.texts == []


def test_a_watchdog_is_refreshed_all_the_same() -> None:
    rig = Clamped(lambda value: min(value, 26.0), refresh_s=60)
    rig.wish.want(30.0, Q)
    assert rig.run(0, 200) == [0, 60, 120, 180]


def test_released_it_is_no_alarm() -> None:
    rig = Clamped(lambda value: min(value, 26.0))
    rig.wish.want(30.0, Q)
    rig.run(0, 60)
    rig.wish.want(None, Q)
    cycle = rig.engine.cycle(rig.device.samples(at(60)), at(60))
    assert [write.value for write in cycle.writes] == [None]
    rig.engine.cycle(rig.device.samples(at(61)), at(61))
    assert rig.texts == []


@pytest.mark.case(
    "M15",
    when="A schedule asks for 26.5 where the register holds whole numbers only",
    then="The nearest whole number is written, and an alarm says so",
)
def test_a_fraction_that_a_register_cannot_hold_is_told() -> None:
    wish = Wish()
    engine = Engine([wish], {Q: OutputRules(tolerance=0.5, number=True, whole=True)})
    device = Device({Q: 20.0})

    def run(start: int, end: int) -> list[str]:
        for second in range(start, end):
            cycle = engine.cycle(device.samples(at(second)), at(second))
            engine.written(device.write(cycle.writes), at(second))
            if cycle.writes:
                device.values[Q] = round(float(cycle.writes[0].value or 0))
        return [condition.text for condition in engine.conditions]

    wish.want(26.5, Q)
    assert run(0, 590) == [], "a strategy may be on its way through it"
    assert run(590, 700) == [
        f"{Q}: asked for 26.5, its register holds whole numbers: 26 is written"
    ]
    wish.want(27.0, Q)
    assert run(700, 1400) == []
