"""The fault rules of camber over our trends: Guideline 36's FC1 to FC15 for air handlers."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd
from camber.fdd_g36 import FC_DESC, run_g36_afdd

from tests.judges.constrain_judge import Verdict
from tests.judges.frames import Recorded, each

_F = {"scale": 1.8, "offset": 32.0}
STEP_MIN = 5
_TEMPERATURES = ("SAT", "MAT", "RAT", "OAT", "SATSP")


def frame_of(recorded: Recorded, inputs: Mapping[str, Any]) -> pd.DataFrame:
    """What camber reads: degrees Fahrenheit, percent, inches of water; samples of 5 min."""
    said = {}
    for name, point in inputs.items():
        series = recorded.column(point)
        if name in _TEMPERATURES:
            series = series * _F["scale"] + _F["offset"]
        if name in ("DSP", "DSPSP"):
            series = series / 249.09
        said[name] = series
    frame = pd.DataFrame(said)
    step_min = (recorded.index[1] - recorded.index[0]).total_seconds() / 60
    return frame.iloc[:: max(1, round(STEP_MIN / step_min))]


def masks(recorded: Recorded, entry: Mapping[str, Any], thing: str) -> Any:
    """Its whole result for one air handler, with what was found when."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return run_g36_afdd(
            frame_of(recorded, entry["inputs"]),
            thing,
            keep_masks=True,
            oa_damper_min=entry.get("least_damper_pct"),
        )


def found(recorded: Recorded, entries: list[Mapping[str, Any]]) -> Iterator[Verdict]:
    """Each rule of each air handler: samples to which it applied, and those it reported."""
    for written in entries:
        for thing, entry in each(written):
            result = masks(recorded, entry, thing)
            for number in range(1, 16):
                name = f"FC{number} {FC_DESC[number]}"
                applied = int(result.fault_n_applicable.get(number) or 0)
                lacks = result.missing_inputs.get(number) or result.omitted.get(number)
                if lacks or not applied:
                    continue
                mask = result.masks[f"FC{number}"]
                reported = int(mask.sum())
                hours = frozenset(int(hour) for hour in mask.index[mask].hour)
                yield Verdict(
                    recorded.name, "camber", name, thing, applied, reported, reported == 0, hours
                )


def first_found(
    recorded: Recorded, entries: list[Mapping[str, Any]]
) -> dict[str, list[tuple[pd.Timestamp, pd.Timestamp, str]]]:
    """Since when each rule was broken and when it was reported, for each air handler."""
    told: dict[str, list[tuple[pd.Timestamp, pd.Timestamp, str]]] = {}
    for written in entries:
        for thing, entry in each(written):
            result = masks(recorded, entry, thing)
            rows = []
            for number in range(1, 16):
                mask = result.masks.get(f"FC{number}")
                if mask is None or not mask.any():
                    continue
                starts = mask.index[mask & ~mask.shift(fill_value=False)]
                # It is reported once it has lasted for the alarm delay of Guideline 36.
                delay = pd.Timedelta(minutes=result.delays["alarm_delay_min"])
                rows += [
                    (start, start + delay, f"FC{number} {FC_DESC[number]}") for start in starts
                ]
            told[thing] = sorted(rows)
    return told
