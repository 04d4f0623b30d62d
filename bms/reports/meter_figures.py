"""What people ask of the meters, as plain values: the list, one meter, intervals, demand, tree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any, Literal, TypeAlias
from zoneinfo import ZoneInfo

from bms.config.site import MeterSpec, Site
from bms.core.instants import from_ms, local, local_midnight, to_ms
from bms.energy.demand import peaks
from bms.energy.intervals import Energy
from bms.energy.quarters import QUARTER_MS, Slot, coverage
from bms.energy.tree import Node, tree
from bms.ledger.database.store import Ledger
from bms.ledger.entered.entries import OF_QUARTERS, Entry
from bms.reports.growth import shares_pct

Step: TypeAlias = Literal["15m", "day", "month"]


def _local(time: datetime, spec: MeterSpec) -> str:
    return local(time, spec.zone, "minutes")


def _number(value: Fraction | None) -> float | None:
    return None if value is None else round(float(value), 6)


def _described(spec: MeterSpec) -> dict[str, Any]:
    kind = "formula" if spec.virtual else "polled" if spec.polled else "read by hand"
    return {
        "meter": spec.name,
        "id": spec.id,
        "base": spec.base,
        "title": dict(spec.title),
        "medium": spec.medium.value,
        "unit": spec.medium.unit,
        "role": spec.role.value,
        "kind": kind,
    }


def _energy(energy: Energy) -> dict[str, Any]:
    return {
        "amount": _number(energy.amount),
        "coverage_pct": round(energy.coverage_pct, 2),
        "shares_pct": shares_pct(energy),
    }


def meter_list(site: Site, ledger: Ledger, now: datetime) -> list[dict[str, Any]]:
    """Every meter, with this local month so far and up to when the ledger knows it."""
    rows = []
    for spec in site.metering.values():
        zone = ZoneInfo(spec.zone)
        month = now.astimezone(zone).date().replace(day=1)
        start = local_midnight(month, zone)
        end = from_ms(to_ms(now) - to_ms(now) % QUARTER_MS)
        until = ledger.known_until(spec.id)
        this = ledger.energy_in(spec, start, end) if end > start else None
        rows.append(
            {
                **_described(spec),
                "known_until": None if until is None else _local(from_ms(until), spec),
                "rated": spec.rated or spec.virtual,
                "month": f"{month:%Y-%m}",
                **(_energy(this) if this is not None else {"amount": None, "coverage_pct": 0.0}),
            }
        )
    return rows


def meter_view(
    site: Site, ledger: Ledger, spec: MeterSpec, start: datetime, end: datetime
) -> dict[str, Any]:
    """One meter: how it is set, its energy in a period, what happened to it, and what was said."""
    names = {key: other.name for key, other in site.metering.items()}
    energy = ledger.energy_in(spec, start, end)
    return {
        **_described(spec),
        "resolution": float(spec.resolution),
        "register_size": None if spec.register_size is None else float(spec.register_size),
        "most_per_h": None if spec.most_per_h is None else float(spec.most_per_h),
        "rated": spec.rated,
        "ratios": [
            {"from": _local(from_ms(ms), spec)[:10], "factor": float(factor)}
            for ms, factor in spec.ratios
        ],
        "formula": " ".join(
            f"{'-' if factor < 0 else '+'} {float(abs(factor)):g} * {names.get(key, key)}"
            for factor, key in spec.terms
        ),
        "parent": None if spec.parent is None else names.get(spec.parent, spec.parent),
        "from": _local(start, spec),
        "to": _local(end, spec),
        **_energy(energy),
        "problems": list(energy.problems),
        "events": [
            {
                "from": _local(from_ms(s.start_ms), spec),
                "to": _local(from_ms(s.end_ms), spec),
                "event": s.event.value,
                "label": s.label.value,
                "amount": _number(s.amount),
                "reason": s.reason,
            }
            for s in ledger.stretches(spec.id, to_ms(start), to_ms(end))
        ],
        "entries": [
            entry_view(e, spec)
            for e in ledger.entries(spec.id)
            # A logger's file has thousands.
            if e.data.get("by") != "instrument" or start <= e.start < end
        ],
    }


def entry_view(entry: Entry, spec: MeterSpec) -> dict[str, Any]:
    """What a person said, as plain values."""
    data = dict(entry.data)
    if entry.kind in OF_QUARTERS:
        scale = Fraction(data.pop("scale"))
        counts = [count for count in data.pop("counts") if count is not None]
        data["amount"] = _number(sum(counts) * scale)
        data.pop("others", None)
    return {
        "entry": entry.number,
        "kind": entry.kind.value,
        "from": _local(entry.start, spec),
        "to": _local(entry.end, spec),
        **data,
        "who": entry.who,
        "why": entry.why,
        "recorded": _local(entry.recorded, spec),
        "withdrawn": entry.withdrawn,
    }


def interval_rows(
    ledger: Ledger, spec: MeterSpec, start: datetime, end: datetime, step: Step
) -> list[dict[str, Any]]:
    """The energy of each quarter hour, local day or local month of a period."""
    if step == "15m":
        slots = dict(ledger.slots(spec.id, to_ms(start), to_ms(end)))
        return [
            _slot_row(ms, slots.get(ms), spec) for ms in range(to_ms(start), to_ms(end), QUARTER_MS)
        ]
    return [
        {"start": _local(first, spec), "end": _local(last, spec)}
        | _energy(ledger.energy_in(spec, first, last))
        for first, last in _periods(spec, start, end, step)
    ]


def _slot_row(ms: int, slot: Slot | None, spec: MeterSpec) -> dict[str, Any]:
    covered_ms = 0 if slot is None else slot.covered_ms
    return {
        "start": _local(from_ms(ms), spec),
        "end": _local(from_ms(ms + QUARTER_MS), spec),
        "amount": _number(slot.amount) if slot is not None and covered_ms else None,
        "label": slot.label.value if slot is not None else "missing",
        "coverage_pct": round(float(coverage(covered_ms, QUARTER_MS) * 100), 2),
        "rev": slot.rev if slot is not None else None,
    }


def _periods(
    spec: MeterSpec, start: datetime, end: datetime, step: Step
) -> Iterator[tuple[datetime, datetime]]:
    zone = ZoneInfo(spec.zone)
    day = start.astimezone(zone).date()
    first = start
    while first < end:
        following = _next_month(day) if step == "month" else day + timedelta(days=1)
        last = min(local_midnight(following, zone), end)
        yield first, last
        day, first = following, last


def _next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def demand_rows(
    ledger: Ledger, spec: MeterSpec, start: datetime, end: datetime
) -> list[dict[str, Any]]:
    """The 15-minute peak of each month of a period."""
    slots = ledger.slots(spec.id, to_ms(start), to_ms(end))
    return [
        {
            "month": peak.month,
            "peak": _number(peak.peak),
            "unit": spec.medium.rate_unit,
            "start": None if peak.start is None else _local(peak.start, spec),
            "filled_pct": round(peak.filled_pct, 2),
        }
        for peak in peaks(slots, ZoneInfo(spec.zone), start, end)
    ]


def tree_view(site: Site, ledger: Ledger, start: datetime, end: datetime) -> list[dict[str, Any]]:
    """The meters behind meters, with what is not metered apart."""
    nodes = tree(site.metering, lambda spec: ledger.energy_in(spec, start, end))
    return [_node(node) for node in nodes]


def _node(node: Node) -> dict[str, Any]:
    residual: Sequence[Any] = node.children
    return {
        "meter": node.spec.name,
        "unit": node.spec.medium.unit,
        **_energy(node.energy),
        "residual": _number(node.residual),
        "uncertainty": None if node.uncertainty is None else round(node.uncertainty, 3),
        "impossible": node.impossible,
        "children": [_node(child) for child in residual],
    }
