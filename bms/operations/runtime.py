"""One site being controlled: the engine, who commands it, and what people may ask of it.

`app` owns the tasks and the databases; this module owns the decisions between them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from bms.config.points import known_units
from bms.config.resolving.singles import with_library
from bms.config.site import Group, Site
from bms.control import STRATEGIES, assemble
from bms.control.engine.cycle import Cycle, Engine
from bms.control.engine.facts import UNPUBLISHED
from bms.control.engine.shadowed import shadowed
from bms.control.supervise.expected_start import Expected, earliest
from bms.control.supervise.scheduled import resolver_of
from bms.control.watch.machine_watch import Watch
from bms.control.watch.weather_sensors import WEATHER, WeatherSensors
from bms.core.decisions import Award, Condition, Controller, Override, Severity, Steady
from bms.core.machines.interventions import NO_INTERVENTIONS, Interventions
from bms.core.switched import NOTHING_SWITCHED, Switched
from bms.field.image import Field
from bms.operations.overrides import orphaned
from bms.operations.seasons.live_switched import STATES, LiveSwitched
from bms.texts.messages import msg
from bms.texts.problems import Problem
from drivers.points import PointId, Quality, Sample
from schedules.library import Library, Resolver

T = TypeVar("T")
U = TypeVar("U")

_log = logging.getLogger(__name__)

WATCHED_CYCLES = 10
"""A cycle that comes later than so many periods, of a second at least, looks at time that nobody
watched: it counts for no delay."""


class Runtime:
    """The engine with its controllers, kept up to date with schedules and overrides."""

    def __init__(
        self,
        site: Site,
        field: Field,
        overrides: Iterable[Override],
        saved: Mapping[str, object],
        switched: Switched = NOTHING_SWITCHED,
        interventions: Interventions = NO_INTERVENTIONS,
    ) -> None:
        self.site = site
        self.live_switched = LiveSwitched(site, switched, saved)
        self._weather = WeatherSensors(site.equipment.values(), saved.get(WEATHER))
        self.field = field
        self.overrides = {override.id: override for override in overrides}
        self.interventions = interventions
        self.schedule_problems: tuple[Problem, ...] = ()
        self._own: dict[str, Condition] = {}
        self._unmet = unmet_conditions(site.unmet)
        self._resolvers: dict[str, Resolver | None] = {}
        shadow = shadowed(site)
        self.watch = Watch(site.equipment.values(), shadow.outputs if shadow is not None else ())
        self._orphaned = orphaned.conditions(site, self.overrides.values())
        self.engine = Engine(
            self._controllers(),
            site.outputs,
            {name: state for name, state in saved.items() if name not in (STATES, WEATHER)},
            shadow,
            watched_s=WATCHED_CYCLES * max(1.0, site.file.cycle_s),
        )
        self.last: Cycle | None = None
        self.units = known_units(site, STRATEGIES)
        """Every point with its unit."""

    def _overrides(self) -> Sequence[Override]:
        return sorted(self.overrides.values(), key=lambda override: override.id)

    def cycle(self, now: datetime, steady: Steady | None = None) -> Cycle:
        """Read the image, decide, and hand the due writes to the links.

        `steady` is the machine's clock that nobody sets; without it, `now` is taken for one.
        """
        read = self.field.snapshot(now)
        samples = self._told("weather", lambda: self._weather.believed(read, now), read)
        self._drop_ended(now)
        if self._told("seasons", lambda: self.live_switched.advance(samples, now), False):
            self._rebuild()
        self.engine.written(self.field.take_results(), now)
        conditions = [
            *self._told("links", lambda: self.field.conditions(now), ()),
            *self._schedule_condition(),
            *self._unmet,
            *self._orphaned,
            *self.watch.conditions,
            *self._weather.conditions,
            *self._told("switched", lambda: self.live_switched.conditions(now), ()),
            *self._own.values(),
        ]
        cycle = self.engine.cycle(samples, now, conditions, steady)
        if self.last is None or cycle.facts is not self.last.facts:
            self.field.publish(cycle.facts)
        self.field.submit(cycle.writes)
        watched_s = cycle.snapshot.watched_s
        self._told("watch", lambda: self.watch.look(samples, cycle.awards, now, watched_s), None)
        self.last = cycle
        return cycle

    def _told(self, part: str, call: Callable[[], T], otherwise: U) -> T | U:
        """What a part beside the engine says; its defect is an alarm, and the cycle goes on."""
        key = f"{part}:defect"
        try:
            found = call()
        except Exception as error:
            if key not in self._own:
                _log.exception("%s failed in a cycle", part)
            text = msg(
                "{task} failed within the control cycle, which goes on without it: {error}; see "
                "the log",
                task=part,
                error=repr(error),
            )
            self.raise_own(Condition(key, Severity.CRITICAL, text))
            return otherwise
        if key in self._own:
            self.clear_own(key)
        return found

    def _drop_ended(self, now: datetime) -> None:
        ended = [o.id for o in self.overrides.values() if o.until <= now]
        if ended:
            for number in ended:
                del self.overrides[number]
            self._rebuild()

    def _controllers(self) -> Sequence[Controller[Any]]:
        context = self.live_switched.context
        return assemble(self.site, self._overrides(), context, self.interventions)

    def _rebuild(self) -> None:
        self._resolvers = {}
        self._orphaned = orphaned.conditions(self.site, self.overrides.values())
        self.engine.replace(self._controllers())

    def take_switched(self) -> None:
        """Something stands switched differently: from the next cycle on it is in force."""
        self._rebuild()

    def states(self) -> dict[str, object]:
        """What must survive a restart, as JSON values."""
        return self.engine.states() | self.live_switched.states() | self._weather.states()

    def raise_own(self, condition: Condition) -> None:
        """Something is wrong with the controller itself, until `clear_own` of its key."""
        self._own[condition.key] = condition

    def clear_own(self, key: str) -> None:
        """It is no longer wrong."""
        self._own.pop(key, None)

    # --- schedules ---------------------------------------------------------------------------

    def adopt(self, library: Library, unmet: Sequence[Problem] = ()) -> None:
        """Put edited schedules in force, and the demands that they do not meet; by itself this
        commands nothing."""
        self.site = with_library(self.site, library, unmet)
        self._unmet = unmet_conditions(self.site.unmet)
        self.live_switched.adopt(self.site)
        self.units = known_units(self.site, STRATEGIES)
        self.schedule_problems = ()
        self._rebuild()
        self.engine.keep_facts(self.site.facts)

    def renew(self, site: Site, moved: Collection[PointId]) -> None:
        """Go on with other files of the site; `moved` are outputs at another place."""
        self.site = site
        self.schedule_problems = ()
        self._unmet = unmet_conditions(site.unmet)
        self.live_switched.adopt(site)
        self._weather.renew(site.equipment.values())
        self.units = known_units(site, STRATEGIES)
        shadow = shadowed(site)
        self.watch = Watch(site.equipment.values(), shadow.outputs if shadow is not None else ())
        self._resolvers = {}
        self._orphaned = orphaned.conditions(site, self.overrides.values())
        self.engine.renew(self._controllers(), site.outputs, shadow, moved)
        self.engine.keep_facts(site.facts)

    def reject(self, problems: Sequence[Problem]) -> None:
        """Keep the last good schedules and say so until the files are right again."""
        self.schedule_problems = tuple(problems)

    def _schedule_condition(self) -> list[Condition]:
        if not self.schedule_problems:
            return []
        first = self.schedule_problems[0]
        more = len(self.schedule_problems) - 1
        listed = (
            msg("{problem} (and {others} more)", problem=first.sentence, others=more)
            if more
            else first.sentence
        )
        text = msg(
            "edited schedules are not in force, the last good ones still are: {problems}",
            problems=listed,
        )
        return [Condition("schedules:rejected", Severity.URGENT, text)]

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

    def put_interventions(self, interventions: Interventions) -> None:
        """Put what people have done to machines in force."""
        self.interventions = interventions
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
            return Sample(point, None, Quality.BAD, now, msg("no cycle has run yet"))
        sample = self.last.snapshot.samples.get(point)
        if sample is not None:
            return sample
        award = self.last.awards.get(point)
        if point in self.site.facts:
            return Sample(point, None, Quality.BAD, self.last.time, UNPUBLISHED)
        if award is None:
            return Sample(point, None, Quality.BAD, self.last.time, msg("nothing commands it"))
        return Sample(point, award.value, Quality.GOOD, self.last.time)

    def unused(self, point: PointId) -> bool:
        """Whether it is a group's mode or setpoint that nobody has commanded: neither good nor bad,
        for nothing was ever asked of it."""
        last = self.last
        if last is None or point in last.snapshot.samples or point in last.awards:
            return False
        return point not in self.site.facts

    def resolver(self, group: Group) -> Resolver | None:
        """The schedule and overlays in force of a group; None if no schedule governs it."""
        return self.answers(group.id)

    def answers(self, target: str) -> Resolver | None:
        """The same by id; remembered, for what it has worked out of today."""
        if target not in self._resolvers:
            self._resolvers[target] = resolver_of(self.site, target, self.live_switched.context)
        return self._resolvers[target]

    def expected_start(self, group: Group, now: datetime) -> Expected | None:
        """When the group's next block will be started early; None: as scheduled."""
        resolver = self.resolver(group)
        if group.optimal is None or resolver is None or self.last is None:
            return None
        zone = self.site.bases[group.base].zone
        snapshot = self.last.snapshot
        return earliest(group, self.engine.state_of, resolver, snapshot, now, zone)

    def award(self, point: PointId) -> Award | None:
        return self.engine.why(point)


def unmet_conditions(problems: Iterable[Problem]) -> tuple[Condition, ...]:
    """What goes without something because the files do not meet a demand; the first of each."""
    first: dict[str, Problem] = {}
    for problem in problems:
        first.setdefault(problem.withholds, problem)
    return tuple(
        Condition(
            f"{withheld}:unmet",
            Severity.NORMAL,
            msg(
                "{withheld} goes without until the files are right: {problem}",
                withheld=withheld,
                problem=problem.sentence,
            ),
        )
        for withheld, problem in first.items()
    )
