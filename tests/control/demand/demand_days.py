"""Random days at a boundary, lived with a demand limit, and an oracle that knows the whole day.

Power follows a working day with noise that no forecast knows (5 % of it, that goes on for a quarter
of an hour), machines that come and go, and sun on half of the days. Nothing leaps in the last
three minutes of an interval. The oracle sees each interval as it would be with every load on, and
as it would be if all that is declared were shed from its begin.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random
from typing import Any

from tests.control.demand.boundary_rig import Boundary, Lamp

LIMIT_KW = 1000.0
STEP_S = 10.0
DAY_S = 86400.0
INTERVAL_S = 900.0
ERROR = 0.05
GOES_ON_S = 900.0
SUSTAINED = 7200.0 / (7200.0 + 300.0)
"""A load comes back after two hours, for five minutes: for so much of the time it can be shed."""
CALM_S = 180.0
"""Of an interval's end, in which nothing leaps."""


@dataclass(frozen=True)
class Lived:
    """What became of a day."""

    intervals: int
    needed: int
    """Would have exceeded the limit with every load on."""
    holdable: int
    """Of these, those that shedding all that is declared would have kept within it."""
    broken: int
    """Of these, those that exceeded it."""
    calm: int
    """Would have stayed within it with every load on."""
    disturbed: int
    """Of these, those in which something was shed."""
    switched: int
    """How often a load was shed."""
    avoided_kw: float
    """Of the day's peak."""


class Day:
    """One day of power, by seed."""

    def __init__(self, seed: int) -> None:
        random = Random(f"demand day {seed}")
        count = random.randint(4, 9)
        share = random.uniform(0.12, 0.3)
        sizes = [random.uniform(0.5, 1.5) for _ in range(count)]
        whole = sum(sizes)
        self.lamps = [
            Lamp(
                f"load-{i}",
                round(LIMIT_KW * share * size / whole, 1),
                random.randint(1, 3),
                metered=random.random() < 0.6,
            )
            for i, size in enumerate(sizes)
        ]
        self.sunny = seed % 2 == 1
        loads_kw = sum(lamp.kw for lamp in self.lamps)
        peak_kw = LIMIT_KW * random.uniform(0.82, 1.08) - loads_kw
        night_kw = peak_kw * random.uniform(0.3, 0.6)
        begins_h, ends_h = random.uniform(6, 9), random.uniform(16, 21)
        steps = int(DAY_S / STEP_S)
        noise, machines = 0.0, self._machines(random)
        keeps = math.exp(-STEP_S / GOES_ON_S)
        self.base: list[float] = []
        self.sun: list[float] = []
        cloud, cloud_until = 1.0, 0.0
        for i in range(steps):
            seconds = i * STEP_S
            hour = seconds / 3600.0
            rise = 1 / (1 + math.exp(-(hour - begins_h) * 3))
            fall = 1 / (1 + math.exp((hour - ends_h) * 3))
            noise = noise * keeps + random.gauss(0.0, ERROR) * math.sqrt(1 - keeps**2)
            smooth = night_kw + (peak_kw - night_kw) * rise * fall
            moving = sum(kw for kw, on, off in machines if on <= seconds < off)
            kw = max(50.0, smooth * (1.0 + noise) + moving)
            if self.sunny:
                if seconds >= cloud_until and seconds % INTERVAL_S < INTERVAL_S - CALM_S:
                    cloud = random.choice((1.0, 0.9, 0.7, 0.35))
                    cloud_until = seconds + random.uniform(300.0, 5400.0)
                height = max(0.0, math.sin((hour - 6.0) / 12.0 * math.pi))
                sun = 150.0 * height * cloud
            else:
                sun = 0.0
            self.base.append(kw + (0.6 * sun if self.sunny else 0.0))
            self.sun.append(sun)

    @staticmethod
    def _machines(random: Random) -> list[tuple[float, float, float]]:
        found = []
        for _ in range(random.randint(4, 16)):
            on = _calm(random.uniform(6, 20) * 3600.0)
            off = _calm(on + random.uniform(600.0, 7200.0))
            found.append((random.uniform(10.0, 60.0), on, off))
        return found

    def at(self, values: list[float], seconds: float) -> float:
        return values[min(len(values) - 1, max(0, round(seconds / STEP_S) - 1))]

    def live(self, **parameters: Any) -> Lived:
        """The day under a demand limit."""
        boundary = Boundary(
            self.lamps,
            lambda s: self.at(self.base, s),
            sun_kw=(lambda s: self.at(self.sun, s)) if self.sunny else None,
            limit_kw=LIMIT_KW,
            **parameters,
        )
        shed_in: list[bool] = []
        switched = 0
        before: set[str] = set()
        shed = False
        for _ in range(len(self.base)):
            boundary.step(STEP_S)
            now = boundary.shed
            switched += len(now - before)
            shed = shed or bool(before)
            if boundary.seconds % INTERVAL_S < 1e-6:  # this look is of the next interval
                shed_in.append(shed)
                shed = False
            shed = shed or bool(now)
            before = now
        loads_kw = sum(lamp.kw for lamp in self.lamps)
        free, ideal = [], []
        per = int(INTERVAL_S / STEP_S)
        for i in range(0, len(self.base), per):
            means = [b - s for b, s in zip(self.base[i : i + per], self.sun[i : i + per],
                                           strict=True)]  # fmt: skip
            rest_kw = sum(max(0.0, kw + loads_kw) for kw in means) / per
            free.append(rest_kw)
            ideal.append(rest_kw - SUSTAINED * loads_kw * (INTERVAL_S - 30.0) / INTERVAL_S)
        told = list(zip(free, ideal, boundary.intervals, shed_in, strict=True))
        return Lived(
            len(told),
            sum(f > LIMIT_KW for f, _, _, _ in told),
            sum(i <= LIMIT_KW < f for f, i, _, _ in told),
            sum(i <= LIMIT_KW < min(kw, f) for f, i, kw, _ in told),
            sum(f <= LIMIT_KW for f, _, _, _ in told),
            sum(f <= LIMIT_KW and s for f, _, _, s in told),
            switched,
            max(free) - max(boundary.intervals),
        )


def _calm(seconds: float) -> float:
    """The same, or earlier if it lies in the last minutes of an interval."""
    within = seconds % INTERVAL_S
    latest = INTERVAL_S - CALM_S - STEP_S
    return seconds if within <= latest else seconds - (within - latest)


def together(days: list[Lived]) -> dict[str, float]:
    """The shares over all days, in percent, and what else is worth knowing."""
    holdable = sum(day.holdable for day in days)
    calm = sum(day.calm for day in days)
    return {
        "intervals": sum(day.intervals for day in days),
        "needed": sum(day.needed for day in days),
        "broken_pct": 100.0 * sum(day.broken for day in days) / max(holdable, 1),
        "holdable": holdable,
        "broken": sum(day.broken for day in days),
        "disturbed_pct": 100.0 * sum(day.disturbed for day in days) / max(calm, 1),
        "switched_a_day": sum(day.switched for day in days) / len(days),
        "avoided_kw": sum(day.avoided_kw for day in days) / len(days),
    }
