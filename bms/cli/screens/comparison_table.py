"""Draws runs side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.table import Table

from bms.reports.saving.comparison import Comparison, Run
from bms.texts.language import say, told
from bms.texts.messages import msg

_Figure = Callable[[Run], float | None]


def comparison_table(found: Sequence[Comparison]) -> Table:
    """End uses, service and switching of the baseline and each candidate, one row each."""
    runs = [found[0].baseline, *(one.candidate for one in found)]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("")
    table.add_column(runs[0].name, justify="right")
    for run in runs[1:]:
        table.add_column(run.name, justify="right")
        table.add_column("", justify="right")
    for title, figure in (*_energy(runs[0]), *_switching(runs), *_SERVICE):
        _row(table, told(title), [figure(run) for run in runs])
    worst = [run.service.worst for run in runs]
    if all(worst):
        names = [zone.zone if zone is not None else "" for zone in worst]
        cells = [names[0], *(cell for name in names[1:] for cell in (name, ""))]
        table.add_row(say("which zone"), *cells)
    return table


def _energy(baseline: Run) -> list[tuple[str, _Figure]]:
    rows: list[tuple[str, _Figure]] = []
    for carrier, title in (
        ("electricity_kwh", say("electricity of cold, heat and air, kWh")),
        ("gas_kwh", say("gas of cold, heat and air, kWh")),
    ):
        rows.append((title, _of_carrier(carrier)))
        for use in baseline.end_uses:
            if getattr(use, carrier) is not None:
                shown = f"  {use.kind}" if use.hvac else f"  ({use.kind})"
                rows.append((shown, _of_use(use.kind, carrier)))
    return rows


def _switching(runs: Sequence[Run]) -> list[tuple[str, _Figure]]:
    """Of kinds that were switched in any of the runs."""
    rows: list[tuple[str, _Figure]] = []
    for kind in (item.kind for item in runs[0].switching):
        rows += [
            (say("starts, {kind}", kind=kind), _of_switching(kind, "starts")),
            (say("stage changes, {kind}", kind=kind), _of_switching(kind, "stage_changes")),
            (
                say("most stage changes a day, {kind}", kind=kind),
                _of_switching(kind, "most_stage_changes_a_day"),
            ),
        ]
    return [row for row in rows if any(row[1](run) for run in runs)]


def _of_carrier(carrier: str) -> _Figure:
    return lambda run: run.kwh(carrier)


def _of_use(kind: str, carrier: str) -> _Figure:
    return lambda run: next(
        (getattr(use, carrier) for use in run.end_uses if use.kind == kind), None
    )


def _of_switching(kind: str, name: str) -> _Figure:
    return lambda run: next(
        (getattr(item, name) for item in run.switching if item.kind == kind), None
    )


def _mean_air(run: Run) -> float | None:
    air = run.service.outdoor_air
    return None if air is None else air.mean_m3h


def _low_air(run: Run) -> float | None:
    air = run.service.outdoor_air
    return None if air is None else air.low_m3h


def _worst(run: Run) -> float | None:
    return run.service.worst.outside_kh if run.service.worst is not None else None


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


_SERVICE: tuple[tuple[str, _Figure], ...] = (
    (msg("alarms"), lambda run: run.alarms_raised),
    (msg("too damp or too dry, zone hours"), lambda run: run.service.humidity_h),
    (msg("too much CO2, zone hours"), lambda run: run.service.co2_h),
    (msg("outdoor air, mean m³/h"), _mean_air),
    (msg("outdoor air, exceeded 95 % of the time, m³/h"), _low_air),
    (msg("outside the band while occupied, K·h"), lambda run: run.service.outside_kh),
    (msg("worst zone, K·h"), _worst),
)


def _row(table: Table, title: str, figures: Sequence[float | None]) -> None:
    if all(figure is None for figure in figures):
        return
    before = figures[0]
    cells = [_number(before)]
    for after in figures[1:]:
        difference = ""
        if before and after is not None:
            difference = f"{100.0 * (after - before) / before:+.1f} %"
        cells += [_number(after), difference]
    table.add_row(title, *cells)


def _number(figure: float | None) -> str:
    return "–" if figure is None else f"{figure:,.0f}"
