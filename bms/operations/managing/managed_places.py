"""What goals, rounds and findings are about: where it is, whose clock counts, which meters."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

from bms.config.points import zone_of
from bms.config.site import Base, MeterSpec, Site
from bms.core.equipment import base_of
from bms.core.errors import InvalidInput
from bms.core.instants import local_midnight
from bms.energy.management.goal_rules import Used
from bms.ledger.database.queries import LedgerQueries
from bms.texts.messages import msg
from bms.texts.problems import suggestion

Terms = Sequence[tuple[int, MeterSpec]]
"""Meters, each with the sign by which it counts."""


def today_at(site: Site, place: str, now: datetime) -> date:
    """The day that the clock shows there."""
    return now.astimezone(zone(site, place)).date()


def zone(site: Site, place: str) -> ZoneInfo:
    """The zone of a place's base; of the whole company, the site's."""
    return ZoneInfo(zone_of(site, place))


def check_place(site: Site, place: str, option: str = "--place") -> None:
    """Return if a place lies in a base of the site. Raises InvalidInput."""
    if base_of(place) in site.bases or place in {spec.name for spec in site.metering.values()}:
        return
    known = [*site.bases, *site.groups, *site.equipment]
    raise InvalidInput(
        msg(
            "{option}: '{place}' lies in no base of the site; {hint}",
            option=option,
            place=place,
            hint=suggestion(place, known),
        )
    )


def meters_of(site: Site, place: str) -> Terms:
    """The meters whose energy a goal counts. Raises InvalidInput if nothing measures it in kWh."""
    found = _meters_of(site, place)
    wrong = [spec.name for _, spec in found if spec.medium.unit != "kWh"]
    if wrong:
        raise InvalidInput(
            msg("{meter} does not count kWh: a goal is one of energy", meter=", ".join(wrong))
        )
    return found


def _meters_of(site: Site, place: str) -> Terms:
    if not place:
        return [term for base in site.bases.values() for term in _load(site, base)]
    if place in site.bases:
        return _load(site, site.bases[place])
    for spec in site.metering.values():
        if place in (spec.id, spec.name):
            return [(1, spec)]
    group = site.declared.get(place) or site.groups.get(place)
    if group is None:
        known = [*site.bases, *site.declared, *(spec.name for spec in site.metering.values())]
        raise InvalidInput(
            msg(
                "no base, group or meter '{place}'; {hint}",
                place=place,
                hint=suggestion(place, known),
            )
        )
    machines = [group.meter] if group.meter is not None else list(group.members)
    specs = [site.metering.get(machine.counter or "") for machine in machines]
    if not specs or None in specs:
        raise InvalidInput(
            msg(
                "{group} has no meter, and not all of its members count their energy: name a meter",
                group=place,
            )
        )
    return [(1, spec) for spec in specs if spec is not None]


def _load(site: Site, base: Base) -> Terms:
    if not base.imports and not base.generation:
        raise InvalidInput(
            msg(
                "{base} has no energy boundary: name its meters under 'energy' in site.yaml",
                base=base.id,
            )
        )
    return [
        *((1, site.meter_named(name)) for name in (*base.imports, *base.generation)),
        *((-1, site.meter_named(name)) for name in base.exports),
    ]


def used(ledger: LedgerQueries, terms: Terms, first: date, end: date, where: ZoneInfo) -> Used:
    """What these meters used from one local day to another, which does not count. None, with the
    meter that misses a part, where it is not known in full."""
    total, reason = Fraction(0), ""
    for sign, spec in terms:
        energy = ledger.energy_in(spec, local_midnight(first, where), local_midnight(end, where))
        total += sign * (energy.amount or Fraction(0))
        if energy.amount is None or energy.covered < 1:
            reason = reason or msg(
                "{meter}: {coverage_pct:.1f} % of it is known",
                meter=spec.name,
                coverage_pct=energy.coverage_pct,
            )
    return Used(None, reason, float(total)) if reason else Used(float(total))
