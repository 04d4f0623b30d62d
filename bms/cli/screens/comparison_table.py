"""Draws two runs side by side."""

from __future__ import annotations

from rich.table import Table

from bms.reports.saving.comparison import Comparison, Run, Service
from bms.texts.language import say, told


def comparison_table(found: Comparison) -> Table:
    """End uses, service and switching of both runs, one row each."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("")
    for name in (found.baseline.name, found.candidate.name, say("difference")):
        table.add_column(name, justify="right")
    for carrier, title in (
        ("electricity_kwh", say("electricity of cold, heat and air, kWh")),
        ("gas_kwh", say("gas of cold, heat and air, kWh")),
    ):
        _row(table, title, found.baseline.kwh(carrier), found.candidate.kwh(carrier))
        for use in found.baseline.end_uses:
            before = _use(found.baseline, use.kind, carrier)
            if before is not None:
                title = f"  {use.kind}" if use.hvac else f"  ({use.kind})"
                _row(table, title, before, _use(found.candidate, use.kind, carrier))
    _service(table, found.baseline.service, found.candidate.service)
    candidates = {switching.kind: switching for switching in found.candidate.switching}
    for switching in found.baseline.switching:
        mine = candidates[switching.kind]
        if switching.starts or mine.starts:
            title = say("starts, {kind}", kind=switching.kind)
            _row(table, title, switching.starts, mine.starts)
        if switching.stage_changes or mine.stage_changes:
            title = say("stage changes, {kind}", kind=switching.kind)
            _row(table, title, switching.stage_changes, mine.stage_changes)
    _row(table, say("alarms"), found.baseline.alarms_raised, found.candidate.alarms_raised)
    return table


def _service(table: Table, before: Service, after: Service) -> None:
    _row(table, say("outside the band while occupied, K·h"), before.outside_kh, after.outside_kh)
    worst = [service.worst for service in (before, after)]
    if all(worst):
        kelvin_hours = [zone.outside_kh if zone is not None else None for zone in worst]
        _row(table, say("worst zone, K·h"), *kelvin_hours)
        table.add_row("", *(zone.zone if zone is not None else "" for zone in worst))
    _row(table, say("too damp or too dry, zone hours"), before.humidity_h, after.humidity_h)
    _row(table, say("too much CO2, zone hours"), before.co2_h, after.co2_h)
    if before.outdoor_air is not None and after.outdoor_air is not None:
        air, other = before.outdoor_air, after.outdoor_air
        _row(table, say("outdoor air, mean m³/h"), air.mean_m3h, other.mean_m3h)
        _row(table, say("outdoor air, exceeded 95 % of the time, m³/h"), air.low_m3h, other.low_m3h)


def verdict_of(found: Comparison) -> str:
    """Whether the difference counts, in one sentence."""
    if found.lacking:
        reasons = "; ".join(map(told, found.lacking))
        return say("not at equal service, so no saving counts: {reasons}", reasons=reasons)
    shares = [
        _share(saved, electricity)
        for carrier, electricity in (("electricity_kwh", True), ("gas_kwh", False))
        if (saved := found.saved_pct(carrier)) is not None
    ]
    if not shares:
        return say("nothing measures what was taken: there is no saving to tell")
    return say("at equal service: {shares}", shares=", ".join(shares))


def _share(saved_pct: float, electricity: bool) -> str:
    percent = abs(saved_pct)
    if saved_pct >= 0:
        return (
            say("{percent:.1f} % less electricity", percent=percent)
            if electricity
            else say("{percent:.1f} % less gas", percent=percent)
        )
    return (
        say("{percent:.1f} % more electricity", percent=percent)
        if electricity
        else say("{percent:.1f} % more gas", percent=percent)
    )


def _use(run: Run, kind: str, carrier: str) -> float | None:
    return next((getattr(use, carrier) for use in run.end_uses if use.kind == kind), None)


def _row(table: Table, title: str, before: float | None, after: float | None) -> None:
    if before is None and after is None:
        return
    difference = ""
    if before is not None and after is not None:
        difference = f"{after - before:+,.0f}"
        if before:
            difference += f" ({100.0 * (after - before) / before:+.1f} %)"
    table.add_row(title, *("–" if v is None else f"{v:,.0f}" for v in (before, after)), difference)
