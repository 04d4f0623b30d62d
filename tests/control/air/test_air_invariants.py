"""What holds of an air handler whatever happens to it, over random lives of a day."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.control.air.rigs import FULL, AirRig, single

MODES = ("on", "off", "vent", "purge", "elevated", "full", "isolate")
SHARES = (
    "fan_speed", "cooling_valve", "heating_valve", "oa_damper", "return_damper", "exhaust_damper",
)  # fmt: skip
STEP_S = 15

event = st.one_of(
    st.tuples(st.just("mode"), st.sampled_from(MODES)),
    st.tuples(st.just("outdoor"), st.floats(-20.0, 42.0)),
    st.tuples(st.just("gain"), st.floats(0.0, 12.0)),
    st.tuples(st.just("co2"), st.floats(350.0, 2500.0)),
    st.tuples(st.just("bad"), st.sampled_from(("supply_temp", "zone_temp", "co2", "status"))),
    st.tuples(st.just("good"), st.just("")),
    st.tuples(st.just("dead"), st.booleans()),
    st.tuples(st.just("stuck"), st.sampled_from(("cooling_valve", "heating_valve", "oa_damper"))),
    st.tuples(st.just("freezestat"), st.booleans()),
)
lives = st.lists(st.tuples(st.integers(1, 120), event), min_size=1, max_size=12)


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(lives)
def test_coils_dampers_and_rates(life: list[tuple[int, tuple[str, object]]]) -> None:
    rig = single(roles=(*FULL, "co2", "freezestat"))
    rig.mode("on")
    seconds = 0
    before: dict[str, float] = {}
    for looks, (what, how) in life:
        _happens(rig, what, how)
        for _ in range(looks):
            rig.step(seconds)
            seconds += STEP_S
            _holds(rig, before)
            before = {role: rig.out(role) for role in SHARES}


def _happens(rig: AirRig, what: str, how: object) -> None:
    if what == "mode":
        rig.mode(str(how))
    elif what == "bad":
        rig.bad.add(f"b.ahu-1.{how}")
    elif what == "good":
        rig.bad.clear()
    elif what == "stuck":
        rig.air.stuck = {str(how): 70.0}
    else:
        assert isinstance(how, float | bool)
        if what == "outdoor":
            rig.air.outdoor_c = how
        elif what == "gain":
            rig.air.gains_kw["ahu-1"] = how
        elif what == "dead":
            rig.dead = {"ahu-1"} if how else set()
        else:
            rig.put(f"ahu-1.{what}", how)


def _holds(rig: AirRig, before: dict[str, float]) -> None:
    stage = rig.fact("ahu-1_freeze_stage")
    frozen = stage != 0 or rig.engine.why("b.ahu-1.enable") is None
    cooling, heating = rig.out("cooling_valve"), rig.out("heating_valve")
    assert stage == 3 or not (cooling > 0.0 and heating > 0.0)
    for role in SHARES:
        assert 0.0 <= rig.out(role) <= 100.0
    award = rig.engine.why("b.ahu-1.enable")
    runs = award is not None and bool(award.value) and bool(rig.get("ahu-1.status"))
    seen = "b.ahu-1.status" not in rig.bad
    if runs and seen and not frozen and rig.fact("ahu-1_air_mode") == "occupied":
        mode = rig.schedule.values["b.g.mode"]
        least = 8.0 if mode == "on" else 20.0  # CO2 may lower the minimum to 40 %
        assert rig.out("oa_damper") >= least
    for role in ("cooling_valve", "heating_valve"):
        moved = rig.out(role) - before.get(role, rig.out(role))
        assert frozen or moved <= 25.0 * STEP_S / 60.0 + 1e-6
