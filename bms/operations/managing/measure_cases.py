"""The register of measures: what is renovated or run in another way, and what that is to save."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

from bms.config.site import Site
from bms.core.equipment import base_of
from bms.core.errors import InvalidInput
from bms.energy.management.managed_items import Measure
from bms.energy.management.measure_rules import (
    Interventions,
    days_in_year,
    expected_in_year_kwh,
    interventions,
)
from bms.operations.managing.goal_cases import changes_of
from bms.operations.managing.managed_places import meters_of, today_at, zone
from bms.operations.managing.management_store import (
    Author,
    Version,
    kept,
    no_such,
    open_to_change,
    reading,
)
from bms.operations.managing.managing_requests import (
    AddMeasure,
    ListMeasures,
    MeasureKept,
    MeasureRow,
    MeasuresListed,
    SetMeasure,
)
from bms.people.roles import Action, may
from bms.storage import audit
from bms.texts.messages import msg
from bms.texts.problems import suggestion

_BY_HAND = {"override.set": "point", "machine.lock": "machine"}
"""What people do to machines, as the audit names it, and where it says to which."""


def add_measure(
    site: Site, asked: AddMeasure, user: str, now: datetime, via: str = "cli"
) -> MeasureKept:
    """Another measure in the register."""
    if asked.base not in site.bases:
        hint = suggestion(asked.base, site.bases)
        raise InvalidInput(msg("no base '{base}'; {hint}", base=asked.base, hint=hint))
    for meter in asked.meters:
        meters_of(site, meter)
    may(site, user, Action.MANAGE, asked.base)
    measure = _checked({**asked.model_dump(), "number": 0})
    with open_to_change(site.state_dir, now) as store:
        with store.changing():
            measure = store.put(measure, Author(user, now, via), "add")
        return MeasureKept(measure=measure)


def set_measure(
    site: Site, asked: SetMeasure, user: str, now: datetime, via: str = "cli"
) -> MeasureKept:
    """What is different with a measure."""
    given = {
        name: value
        for name, value in asked.model_dump(exclude={"measure", "reason"}).items()
        if value is not None
    }
    if not given:
        raise InvalidInput(msg("nothing is given that would be different"))
    with open_to_change(site.state_dir, now) as store:
        with store.changing():
            measure = store.one(Measure, asked.measure)
            may(site, user, Action.MANAGE, measure.base)
            changed = _checked({**measure.model_dump(), **given})
            measure = store.put(changed, Author(user, now, via), "set", asked.reason)
        return MeasureKept(measure=measure)


def list_measures(site: Site, asked: ListMeasures, now: datetime) -> MeasuresListed:
    """The register, with what counts of each measure in a year."""
    versions: Sequence[Version] = ()
    with reading(site.state_dir) as store:
        measures = kept(store, Measure)
        if asked.measure is not None:
            measures = [one for one in measures if one.number == asked.measure]
            if not measures or store is None:
                raise InvalidInput(no_such(Measure, asked.measure))
            versions = store.versions(Measure, asked.measure)
    return MeasuresListed(tuple(_row(site, one, asked.year, now, versions) for one in measures))


def _row(
    site: Site, measure: Measure, year: int | None, now: datetime, versions: Sequence[Version]
) -> MeasureRow:
    today = today_at(site, measure.base, now)
    chosen = today.year if year is None else year
    counted = counted_interventions(site, measure, now)
    return MeasureRow(
        measure=measure,
        year=chosen,
        days=days_in_year(measure, chosen),
        expected_in_year_kwh=expected_in_year_kwh(measure, chosen),
        interventions_before=counted.before,
        interventions_since=counted.since,
        changes=changes_of(site, measure.base, versions),
    )


def counted_interventions(site: Site, measure: Measure, now: datetime) -> Interventions:
    """Overrides and locks by people at the measure's base, by the audit."""
    days, first = _by_hand(site, site.state_dir, measure.base)
    return interventions(measure, days, first, today_at(site, measure.base, now))


def _by_hand(site: Site, state_dir: Path, base: str) -> tuple[list[date], date | None]:
    """The days of all interventions at a base, and that of the audit's first entry."""
    where, days, first = zone(site, base), [], None
    for entry in audit.entries(state_dir):
        try:
            day = datetime.fromisoformat(str(entry.get("time"))).astimezone(where).date()
        except ValueError:
            continue  # somebody tampered with it: `bms audit verify` says so
        first = day if first is None else min(first, day)
        place = entry.get(_BY_HAND.get(str(entry.get("what")), ""))
        if isinstance(place, str) and base_of(place) == base:
            days.append(day)
    return days, first


def _checked(given: dict[str, Any]) -> Measure:
    """A measure whose dates have an order. Raises InvalidInput."""
    first, last = given["first_day"], given["last_day"]
    if last is not None and (first is None or last < first):
        raise InvalidInput(msg("the last day of a measure lies after its first one: give --from"))
    if given["state"] == "launched" and first is None:
        raise InvalidInput(msg("a measure that is launched has a first day: give --from"))
    return Measure.model_validate(given)
