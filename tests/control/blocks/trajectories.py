"""What blocks do over time, as tables: `python -m tests.control.blocks.trajectories` writes them.

Each table is a golden trajectory: looked at by a person when it was made, compared by a test since.
A change of one is a change of how plants behave: say why in the commit.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterator
from pathlib import Path

from bms.control.blocks.inputs.filtered import (
    RULES,
    Circumstances,
    FilterState,
    filter_input,
)
from bms.control.blocks.inputs.flow_vote import FlowEvidence, FlowRules, FlowState, prove_flow
from bms.control.blocks.inputs.signals import Signal, good_signal
from bms.control.blocks.inputs.voted import SafeSide, VoteRules, VoteState, vote
from bms.control.blocks.loops.pid import PidRules, PidState, regulate, track
from bms.control.blocks.loops.ramp import (
    LoadLimit,
    LoadLimitRules,
    RampState,
    limit_load,
    ramp,
    stands_at,
)
from bms.control.blocks.machines.chooser import ChooserRules, ChooserState, Demand, choose
from bms.control.blocks.machines.lead_lag import Candidate, RunRecord, make_up, record_hours
from bms.control.blocks.machines.start_proof import (
    ProofInputs,
    ProofRules,
    ProofState,
    watch_machine,
)
from bms.control.blocks.machines.starts import Starts, count_starts
from bms.control.blocks.plants.condenser_water import (
    FanRules,
    FanState,
    LiftReset,
    fan_by_load,
    head_pressure,
    return_setpoint_c,
    run_fans,
)
from bms.control.blocks.plants.free_cooling import (
    FreeCooling,
    FreeCoolingInputs,
    HeatExchanger,
    run_free_cooling,
)
from bms.control.blocks.plants.plant_load import (
    Lift,
    LoadState,
    reckon_load,
    share_to_go_up,
    water_kw,
)
from bms.control.blocks.plants.pump_stages import PumpInputs, PumpStage, stage_pumps
from bms.control.blocks.resets.linear_reset import Line, LinearState, follow
from bms.control.blocks.resets.request_counters import (
    SUPPLY_AIR_TO_RESET,
    RequestState,
    count_requests,
)
from bms.control.blocks.resets.trim_respond import CHW_PLANT_RESET, TrimRespondState, reset
from bms.core.machines.relations import Compressor
from drivers.points import Quality, Sample
from tests.control.blocks.chillers import CHW_C, UNLIKE
from tests.control.engine.parts import at

GOLDEN = Path(__file__).parent / "golden"
Row = tuple[object, ...]


def filtered_input() -> Iterator[Row]:
    """Chilled water at looks of 15 s: noise, a spike, a jump that stays, out of range, frozen."""
    yield "watched_s", "shown", "value", "mean", "flaw"
    rules = RULES["chilled_water_temp"]
    state = FilterState()
    for look in range(600):
        watched_s = 15.0 * look
        shown = 7.0 + 0.3 * math.sin(look / 7.0)
        if look == 40:
            shown = 19.0
        elif 60 <= look < 90:
            shown += 6.0
        elif 120 <= look < 125:
            shown = 400.0
        elif look >= 300:
            shown = 6.5
        around = Circumstances(running=True, related=12.0 + 0.02 * (look % 200))
        sample = Sample("b.h.supply_temp", shown, Quality.GOOD, at(watched_s))
        state = filter_input(state, rules, sample, watched_s, around)
        if look % 4 == 0 or look < 130:
            yield (
                watched_s,
                shown,
                state.value.value,
                state.averaged(rules).value,
                state.flaw.value,
            )


def voted_input() -> Iterator[Row]:
    """Three pressures, of which one drifts, one dies, and two disagree; then none is left."""
    yield "watched_s", "value", "quality", "voters", "flagged", "disputed"
    rules = VoteRules(5.0, SafeSide.LOW)
    state = VoteState()
    for look in range(80):
        watched_s = 30.0 * look
        signals = {
            "a": good_signal(100.0 + look % 3),
            "b": good_signal(101.0 + look * 0.5),
            "c": good_signal(99.0) if look < 30 else Signal(None, Quality.BAD, "timeout"),
        }
        if look >= 60:
            signals["a"] = Signal(100.0, Quality.STALE)
        if look >= 70:
            signals["b"] = Signal(None, Quality.BAD)
        found = vote(state, rules, signals, watched_s, Signal(95.0, Quality.STALE))
        state = found.state
        yield (
            watched_s,
            found.result.value,
            found.result.quality.name,
            found.voters,
            "+".join(state.flagged),
            int(found.disputed),
        )


def flow_proof() -> Iterator[Row]:
    """Pumps start, the meter follows; it shows 0 while they run; then nothing can be read."""
    yield "watched_s", "verdict", "lost", "doubtful"
    rules = FlowRules(40.0)
    state = FlowState()
    for look in range(120):
        watched_s = 5.0 * look
        flow = 0.0 if look < 10 or 40 <= look < 50 else 60.0
        bad = look >= 50
        evidence = FlowEvidence(
            meter=Signal(flow, Quality.BAD if bad else Quality.GOOD),
            pumps={
                "p1": Signal(float(look >= 4), Quality.BAD if bad else Quality.GOOD),
                "p2": Signal(0.0, Quality.GOOD),
            },
        )
        state = prove_flow(state, rules, evidence, watched_s)
        yield watched_s, state.verdict.value, int(state.lost(rules)), int(state.doubtful)


def pid_loop() -> Iterator[Row]:
    """A supply-air loop on a first-order coil: start, a step, an override, bad readings, warm."""
    yield "watched_s", "setpoint_c", "measured_c", "output_pct"
    rules = PidRules(5.0, 600.0, direct=True)
    state = PidState()
    air_c, setpoint_c = 26.0, 18.0
    for look in range(480):
        watched_s = 15.0 * look
        setpoint_c = 14.0 if look >= 160 else 18.0
        if 240 <= look < 270:
            state = track(state, 80.0, watched_s)
        else:
            bad = 330 <= look < 340
            state = regulate(state, rules, setpoint_c, None if bad else air_c, watched_s)
        yield watched_s, setpoint_c, air_c, state.output_pct
        mixed_c = 30.0 if look >= 360 else 26.0
        target_c = mixed_c - 0.16 * state.output_pct
        air_c += (target_c - air_c) * (1.0 - math.exp(-15.0 / 90.0))


def chilled_water_reset() -> Iterator[Row]:
    """The plant reset over requests that come and go, a change of stage, and a stop."""
    yield "watched_s", "requests", "reset_pct"
    state = TrimRespondState()
    for look in range(360):
        watched_s = 60.0 * look
        requests = (0, 0, 3, 6, 1, 2)[(look // 30) % 6]
        state = reset(
            state,
            CHW_PLANT_RESET,
            proven=not 300 <= look < 310,
            requests=requests,
            watched_s=watched_s,
            staging=150 <= look < 153,
        )
        yield watched_s, requests, state.setpoint


def requests_of_an_air_handler() -> Iterator[Row]:
    """Supply air that is 3.5 K too warm, then 2.5, then not; a valve that opens and closes."""
    yield "watched_s", "error_k", "valve_pct", "requests"
    state = RequestState()
    for look in range(120):
        watched_s = 30.0 * look
        error_k = 3.5 if 10 <= look < 30 else 2.5 if 30 <= look < 50 else 0.2
        valve_pct = 50.0 + 48.0 * math.sin(look / 12.0)
        state = count_requests(state, SUPPLY_AIR_TO_RESET, error_k, valve_pct, watched_s)
        yield watched_s, error_k, valve_pct, state.requests


def outdoor_reset() -> Iterator[Row]:
    """Hot water by outdoor temperature, with a hysteresis of 0.5 K."""
    yield "outdoor_c", "setpoint_c"
    line = Line(-10.0, 75.0, 15.0, 40.0, 0.5)
    state = LinearState()
    for look in range(100):
        outdoor_c = 2.0 + 14.0 * math.sin(look / 9.0) + 0.2 * (look % 3)
        state = follow(state, line, outdoor_c)
        yield outdoor_c, line.at(state.followed or 0.0)


def ramps() -> Iterator[Row]:
    """A valve that takes 300 s, and the load limit of chillers while another one starts."""
    yield "watched_s", "valve_pct", "limit_pct", "ready"
    valve: RampState = stands_at(0.0, 0.0)
    limit = LoadLimit()
    for look in range(120):
        watched_s = 10.0 * look
        valve = ramp(valve, 100.0 if look < 50 else 40.0, 100.0 / 300.0, watched_s)
        limit = limit_load(limit, LoadLimitRules(), 20 <= look < 70, 90.0, watched_s)
        yield watched_s, valve.value, limit.limit_pct, int(limit.ready)


def machine_proof() -> Iterator[Row]:
    """A chiller: start, a pause by its thermostat, a dip of power, three faults, a reset."""
    yield "watched_s", "phase", "on", "failure", "latched"
    rules = ProofRules(300.0, 15.0, cycles=True)
    state = ProofState()
    for look in range(480):
        watched_s = 15.0 * look
        powered = not 120 <= look < 128
        pause = 60 <= look < 84
        status = state.on and powered and not pause and watched_s > (state.since_s or 0.0)
        fault = look in (200, 280, 360)
        inputs = ProofInputs(
            True, status, fault, powered=powered, needed=not pause, reset=look == 440
        )
        state = watch_machine(state, rules, inputs, watched_s)
        yield watched_s, state.phase.value, int(state.on), state.failure.value, int(state.latched)


def chosen_machines() -> Iterator[Row]:
    """The two chillers of the reference over a day: load and condenser water rise and fall."""
    yield "watched_s", "load_kw", "cw_c", "chosen", "reason"
    state = ChooserState()
    for look in range(24 * 12):
        watched_s = 300.0 * look
        day = math.sin(math.pi * look / 288.0)
        load_kw, cw_c = 250.0 + 1300.0 * day**2, 18.0 + 12.0 * day
        units = UNLIKE if look < 250 else UNLIKE[:1]
        demand = Demand(load_kw, CHW_C, cw_c)
        state = choose(state, ChooserRules(), units, demand, watched_s)
        yield watched_s, load_kw, cw_c, "+".join(state.chosen), state.reason


def lead_and_lag() -> Iterator[Row]:
    """Three pumps and one that stands by, over two weeks of days with one, two or three."""
    yield "hour", "wanted", "running", "a_h", "b_h", "c_h", "d_h"
    record, starts = RunRecord(), Starts()
    running: tuple[str, ...] = ()
    for hour in range(14 * 24):
        wanted = 0 if hour % 24 < 6 else 1 + (hour // 5) % 3
        broken = "b" if 100 <= hour < 200 else ""
        candidates = [
            Candidate(
                name,
                name in running,
                name != broken,
                100.0 if name == broken else None,
                ("a", "b", "c") if name == "d" else (),
            )
            for name in "abcd"
        ]
        running = make_up(candidates, record, wanted)
        record = record_hours(record, running, 3600.0 * hour)
        starts = count_starts(starts, running, 3600.0 * hour)
        hours = [record.of(name).staging_h for name in "abcd"]
        yield (hour, wanted, "+".join(running), *hours)


def plant_load() -> Iterator[Row]:
    """A day of load with noise, a change of stage, ten minutes without a flow; pumps by flow."""
    yield "watched_s", "now_kw", "load_kw", "share_up", "pumps"
    state, pumps = LoadState(), PumpStage()
    kinds = [Compressor.VARIABLE_CENTRIFUGAL]
    for look in range(24 * 60):
        watched_s = 60.0 * look
        day = math.sin(math.pi * look / 1440.0)
        flow_m3h = 60.0 + 140.0 * day + 4.0 * (look % 3 - 1)
        now_kw = None if 900 <= look < 910 else water_kw(flow_m3h, 12.0, 7.0)
        state = reckon_load(state, now_kw, watched_s, staging=600 <= look < 604)
        pumps = stage_pumps(pumps, 3, PumpInputs(flow_m3h / 200.0), watched_s)
        share = share_to_go_up(kinds, kinds * 2, Lift(12.0 + 14.0 * day, 12.0, 28.0))
        if look % 5 == 0 or 900 <= look < 920:
            yield watched_s, now_kw, state.load_kw, share, pumps.count


def condenser_water() -> Iterator[Row]:
    """From the start of a plant on: setpoint, and fans that hold it on a simple tower."""
    yield "watched_s", "setpoint_c", "return_c", "fan_pct"
    lifts = LiftReset(35.0, 7.0)
    loop, fans, return_c = PidState(), FanState(), 24.0
    for look in range(400):
        watched_s = 15.0 * look
        part_load = 0.2 + 0.6 * math.sin(math.pi * look / 400.0)
        setpoint_c = return_setpoint_c(lifts, 7.0, part_load, watched_s)
        loop = regulate(loop, PidRules(10.0, 300.0, direct=True), setpoint_c, return_c, watched_s)
        caps_pct = (loop.output_pct, fan_by_load(part_load), head_pressure(0.0, 30.0).fan_most_pct)
        fans = run_fans(fans, FanRules(), return_c - setpoint_c, caps_pct, watched_s)
        yield watched_s, setpoint_c, return_c, fans.speed_pct
        settled_c = 22.0 + 40.0 * part_load * (1.0 - 0.007 * fans.speed_pct)
        return_c += (settled_c - return_c) * (1.0 - math.exp(-15.0 / 240.0))


def free_cooling() -> Iterator[Row]:
    """Cold nights and mild days: when the heat exchanger runs, and what it learns."""
    yield "watched_s", "leaving_c", "on", "tuning"
    exchanger, state = HeatExchanger(2.0, 4.0, 26.0, 100.0), FreeCooling()
    for look in range(7 * 24 * 12):
        watched_s = 300.0 * look
        wet_bulb_c = 7.0 + 5.0 * math.sin(2.0 * math.pi * look / 288.0)
        leaving_c = exchanger.leaving_c(wet_bulb_c, 80.0, state.tuning)
        outlet_c = exchanger.leaving_c(wet_bulb_c, 80.0)
        inputs = FreeCoolingInputs(14.0, outlet_c if state.on else 14.0, leaving_c, True)
        state = run_free_cooling(state, inputs, watched_s)
        if look % 3 == 0:
            yield watched_s, leaving_c, int(state.on), state.tuning


TRAJECTORIES: dict[str, Callable[[], Iterator[Row]]] = {
    "filtered_input": filtered_input,
    "voted_input": voted_input,
    "flow_proof": flow_proof,
    "pid_loop": pid_loop,
    "chilled_water_reset": chilled_water_reset,
    "requests_of_an_air_handler": requests_of_an_air_handler,
    "outdoor_reset": outdoor_reset,
    "ramps": ramps,
    "machine_proof": machine_proof,
    "chosen_machines": chosen_machines,
    "lead_and_lag": lead_and_lag,
    "plant_load": plant_load,
    "condenser_water": condenser_water,
    "free_cooling": free_cooling,
}


def written(row: Row) -> list[str]:
    """A row as it stands in a file: numbers to the last bit."""
    return [
        "" if cell is None else repr(cell) if isinstance(cell, float) else str(cell) for cell in row
    ]


def write(folder: Path = GOLDEN) -> None:
    for name, rows in TRAJECTORIES.items():
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows(map(written, rows()))


if __name__ == "__main__":
    write()
