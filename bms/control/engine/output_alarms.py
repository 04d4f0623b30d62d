"""What to say of an output that does not get, or does not keep, what it is asked for. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from bms.control.engine.protection import Delivery, Phase, shown
from bms.core.decisions import Condition, Severity
from bms.texts.messages import msg
from drivers.points import PointId, Quality, Sample, Value

GETS_THERE = timedelta(seconds=15)
"""A number may take so long to show in a device."""


def uncommandable(point: PointId, delivery: Delivery, sample: Sample | None) -> Condition | None:
    """The alarm of an output that does not take its value.

    Not for a point that cannot be read either: then its link or device has an alarm already.
    """
    if not delivery.uncommandable or (sample is not None and sample.quality is not Quality.GOOD):
        return None
    text = (
        msg("{point} cannot be released: {detail}", point=point, detail=delivery.detail)
        if delivery.value is None
        else msg(
            "{point} cannot be commanded to {commanded}: {detail}",
            point=point,
            commanded=shown(delivery.value),
            detail=delivery.detail,
        )
    )
    return Condition(f"{point}:uncommandable", Severity.URGENT, text)


def holds_another(point: PointId, delivery: Delivery, now: datetime) -> Condition | None:
    """The alarm of an output whose device takes a number and holds another.

    Not at once after the first write: a drive that shows its speed takes a while to get there.
    """
    if delivery.held is None or delivery.value is None:
        return None
    issued = delivery.issued
    first = delivery.phase is Phase.HELD and delivery.undone == 1
    if first and issued is not None and now - issued < GETS_THERE:
        return None
    text = msg(
        "{point}: asked for {commanded}, the device holds {held}; it is written again when "
        "something else is asked for, and more and more rarely",
        point=point,
        commanded=shown(delivery.value),
        held=shown(delivery.held),
    )
    return Condition(f"{point}:held", Severity.URGENT, text)


def rounded(point: PointId, wanted: Value) -> Condition:
    """The alarm of an output that is asked for a fraction, and whose register has none."""
    assert isinstance(wanted, float)
    text = msg(
        "{point}: asked for {commanded:g}, its register holds whole numbers: {written} is written",
        point=point,
        commanded=wanted,
        written=round(wanted),
    )
    return Condition(f"{point}:rounded", Severity.NORMAL, text)
