"""Two days of a bathhouse, as they were when they were judged right.

After a change that is meant to change them:
`python -m tests.control.hot_tap_water.test_golden_tap_water`.
"""

from __future__ import annotations

from pathlib import Path

from tests.control.hot_tap_water.bathhouse import Bathhouse
from tests.control.hot_tap_water.test_hot_tap_water import day_of_use

GOLDEN = Path(__file__).with_name("golden") / "days.txt"
OUTPUTS = ("hp.enable", "eh.enable", "circ-1.enable", "circ-2.enable", "outlets.enable")


def told() -> str:
    """Every change of what is commanded and of the conditions, with the water and the reason: use
    by day, a night that is off, a heat pump that fails, a sensor that lies cold."""
    sources = [{"machine": "hp", "hottest_c": 65.0}, {"machine": "eh"}]
    house = Bathhouse(temp_c=58.0, setback_c=50.0, sources=sources)
    house.draw = day_of_use
    lines: list[str] = []
    before: dict[str, object] = {}
    for minute in range(48 * 60):
        hour = minute / 60.0
        house.mode("off" if 6.0 <= hour < 12.0 else "on")
        house.dead = {"hp"} if 26.0 <= hour < 30.0 else set()
        house.lies = {"bottom_temp": 5.0} if 36.0 <= hour < 37.0 else {}
        house.live(1 / 60)
        now: dict[str, object] = {name: house.get(name) for name in OUTPUTS}
        now |= dict.fromkeys(house.active(), "!")
        for name in sorted({*before, *now}):
            if before.get(name) == now.get(name):
                continue
            if name in OUTPUTS:
                words = f"{now[name]} {house.reason(name).partition(' ←')[0]}"
            else:
                words = "raised" if name in now else "gone"
            top_c, bottom_c = house.store.temps_c[0], house.store.temps_c[-1]
            clock = f"{minute // 60:02d}:{minute % 60:02d}"
            lines.append(f"{clock} {top_c:4.1f} {bottom_c:4.1f} degC {name} {words}")
        before = now
    return "\n".join(lines) + "\n"


def test_the_days_are_as_they_were() -> None:
    assert told() == GOLDEN.read_text(encoding="utf-8")


if __name__ == "__main__":
    GOLDEN.write_text(told(), encoding="utf-8")
