"""Models of daily energy: a meter-year fitted, with and without drivers."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from bms.energy.models.daily_frames import Frame
from bms.energy.models.model_choice import fit
from tests.benchmarks.table import Row, median
from tests.energy.models.known_truth import made

_METERS = 10


def run() -> list[Row]:
    """Seconds of one fit: the median over meters."""
    frames = [made(seed).before for seed in range(_METERS)]
    three = [
        replace(
            frame,
            drivers={
                "production": frame.drivers["production"],
                "people": frame.drivers["production"] ** 0.5,
                "water": frame.drivers["production"][::-1].copy(),
            },
        )
        for frame in frames
    ]
    return [
        Row("daily fit, one driver", _fit_s(frames), "s", "<= 0.1"),
        Row("daily fit, three drivers", _fit_s(three), "s", "<= 0.1"),
    ]


def _fit_s(frames: Sequence[Frame]) -> float:
    took = []
    for frame in frames:
        begun = time.perf_counter()
        fit(frame)
        took.append(time.perf_counter() - begun)
    return median(took)
