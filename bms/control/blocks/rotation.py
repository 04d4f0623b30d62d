"""Run hours, and who leads by them (Guideline 36, 5.1.15: staging runtime, ascending)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

LONGEST_STEP_S = 3600.0
"""A longer gap is a stop of the controller: nobody knows who ran in it."""


@dataclass(frozen=True, slots=True)
class RunHours:
    """Hours run by machine, as seen in the run status since counting began."""

    hours: Mapping[str, float] = field(default_factory=dict)
    time: datetime | None = None
    ran: tuple[str, ...] | None = None
    """Who ran at that time; None: not known, as in what earlier versions saved."""

    def of(self, machine: str) -> float:
        """To some milliseconds: sums of few long steps and of many short ones are the same."""
        return round(self.hours.get(machine, 0.0), 6)


def accumulate(run: RunHours, running: Collection[str], now: datetime) -> RunHours:
    """Count the time since the last call for the machines that ran at that call.

    Who calls at least whenever one starts or stops counts right, however rarely.
    """
    ran = tuple(running) if run.ran is None else run.ran
    now_running = tuple(running)
    if run.time is None or not ran:
        return RunHours(run.hours, now, now_running)
    step_s = (now - run.time).total_seconds()
    if not 0 < step_s <= LONGEST_STEP_S:
        return RunHours(run.hours, now, now_running)
    hours = dict(run.hours)
    for machine in ran:
        hours[machine] = hours.get(machine, 0.0) + step_s / 3600.0
    return RunHours(hours, now, now_running)


def by_run_hours(
    machines: Iterable[str], run: RunHours, first: Collection[str] = ()
) -> tuple[str, ...]:
    """Machines in the order in which they start: those in `first`, then the least run.

    Equal hours keep the given order.
    """
    return tuple(sorted(machines, key=lambda m: (m not in first, run.of(m))))
