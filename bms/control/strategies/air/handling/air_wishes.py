"""What each output of an air handler should be now, and why. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from bms.config.site import Group
from bms.control.blocks.loops.pid import regulate, track
from bms.control.strategies.air.air_facts import UnitFact, fact_name
from bms.control.strategies.air.air_parameters import AirParameters, Function
from bms.control.strategies.air.asked import number_asked
from bms.control.strategies.air.handling import fan_proof, supply_air
from bms.control.strategies.air.handling.air_inputs import AirInputs
from bms.control.strategies.air.handling.handler_state import HandlerState
from bms.control.strategies.air.handling.moved_outputs import Wish
from bms.control.strategies.air.handling.occupancy_modes import AirMode
from bms.control.strategies.air.handling.outdoor_air import OutdoorAnswer, OutdoorInputs, ventilate
from bms.control.strategies.air.handling.supply_air import Aim, Needs, Split
from bms.control.strategies.air.humidity_limits import dry_most_pct, drying_c
from bms.control.strategies.air.served import Unit
from bms.core.decisions import Award, Snapshot
from bms.texts.messages import Message, joined, msg

FROST_AIM_C = 6.0
FROST_VALVE_PCT_PER_K = 50.0
LEAST_MIXING_K = 1.0
BLIND_HEATING_PCT = 50.0
"""The heating valve in the cold while supply air cannot be seen (control reference, 5)."""
BLIND_BELOW_C = 10.0
"""That is the cold (D)."""


@dataclass(frozen=True, slots=True)
class Now:
    """One look at one machine: all that decides."""

    snapshot: Snapshot
    group: Group
    unit: Unit
    inputs: AirInputs
    mode: AirMode
    asked: Award
    """Of the mode."""
    because: Message
    """Why it runs or not, down to the line of a schedule."""
    proven: bool
    """Its fan has run since it was wanted."""
    lost: bool
    """Its fan ran, and stands still."""

    @property
    def parameters(self) -> AirParameters:
        return self.unit.parameters

    @property
    def works(self) -> bool:
        """Air moves for a reason of ours: coils and dampers may be open. A status that flickers or
        cannot be read changes nothing before the fan counts as lost."""
        return self.mode.runs and (self.inputs.moves or self.proven) and not self.lost

    def has(self, function: Function) -> bool:
        return function in self.unit.active

    def needs(self, state: HandlerState) -> Needs:
        """What its zones need of it."""
        return supply_air.needs(state.zone, self.inputs.too_warm_k, self.inputs.too_cold_k)

    def number(self, name: str) -> float | None:
        """A setpoint that is asked for."""
        return number_asked(self.snapshot, self.group, self.unit.machine, name)

    def told(self, what: Message) -> Message:
        """A reason with the reason behind it."""
        return msg("{action} ← {reason}", action=what, reason=self.because)


@dataclass(slots=True)
class Wished:
    """What came of a look."""

    state: HandlerState
    wishes: dict[str, Wish] = field(default_factory=dict)

    def put(self, now: Now, role: str, wish: Wish) -> None:
        """A wish for an output that the machine has."""
        if now.unit.commanded(role) is not None:
            self.wishes[role] = wish


def wishes_of(now: Now, state: HandlerState) -> Wished:
    """The outputs of a machine at a look; the state goes on."""
    watched_s = now.snapshot.watched_s
    zone = supply_air.follow_zone(
        state.zone,
        now.inputs.too_warm_k,
        now.inputs.too_cold_k,
        now.works and now.unit.zone_led,
        watched_s,
    )
    state = replace(state, zone=zone)
    aim, state = _aim(now, state)
    shares, state = _shares(now, aim, state)
    outdoor = _outdoor(now, state, shares)
    state = replace(state, outdoor=outdoor.state, aim_c=None if aim.loose else aim.supply_c)
    wished = Wished(state)
    _fan(now, wished)
    _dampers(now, wished, outdoor)
    _coils(now, wished, shares, aim)
    _setpoints(now, wished, aim)
    return wished


# --- supply air --------------------------------------------------------------------------------


def _aim(now: Now, state: HandlerState) -> tuple[Aim, HandlerState]:
    """What supply air is held at."""
    p, inputs = now.parameters, now.inputs
    if not now.works:
        return Aim(None, now.because, 0.0, 0.0), state
    heats = bool(now.unit.commanded("heating_valve") or "heating_valve" in now.unit.machine.points)
    aim = supply_air.aim_in_mode(now.mode, p, heats)
    if aim is None:
        aim = _aim_for_people(now, state)
    driest_c = _drying_c(now)
    if driest_c is not None and aim.supply_c is not None and driest_c < aim.supply_c:
        reason = msg(
            "humidity {humidity_pct:.0f} %, at most {limit_pct:g} %",
            humidity_pct=inputs.humidity_pct,
            limit_pct=p.max_humidity_pct,
        )
        aim = Aim(round(driest_c, 1), reason)
    if inputs.freeze_stage and aim.supply_c is not None:
        reason = msg("the coil is near freezing, stage {stage}", stage=inputs.freeze_stage)
        aim = Aim(max(aim.supply_c, FROST_AIM_C), reason, high_pct=0.0)
    return aim, state


def _aim_for_people(now: Now, state: HandlerState) -> Aim:
    p = now.parameters
    given_c = now.number("supply_setpoint_c")
    if given_c is not None:
        return Aim(given_c, msg("supply air as it is asked for"))
    if now.unit.zone_led and now.has(Function.SUPPLY_RESET):
        return supply_air.aim_of_zone(now.needs(state), p, now.inputs.pair.heating_c)
    if now.has(Function.SUPPLY_RESET):
        read = now.snapshot.number
        name, group = now.unit.name, now.group
        setpoint_c = read(group.fact_point(fact_name(name, UnitFact.SUPPLY_SETPOINT_C)))
        if setpoint_c is None:  # the first look after a start: where it stood, or the warmest
            return Aim(
                p.supply_max_c if state.aim_c is None else state.aim_c,
                msg("the reset is beginning"),
            )
        requests = read(group.fact_point(fact_name(name, UnitFact.COLDER_REQUESTS)))
        reason = msg(
            "{requests:g} requests of {zones} zones for colder air",
            requests=requests or 0.0,
            zones=len(now.unit.zones),
        )
        return Aim(setpoint_c, reason)
    if now.unit.full_outdoor or not now.unit.zones:
        return Aim(p.supply_max_c, msg("no zone is measured: air that nobody feels"))
    return Aim(p.supply_min_c, msg("a fixed setpoint"))


def _drying_c(now: Now) -> float | None:
    """The warmest supply air that dries zones enough; None: any does. Rooms without boxes are not
    dried until people freeze."""
    humidity_pct = now.inputs.humidity_pct
    if not now.has(Function.HUMIDITY_LIMIT) or humidity_pct is None or not now.mode.cools:
        return None
    zone_c = now.inputs.zone_c if now.unit.zone_led else None
    if zone_c is not None and zone_c < now.inputs.pair.heating_c:
        return None
    return drying_c(humidity_pct, now.parameters)


def _shares(now: Now, aim: Aim, state: HandlerState) -> tuple[Split, HandlerState]:
    """How far cooling, heating and outdoor air are open, before anything is limited."""
    unit, inputs = now.unit, now.inputs
    watched_s = now.snapshot.watched_s
    cools = unit.commanded("cooling_valve") is not None
    heats = bool(unit.commanded("heating_valve") or unit.commanded("preheat_valve"))
    free = state.outdoor.economizer
    if not now.works:
        return Split(0.0, 0.0, 0.0), replace(state, loop=track(state.loop, 0.0, watched_s))
    if not cools and not heats and unit.measured("mixed_temp"):
        return _shares_of_mixing(now, aim, state)
    sensor = unit.measured("supply_temp") or unit.measured("mixed_temp")
    if sensor is None:  # a fixed fan and a valve: the zone moves it
        if aim.supply_c is None or (now.mode.heats and not now.mode.cools):
            heating = 100.0 if now.mode.heats and not now.mode.people else 0.0
            return Split(0.0, heating if heats else 0.0, 0.0), state
        if not now.mode.heats:
            return Split(100.0, 0.0, 100.0 if free else 0.0), state
        need = now.needs(state)
        return supply_air.split(need.cooling_pct - need.heating_pct, free, cools), state
    measured = inputs.supply_c if unit.measured("supply_temp") else inputs.mixed_c
    if measured is None:
        cold = inputs.outdoor_c is not None and inputs.outdoor_c < BLIND_BELOW_C
        heating = BLIND_HEATING_PCT if heats and cold and aim.supply_c is not None else 0.0
        cooling = now.needs(state).cooling_pct if cools and unit.zone_led and not cold else 0.0
        loop = track(state.loop, cooling - heating, watched_s)
        return Split(cooling, heating, 0.0), replace(state, loop=loop)
    limits = (-100.0 if heats else 0.0, 100.0 if cools or now.has(Function.ECONOMIZER) else 0.0)
    loop = supply_air.hold(state.loop, aim, measured, limits, watched_s)
    shares = supply_air.split(loop.output_pct, free, cools)
    if inputs.freeze_stage:
        frost = (FROST_AIM_C - measured) * FROST_VALVE_PCT_PER_K
        shares = Split(0.0, min(max(shares.heating_pct, frost), 100.0), 0.0)
    return shares, replace(state, loop=loop)


def _shares_of_mixing(now: Now, aim: Aim, state: HandlerState) -> tuple[Split, HandlerState]:
    """Outdoor air before coils that the machine's own controller moves: by what the mixture of
    return and outdoor air has to be. A loop on supply air would see nothing: the coils hold it."""
    inputs, least = now.inputs, now.unit.min_damper_pct
    back, outdoor = inputs.return_c, inputs.outdoor_c
    resting = Split(0.0, 0.0, 0.0)
    if aim.supply_c is None or back is None or outdoor is None or back - outdoor < LEAST_MIXING_K:
        return resting, state
    share_pct = 100.0 * (back - aim.supply_c) / (back - outdoor)
    free_pct = 100.0 * (share_pct - least) / max(100.0 - least, 1.0)
    return Split(0.0, 0.0, min(max(free_pct, 0.0), 100.0)), state


# --- outdoor air -------------------------------------------------------------------------------


def _outdoor(now: Now, state: HandlerState, shares: Split) -> OutdoorAnswer:
    inputs, unit = now.inputs, now.unit
    off_k = max((k for k in (inputs.too_warm_k, inputs.too_cold_k) if k is not None), default=None)
    blind = unit.measured("supply_temp") is not None and inputs.supply_c is None
    given = OutdoorInputs(
        outdoor_c=inputs.outdoor_c,
        outdoor_humidity_pct=inputs.outdoor_humidity_pct,
        return_c=inputs.return_c if inputs.return_c is not None else inputs.zone_c,
        supply_c=inputs.supply_c,
        zone_off_k=off_k,
        co2_ppm=inputs.co2_ppm,
        oa_flow_m3h=inputs.oa_flow_m3h,
        freeze_stage=inputs.freeze_stage,
        people=now.works and (now.mode.people or not now.has(Function.WARM_UP)),
        level=str(now.asked.value),
        may_economize=(now.has(Function.ECONOMIZER) and now.works and now.mode.cools and not blind),
        cooling_pct=shares.outdoor_pct,
        dry_most_pct=_dry_most_pct(now),
        by_co2=now.has(Function.DEMAND_VENTILATION),
        min_damper_pct=unit.min_damper_pct,
        by_flow=(
            unit.measured("oa_flow") is not None and unit.name not in unit.parameters.min_damper_of
        ),
    )
    return ventilate(
        state.outdoor, given, now.parameters, unit.machine.design.min_oa_m3h, now.snapshot.watched_s
    )


def _dry_most_pct(now: Now) -> float:
    """How much outdoor air may cool before zones are too dry."""
    inputs = now.inputs
    if not now.has(Function.HUMIDITY_LIMIT):
        return 100.0
    outdoor = (inputs.outdoor_c, inputs.outdoor_humidity_pct)
    return dry_most_pct(inputs.driest, *outdoor, now.parameters)


def _dampers(now: Now, wished: Wished, outdoor: OutdoorAnswer) -> None:
    unit, reason = now.unit, now.told(outdoor.reason)
    position, least, back = outdoor.damper_pct, outdoor.least_pct, outdoor.return_pct
    at_most = 100.0
    if now.lost:
        reason = now.told(msg("the fan stands still: dampers are shut"))
        position, least, back, at_most = 0.0, 0.0, 100.0, 0.0
    elif now.mode is AirMode.PURGE and now.works and not now.inputs.freeze_stage:
        reason = now.told(msg("night air through warm rooms"))
        position, least, back = 100.0, 0.0, 0.0
    elif unit.full_outdoor:
        shut = now.inputs.freeze_stage >= 2
        position = 100.0 if now.mode.runs and not shut else 0.0
        least, at_most = position, position
        reason = now.because
    elif not now.works:
        position, least, back, at_most = 0.0, 0.0, 100.0, 0.0
        reason = now.because
    elif now.inputs.freeze_stage >= 2:
        at_most = 0.0
    elif now.inputs.freeze_stage == 1:
        at_most = least
    wished.put(now, "oa_damper", Wish(position, reason, True, least, at_most))
    wished.put(now, "return_damper", Wish(back, reason, True))
    wished.put(now, "exhaust_damper", Wish(position, reason, True, at_most=at_most))
    if unit.flow_commanded and outdoor.flow_m3h is not None:
        flow = outdoor.flow_m3h if now.works else 0.0
        design = unit.machine.design.airflow_m3h
        if now.works and design is not None and str(now.asked.value) == "full":
            flow = max(flow, design * position / 100.0)
        wished.put(now, "oa_flow_setpoint", Wish(round(flow, 0), reason))


# --- fan, coils, setpoints ---------------------------------------------------------------------


def _fan(now: Now, wished: Wished) -> None:
    state, inputs, unit = wished.state, now.inputs, now.unit
    watched_s = now.snapshot.watched_s
    on = now.mode.runs and fan_proof.may_start(state.fan, inputs.fan, watched_s)
    reason = now.because
    if now.mode.runs and not on:
        reason = now.told(msg("waits for its turn to start"))
        if inputs.fan.damper_first and not inputs.fan.damper_open:
            reason = now.told(msg("waits for its outdoor damper"))
        elif inputs.fan.cold:
            reason = now.told(msg("waits for its coil to be warm"))
    wished.put(now, "enable", Wish(int(on), reason))
    if unit.commanded("fan_speed") is None:
        return
    speed, why, state = _speed(now, state)
    wished.state = state
    if speed is not None:
        least = now.parameters.min_speed_pct if on else 0.0
        wished.put(now, "fan_speed", Wish(speed, now.told(why), True, least))


def _speed(now: Now, state: HandlerState) -> tuple[float | None, Message, HandlerState]:
    p, unit, watched_s = now.parameters, now.unit, now.snapshot.watched_s
    given = now.number("speed_pct")
    if not now.mode.runs:
        resting = replace(state, static=track(state.static, 0.0, watched_s))
        return (None if unit.commanded("enable") else 0.0), now.because, resting
    if given is not None:
        return given, msg("speed as it is asked for"), state
    if unit.measured("static_pressure") is not None and unit.terminals:
        return _speed_by_pressure(now, state)
    if not now.has(Function.SPEED_BY_ZONE):
        return 100.0, msg("nothing says how much air is needed"), state
    if not now.mode.people:
        return 100.0, msg("rooms are brought to where people want them"), state
    if unit.full_outdoor and now.has(Function.DEMAND_VENTILATION):
        share = state.outdoor.flow.output_pct / max(unit.min_damper_pct, 1.0)
        return max(100.0 * share, p.min_speed_pct), msg("by CO2"), state
    if not unit.zone_led or now.inputs.zone_c is None:
        return 100.0, msg("nothing says how much air is needed"), state
    need = now.needs(state)
    reason = msg("the zone needs {need_pct:.0f} %", need_pct=max(need))
    return supply_air.speed_of_zone(need, p.min_speed_pct), reason, state


def _speed_by_pressure(now: Now, state: HandlerState) -> tuple[float, Message, HandlerState]:
    p, unit = now.parameters, now.unit
    design_pa = unit.machine.design.static_pa or p.design_static_pa
    read = now.snapshot.number
    setpoint_pa = read(now.group.fact_point(fact_name(unit.name, UnitFact.STATIC_SETPOINT_PA)))
    if setpoint_pa is None:
        setpoint_pa = design_pa
    measured = now.inputs.static_pa
    rules = replace(supply_air.STATIC, low_pct=p.min_speed_pct)
    loop = regulate(
        state.static,
        rules,
        setpoint_pa / design_pa,
        None if measured is None else measured / design_pa,
        now.snapshot.watched_s,
    )
    requests = read(now.group.fact_point(fact_name(unit.name, UnitFact.PRESSURE_REQUESTS)))
    reason = msg(
        "{setpoint_pa:.0f} Pa in the duct, {requests:g} requests of {zones} zones",
        setpoint_pa=setpoint_pa,
        requests=requests or 0.0,
        zones=len(unit.zones),
    )
    return loop.output_pct, reason, replace(state, static=loop)


def _coils(now: Now, wished: Wished, shares: Split, aim: Aim) -> None:
    unit, inputs = now.unit, now.inputs
    before = wished.state.outputs
    was_cooling = before.get("cooling_valve", 0.0) > 0.0
    was_heating = max(before.get("heating_valve", 0.0), before.get("preheat_valve", 0.0)) > 0.0
    cooling, heating, least = shares.cooling_pct, shares.heating_pct, 0.0
    reason = now.because
    if aim.supply_c is not None:
        reason = now.told(
            msg("supply air at {aim_c:.1f} degC: {reason}", aim_c=aim.supply_c, reason=aim.reason)
        )
    cold = inputs.outdoor_c is not None and inputs.outdoor_c < fan_proof.PREHEAT_BELOW_C
    warmed = cold and (now.lost or (unit.full_outdoor and now.mode.runs))
    if warmed:
        heating = least = max(heating, fan_proof.PREHEAT_PCT)
        cooling = 0.0
        reason = now.told(msg("air from outdoors is cold: the coil stays warm"))
    if inputs.freeze_stage:
        least = heating
    cooling_most = 0.0 if was_heating or heating or not now.works else 100.0
    heating_most = 0.0 if was_cooling and not inputs.freeze_stage else 100.0
    if not now.works and not warmed:
        heating_most = 0.0
    both = unit.commanded("preheat_valve") and unit.commanded("heating_valve")
    wished.put(now, "cooling_valve", Wish(cooling, reason, True, 0.0, cooling_most))
    first = min(2.0 * heating, 100.0) if both else heating
    then = max(2.0 * heating - 100.0, 0.0) if both else heating
    least = min(least, heating_most)
    wished.put(now, "preheat_valve", Wish(first, reason, True, least, heating_most))
    least = 0.0 if both else least
    wished.put(now, "heating_valve", Wish(then, reason, True, least, heating_most))


def _setpoints(now: Now, wished: Wished, aim: Aim) -> None:
    """What is handed on to the machine's own controller."""
    p, inputs, mode = now.parameters, now.inputs, now.mode
    if aim.supply_c is not None:
        wished.put(now, "supply_setpoint", Wish(round(aim.supply_c, 2), now.told(aim.reason)))
    middle = now.number("zone_setpoint_c")
    heating, cooling = now.number("heating_setpoint_c"), now.number("cooling_setpoint_c")
    reason = now.told(msg("as asked for zones"))
    zone: float | None = middle
    if mode in (AirMode.SETBACK, AirMode.FREEZE_SETBACK):
        zone = p.rest_heating_c + 1.0
    elif mode is AirMode.SETUP:
        zone = p.rest_cooling_c - 1.0
    elif middle is None and (heating is not None or cooling is not None):
        warm = inputs.zone_c is not None and inputs.zone_c >= sum(inputs.pair) / 2.0
        zone = inputs.pair.cooling_c if warm else inputs.pair.heating_c
    if zone is not None:
        wished.put(now, "zone_setpoint", Wish(zone, reason))
    if (middle, heating, cooling) != (None, None, None) and mode.runs:
        wished.put(now, "heating_setpoint", Wish(inputs.pair.heating_c, reason))
        wished.put(now, "cooling_setpoint", Wish(inputs.pair.cooling_c, reason))
    humidity = now.number("humidity_setpoint_pct")
    if humidity is not None:
        wished.put(now, "humidity_setpoint", Wish(humidity, reason))
    if now.has(Function.DEMAND_VENTILATION):
        reason = msg("the CO2 at which all of the minimum comes")
        wished.put(now, "co2_setpoint", Wish(p.co2_limit_ppm, reason))
    if now.has(Function.STATIC_RESET) and now.works:
        point = now.group.fact_point(fact_name(now.unit.name, UnitFact.STATIC_SETPOINT_PA))
        pressure = now.snapshot.number(point)
        if pressure is not None:
            reason = now.told(joined("", msg("by requests of the terminals")))
            wished.put(now, "static_setpoint", Wish(pressure, reason))
