"""Water as warm, and pressure as low, as its consumers allow: PLAN of a chilled-water plant. Pure.

Guideline 36, 5.20.5: trim & respond on the requests of consumers moves one number, the plant
reset. Its first half raises the pressure, its second half lowers the temperature: pumps and
temperature belong together, since warmer water alone makes pumps work harder. Of few consumers
fewer requests are ignored. The schedule's set point is the coldest. It rests while the stage
changes. Without consumers that can be read, the set points are those of the schedule.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from bms.config.site import Group
from bms.control.blocks.commanded import NOTHING, Commanded
from bms.control.blocks.resets.linear_reset import ChilledWaterLimits, chilled_water
from bms.control.blocks.resets.trim_respond import (
    CHW_PLANT_RESET,
    TrimRespondState,
    of_few,
    reset,
)
from bms.control.strategies import group as groups
from bms.control.strategies.chilled_water.parameters import (
    PRESSURE,
    SETPOINT,
    ChilledWaterPlantParameters,
)
from bms.control.strategies.chilled_water.plant_layout import layout_of
from bms.control.strategies.chilled_water.plant_state import STAGING
from bms.control.strategies.chilled_water.staging.enabling import asked
from bms.control.strategies.fact_names import CHW_REQUESTS, CHW_RESETS
from bms.core.decisions import (
    Award,
    Command,
    Decision,
    Fact,
    FactKind,
    Priority,
    Snapshot,
    Stage,
)
from bms.texts.messages import msg
from drivers.points import Quality

RESET_PCT = "reset_pct"
"""The plant reset: 0 the warmest water and the least pressure, 100 the coldest."""
FACTS = {RESET_PCT: FactKind("%")}
LOOK_EVERY_S = 30.0
"""It moves every 5 min."""


@dataclass(frozen=True, slots=True)
class ResetState:
    """What the reset remembers."""

    reset: TrimRespondState = field(default_factory=TrimRespondState)


class ChilledWaterReset:
    """Gives the plant its set points between the schedule's and the warmest that is allowed."""

    stage = Stage.PLAN
    priority = Priority.OPTIMISER

    def __init__(self, group: Group) -> None:
        parameters: ChilledWaterPlantParameters = group.parameters
        self.name = f"chilled_water_reset:{group.id}"
        self._group = group
        self._parameters = parameters
        layout = layout_of(group)
        self._statuses = tuple(
            unit.chiller.status for unit in layout.units.values() if unit.chiller.status
        )
        self._requests = tuple(
            f"{name}.{CHW_RESETS}" for name in group.consumers.get(parameters.header, ())
        )
        self._drawing = tuple(
            f"{name}.{CHW_REQUESTS}" for name in group.consumers.get(parameters.header, ())
        )
        self._staging = group.fact_point(STAGING)
        self._supply = group.setpoint_point(SETPOINT)
        self._pressure = group.setpoint_point(PRESSURE)
        self.reads = frozenset(
            {*self._statuses, *self._requests, *self._drawing}
            | {self._staging, self._supply, self._pressure}
        )
        self.writes = frozenset({self._supply, self._pressure})
        self._last = NOTHING

    def initial(self) -> ResetState:
        return ResetState()

    def decide(
        self,
        snapshot: Snapshot,
        state: ResetState,
        now: datetime,  # noqa: ARG002
    ) -> Decision[ResetState]:
        watched_s = snapshot.watched_s
        requests = asked(snapshot, self._requests)
        runs = any(groups.flags(snapshot, self._statuses))
        after = reset(
            state.reset,
            of_few(CHW_PLANT_RESET, asked(snapshot, self._drawing)),
            proven=runs and requests is not None,
            requests=requests or 0.0,
            watched_s=watched_s,
            staging=bool(snapshot.flag(self._staging)),
        )
        if after != state.reset:
            state = replace(state, reset=after)
        reset_pct = 100.0 if after.setpoint is None else after.setpoint
        given = snapshot.awards.get(self._supply)
        commands = self._commands(snapshot, given, round(reset_pct, 1), requests)
        fact = Fact(self._group.fact_point(RESET_PCT), round(reset_pct, 1))
        if requests is None:
            text = msg("no consumer says what it needs")
            fact = Fact(fact.point, None, Quality.BAD, text)
        return Decision(
            commands,
            state,
            facts=(fact,),
            stands_until_s=watched_s + LOOK_EVERY_S,
            depends_on=self.reads,
        )

    def _commands(
        self, snapshot: Snapshot, given: Award | None, reset_pct: float, requests: float | None
    ) -> tuple[Command, ...]:
        """What the reset makes of the schedule's set points; nothing at its coldest end."""
        coldest_c = groups.setpoint(snapshot, self._group, SETPOINT)
        if coldest_c is None or given is None or requests is None:
            return ()
        parameters = self._parameters
        most_kpa = groups.setpoint(snapshot, self._group, PRESSURE) or parameters.design_dp_kpa
        key = (coldest_c, given, reset_pct, requests, most_kpa)
        if self._last.key == key:
            return self._last.commands
        aims = chilled_water(
            reset_pct,
            ChilledWaterLimits(
                most_kpa,
                coldest_c,
                min(parameters.least_dp_kpa, most_kpa),
                max(parameters.warmest_supply_c, coldest_c),
            ),
        )
        reason = groups.because(
            msg("reset {reset_pct:.0f} % by {requests:g} requests", reset_pct=reset_pct,
                requests=requests),
            given,
        )  # fmt: skip
        wishes = ((self._supply, aims.supply_c), (self._pressure, aims.pressure_kpa))
        commands = tuple(
            Command(
                point=point,
                value=round(value, 1),
                priority=self.priority,
                source=self.name,
                reason=reason,
            )
            for point, value in wishes
        )
        self._last = Commanded(key, commands)
        return commands
