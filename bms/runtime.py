"""One site being controlled: the engine, who commands it, and what people may ask of it.

`app` owns the tasks and the databases; this module owns the decisions between them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from bms.config.models import Group, Site, StrategySpec
from bms.control import STRATEGIES, assemble
from bms.engine import Cycle, Engine
from bms.equipment import PointClass
from bms.errors import InvalidInput, Refused
from bms.field import Field
from bms.model import Award, Condition, Controller, Override, Severity
from bms.shadow import shadowed
from bms.standing import STATES, Standing
from bms.switched import NOTHING_SWITCHED, Switched
from drivers.points import PointId, Quality, Sample, Value
from schedules.model import Library
from schedules.yamltext import Problem, suggestion

LONGEST_OVERRIDE = timedelta(days=7)
"""No override is for ever: a week is the longest an engineer may set (operator reference, 2)."""

_ON_OFF = {"on": 1, "off": 0, "true": 1, "false": 0, "1": 1, "0": 0}


class Runtime:
    """The engine with its controllers, kept up to date with schedules and overrides."""

    def __init__(
        self,
        site: Site,
        field: Field,
        overrides: Iterable[Override],
        saved: Mapping[str, object],
        switched: Switched = NOTHING_SWITCHED,
    ) -> None:
        self.site = site
        self.standing = Standing(site, switched, saved)
        self.field = field
        self.overrides = {override.id: override for override in overrides}
        self.schedule_problems: tuple[Problem, ...] = ()
        self._own: dict[str, Condition] = {}
        self.engine = Engine(
            self._controllers(),
            site.outputs,
            {name: state for name, state in saved.items() if name != STATES},
            shadowed(site),
        )
        self.last: Cycle | None = None
        self._units = {p.id: p.unit for link in site.links.values() for p in link.points}
        for group in site.groups.values():
            spec = self.spec(group)
            self._units[group.mode_point] = ""
            self._units |= {group.setpoint_point(n): u for n, u in spec.setpoints.items()}

    @staticmethod
    def spec(group: Group) -> StrategySpec:
        return STRATEGIES[group.strategy]

    def _overrides(self) -> Sequence[Override]:
        return sorted(self.overrides.values(), key=lambda override: override.id)

    def cycle(self, now: datetime) -> Cycle:
        """Read the image, decide, and hand the due writes to the links."""
        samples = self.field.snapshot(now)
        self._drop_ended(now)
        if self.standing.advance(samples, now):
            self._rebuild()
        self.engine.written(self.field.take_results(), now)
        conditions = [
            *self.field.conditions(now),
            *self._schedule_condition(),
            *self.standing.conditions(now),
            *self._own.values(),
        ]
        cycle = self.engine.cycle(samples, now, conditions)
        self.field.submit(cycle.writes)
        self.last = cycle
        return cycle

    def _drop_ended(self, now: datetime) -> None:
        ended = [o.id for o in self.overrides.values() if o.until <= now]
        if ended:
            for number in ended:
                del self.overrides[number]
            self._rebuild()

    def _controllers(self) -> Sequence[Controller[Any]]:
        return assemble(self.site, self._overrides(), self.standing.context)

    def _rebuild(self) -> None:
        self.engine.replace(self._controllers())

    def switched(self) -> None:
        """Something stands switched differently: from the next cycle on it is in force."""
        self._rebuild()

    def states(self) -> dict[str, object]:
        """What must survive a restart, as JSON values."""
        return self.engine.states() | self.standing.states()

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
        self.standing.adopt(self.site)
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

    def new_override(
        self, point: PointId, text: str, duration: timedelta, reason: str, owner: str, now: datetime
    ) -> Override:
        """Check an operator's request; returns the override, not yet stored (id 0).

        Raises InvalidInput for an unknown point or value, Refused where it is not allowed.
        """
        # One line without control characters: it is read on terminals and in the log.
        reason = " ".join("".join(c if c.isprintable() else " " for c in reason).split())
        if not reason:
            raise InvalidInput("an override needs a reason that the next shift understands")
        if not timedelta(0) < duration <= LONGEST_OVERRIDE:
            raise Refused(
                f"an override lasts at most {LONGEST_OVERRIDE.days} days; for longer, edit the "
                "schedule"
            )
        value = self._value(point, text)
        return Override(0, point, value, now, now + duration, reason, owner)

    def _value(self, point: PointId, text: str) -> Value:
        for group in self.site.groups.values():
            spec = self.spec(group)
            if point == group.mode_point:
                if text not in spec.modes:
                    raise InvalidInput(
                        f"'{text}' is no mode of {group.id}; " + suggestion(text, spec.modes)
                    )
                return text
            if point in (group.setpoint_point(name) for name in spec.setpoints):
                return _number(point, text)
        if point not in self._units:
            raise InvalidInput(f"unknown point '{point}'; " + suggestion(point, self.commandable()))
        if point not in self.site.outputs:
            raise Refused(f"{point} is measured, not commanded: it cannot be overridden")
        if self.point_class(point) is PointClass.STATE:
            if text.lower() not in _ON_OFF:
                raise InvalidInput(f"'{text}' is no state; write on or off")
            return _ON_OFF[text.lower()]
        return _number(point, text)

    def commandable(self) -> list[PointId]:
        """Every point an override may name."""
        groups = [
            point
            for group in self.site.groups.values()
            for point in (
                group.mode_point,
                *(group.setpoint_point(name) for name in self.spec(group).setpoints),
            )
        ]
        return [*groups, *self.site.outputs]

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

    def point_class(self, point: PointId) -> PointClass:
        """Counter, state or analog, by the role of the point."""
        device, _, role_name = point.rpartition(".")
        equipment = self.site.equipment.get(device)
        role = equipment.kind.roles.get(role_name) if equipment is not None else None
        return role.klass if role is not None else PointClass.ANALOG

    def unit(self, point: PointId) -> str:
        return self._units.get(point, "")

    def known(self, point: PointId) -> bool:
        return point in self._units

    def points(self) -> Iterable[PointId]:
        return self._units

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

    def award(self, point: PointId) -> Award | None:
        return self.engine.why(point)


def _number(point: PointId, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise InvalidInput(f"'{text}' is not a number, and {point} takes one") from None
    if number != number or number in (float("inf"), float("-inf")):
        raise InvalidInput(f"{point} takes a finite number, not '{text}'")
    return number
