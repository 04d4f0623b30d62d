"""Days of a tank, of a pit and of a main, as they were when they were judged right.

After a change that is meant to change them:
`python -m tests.control.water_supply.test_golden_water`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.control.water_supply.test_pressure_pumps import Mains
from tests.control.water_supply.waterworks import Waterworks

GOLDEN = Path(__file__).with_name("golden")
BREAKS_H, WHOLE_H = 9.0, 15.0
"""A pump is dead meanwhile."""


def tank() -> str:
    """A roof tank over a day and a half: mornings and evenings, a dead pump, a lying transmitter,
    economy at the end."""
    works = Waterworks(level_pct=80.0, reserve_m3=4.0)

    def use(hour: float) -> None:
        works.use_m3h = 13.0 if 6.0 <= hour % 24.0 < 8.0 else 5.0 if hour % 24.0 >= 8.0 else 0.5
        works.dead = {"p-1"} if BREAKS_H <= hour < WHOLE_H else set()
        works.lies = {"water_level": 97.0} if 20.0 <= hour < 22.0 else {}
        works.mode("economy" if hour >= 26.0 else "on")

    return watched(works, use, 36)


def pit() -> str:
    """A pit over a day: seepage, a storm, a stuck float, off at the end."""
    works = Waterworks("sump", level_pct=50.0)

    def use(hour: float) -> None:
        works.use_m3h = 14.0 if 8.0 <= hour < 10.0 else 2.0
        works.lies = {"high_float": 1.0} if 14.0 <= hour < 16.0 else {}
        works.mode("off" if hour >= 20.0 else "on")

    return watched(works, use, 24)


def watched(works: Waterworks, use: Callable[[float], None], hours: int) -> str:
    """Every change of the pumps and conditions, with the level and the reason."""
    lines: list[str] = []
    before: dict[str, object] = {}
    for minute in range(hours * 60):
        use(minute / 60.0)
        works.live(1 / 60)
        now: dict[str, object] = {name: int(name in works.on()) for name in works.pumps}
        now |= dict.fromkeys(works.active(), "!")
        for name in sorted({*before, *now}):
            if before.get(name, 0) == now.get(name, 0):
                continue
            if name in works.pumps:
                told = f"{now[name]} {works.reason(f'{name}.enable').partition(' ←')[0]}"
            else:
                told = "raised" if name in now else "gone"
            clock = f"{minute // 60:02d}:{minute % 60:02d}"
            lines.append(f"{clock} {works.basin.level_pct:5.1f} % {name} {told}")
        before = now
    return "\n".join(lines) + "\n"


def main() -> str:
    """Boosters over three quarters of an hour: taps open and close, one booster dies."""
    mains = Mains()
    lines: list[str] = []
    before: tuple[object, ...] = ()
    for half_minute in range(90):
        minute = half_minute / 2.0
        mains.taps_m3h = 0.0 if minute < 3 or minute >= 38 else 30.0 if 10 <= minute < 20 else 7.0
        mains.dead = {"b-1"} if 24 <= minute < 30 else set()
        mains.live(0.5)
        names = sorted(mains.starters)
        on = [name for name in names if mains.get(f"{name}.enable")]
        speeds = [round(float(mains.get(f"{name}.speed"))) for name in on]
        now = (tuple(on), tuple(speeds), tuple(sorted(mains.active())))
        if now != before:
            reason = mains.reason(f"{(on or names)[0]}.enable").partition(" ←")[0]
            shown = " ".join(f"{name}={pct}%" for name, pct in zip(on, speeds, strict=True))
            alarms = " ".join(f"!{key}" for key in now[2])
            kpa = mains.main.pressure_kpa
            words = [f"{minute:4.1f} min", f"{kpa:3.0f} kPa", shown, alarms, reason]
            lines.append(" ".join(word for word in words if word))
        before = now
    return "\n".join(lines) + "\n"


DAYS: dict[str, Callable[[], str]] = {"tank": tank, "pit": pit, "main": main}


@pytest.mark.parametrize("name", DAYS)
def test_the_day_is_as_it_was(name: str) -> None:
    assert DAYS[name]() == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")


if __name__ == "__main__":
    for name, told in DAYS.items():
        (GOLDEN / f"{name}.txt").write_text(told(), encoding="utf-8")
