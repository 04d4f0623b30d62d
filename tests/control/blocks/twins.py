"""The blocks worked out a second time, as plainly as can be: no state, the whole past at hand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise


def mean_before(
    values: Sequence[tuple[float, float | None]], now_s: float, window_s: float
) -> float:
    """The mean of (second, value that holds from then) over the window before `now_s`."""
    area = known = 0.0
    ends = [time_s for time_s, _ in values[1:]] + [now_s]
    for (begin_s, value), end_s in zip(values, ends, strict=True):
        seconds = min(end_s, now_s) - max(begin_s, now_s - window_s)
        if value is not None and seconds > 0:
            area += value * seconds
            known += seconds
    return area / known if known else math.nan


def integral(errors: Sequence[tuple[float, float]]) -> float:
    """The area under a polygon of (second, error)."""
    return sum(
        (after_s - before_s) * (before + after) / 2
        for (before_s, before), (after_s, after) in pairwise(errors)
    )


def trimmed(
    row: tuple[float, float, float, float, float, float, float],
    requests: Sequence[float],
) -> list[float]:
    """The setpoints after each period, by the words of the table.

    `row` is start, least, most, ignored, trim, respond, the most to respond.
    """
    setpoint, least, most, ignored, trim, respond, most_respond = row
    found = []
    for count in requests:
        answer = max(0.0, count - ignored) * respond
        if abs(answer) > abs(most_respond):
            answer = most_respond
        setpoint = sorted((least, setpoint + trim + answer, most))[1]
        found.append(setpoint)
    return found


def proportional_integral(
    looks: Sequence[tuple[float, float]], output: float, gain: float, integral_s: float
) -> list[float]:
    """Outputs of a PI loop in its velocity form, from (second, error), where nothing limits it."""
    found = [output]
    for (before_s, before), (after_s, after) in pairwise(looks):
        moved = after - before
        held = (before + after) / 2 * (after_s - before_s) / integral_s
        found.append(found[-1] + gain * (moved + held))
    return found
