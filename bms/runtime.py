"""One site being controlled: the engine, who commands it, and what people may ask of it.

`app` owns the tasks and the databases; this module owns the decisions between them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from bms.config.models import Group, Site
from bms.control import STRATEGIES, assemble
from bms.control.optimal import Expected, name_for, upcoming
from bms.engine import Cycle, Engine
from bms.field import Field
from bms.model import Award, Condition, Override, Severity
from bms.reports.why import known_units
from bms.shadow import shadowed
from drivers.points import PointId, Quality, Sample
from schedules.model import Library, Resolver
from schedules.yamltext import Problem


class Runtime:
    """The engine with its controllers, kept up to date with schedules and overrides."""

    def __init__(
        self,
        site: Site,
        field: Field,
        overrides: Iterable[Override],
        saved: Mapping[str, object],
    ) -> None:
        self.site = site
        self.field = field
        self.overrides = {override.id: override for override in overrides}
        self.schedule_problems: tuple[Problem, ...] = ()
        self._own: dict[str, Condition] = {}
        self.engine = Engine(assemble(site, self._overrides()), site.outputs, saved, shadowed(site))
        self.last: Cycle | None = None
        self.units = known_units(site, STRATEGIES)
        """Every point with its unit."""

    def _overrides(self) -> Sequence[Override]:
        return sorted(self.overrides.values(), key=lambda override: override.id)

    def cycle(self, now: datetime) -> Cycle:
        """Read the image, decide, and hand the due writes to the links."""
        self._drop_ended(now)
        self.engine.written(self.field.take_results(), now)
        conditions = [
            *self.field.conditions(now),
            *self._schedule_condition(),
            *self._own.values(),
        ]
        cycle = self.engine.cycle(self.field.snapshot(now), now, conditions)
        self.field.submit(cycle.writes)
        self.last = cycle
        return cycle

    def _drop_ended(self, now: datetime) -> None:
        ended = [o.id for o in self.overrides.values() if o.until <= now]
        if ended:
            for number in ended:
                del self.overrides[number]
            self._rebuild()

    def _rebuild(self) -> None:
        self.engine.replace(assemble(self.site, self._overrides()))

    def raise_own(self, condition: Condition) -> None:
        """Something is wrong with the controller itself, until `clear_own` of its key."""
        self._own[condition.key] = condition

    def clear_own(self, key: str) -> None:
        """It is not wrong any more."""
        self._own.pop(key, None)

    # --- schedules ---------------------------------------------------------------------------

    def adopt(self, library: Library) -> None:
        """Put edited schedules in force; by itself this commands nothing."""
        self.site = replace(self.site, library=library)
        self.schedule_problems = ()
        self._rebuild()

    def reject(self, problems: Sequence[Problem]) -> None:
        """Keep the last good schedules and say so until the files are right again."""
        self.schedule_problems = tuple(problems)

    def _schedule_condition(self) -> list[Condition]:
        if not self.schedule_problems:
            return []
        first = self.schedule_problems[0]
        more = len(self.schedule_problems) - 1
        return [
            Condition(
                "schedules:rejected",
                Severity.URGENT,
                "edited schedules are not in force, the last good ones still are: "
                f"{first}" + (f" (and {more} more)" if more else ""),
            )
        ]

    # --- overrides ---------------------------------------------------------------------------

    def put_override(self, override: Override) -> None:
        """Put a stored override in force, in place of any other on its point."""
        self.overrides = {
            number: other
            for number, other in self.overrides.items()
            if other.point != override.point
        }
        self.overrides[override.id] = override
        self._rebuild()

    def drop_override(self, number: int) -> None:
        """Take an override out of force."""
        self.overrides.pop(number, None)
        self._rebuild()

    # --- questions ---------------------------------------------------------------------------

    def unit(self, point: PointId) -> str:
        return self.units.get(point, "")

    def known(self, point: PointId) -> bool:
        return point in self.units

    def points(self) -> Iterable[PointId]:
        return self.units

    def sample(self, point: PointId, now: datetime) -> Sample:
        """The sample of a point; a group point shows what it was last awarded."""
        if self.last is None:
            return Sample(point, None, Quality.BAD, now, "no cycle has run yet")
        sample = self.last.snapshot.samples.get(point)
        if sample is not None:
            return sample
        award = self.last.awards.get(point)
        if award is None:
            return Sample(point, None, Quality.BAD, self.last.time, "nothing commands it")
        return Sample(point, award.value, Quality.GOOD, self.last.time)

    def resolver(self, group: Group) -> Resolver | None:
        """The schedule in force of a group; None if none governs it."""
        return self.site.library.resolver(group.id, self.site.bases[group.base].zone)

    def expected_start(self, group: Group, now: datetime) -> Expected | None:
        """When the group's next block will be started early; None: as scheduled."""
        resolver = self.resolver(group)
        if group.optimal is None or resolver is None or self.last is None:
            return None
        state = self.engine.state_of(name_for(group.id))
        zone = self.site.bases[group.base].zone
        return upcoming(group, state, resolver, self.last.snapshot, now, zone)

    def award(self, point: PointId) -> Award | None:
        return self.engine.why(point)
