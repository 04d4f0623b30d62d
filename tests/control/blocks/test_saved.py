"""What blocks remember is saved as plain values, and read back."""

from __future__ import annotations

import json

import pytest

from bms.control.blocks.delays import Accumulated
from bms.control.blocks.inputs.moving_mean import MeanState, average
from bms.control.blocks.inputs.plausibility import Contradiction, PlausibleState, doubt
from bms.control.blocks.inputs.signals import good_signal
from bms.control.blocks.inputs.voted import VoteRules, VoteState, vote
from bms.control.blocks.loops.ramp import LoadLimit, LoadLimitRules, RampState, limit_load
from bms.control.blocks.machines.curves import Learned
from bms.control.blocks.plants.condenser_water import FanState
from bms.control.blocks.plants.pump_stages import PumpInputs, PumpStage, stage_pumps
from bms.control.blocks.resets.linear_reset import LinearState
from bms.control.blocks.resets.request_counters import Asking, Quiet, RogueState
from bms.control.engine.states import Codec


def states() -> list[object]:
    mean = average(average(MeanState(), 7.0, 0.0), 8.0, 10.0)
    for look in range(1, 60):
        mean = average(mean, None if look % 7 == 0 else 7.5, 10.0 + 15.0 * look)
    wrong = PlausibleState()
    for minute in range(30):
        wrong = doubt(wrong, Contradiction.APART, (1.0, 7.0), 60.0 * minute)
    split = VoteState()
    for minute in range(7):
        signals = {"a": good_signal(1.0), "b": good_signal(9.0)}
        split = vote(split, VoteRules(1.0), signals, 60.0 * minute).state
    return [
        mean,
        wrong,
        split,
        vote(VoteState(), VoteRules(1.0), {n: good_signal(float(v)) for n, v in
             {"a": 1, "b": 1, "c": 9}.items()}, 0.0).state,
        Accumulated(5.0, True, 60.0),
        RampState(40.0, 60.0),
        limit_load(LoadLimit(), LoadLimitRules(), True, 95.0, 60.0),
        Learned(1.1, 50),
        FanState(True, 40.0, 10.0),
        stage_pumps(PumpStage(2), 3, PumpInputs(0.2, 99.5, 20.0), 60.0),
        LinearState(5.0),
        Quiet(21.0, 900.0),
        RogueState({"z": Asking(50.0, 45.0, True)}, 60.0),
    ]  # fmt: skip


@pytest.mark.parametrize("state", states(), ids=lambda state: type(state).__name__)
def test_a_state_comes_back_as_it_was(state: object) -> None:
    codec = Codec()
    kept = json.loads(json.dumps(codec.encode(state)))
    assert codec.decode(type(state), kept) == state
    assert codec.decode(type(state), {}) is not None  # what an older version did not have yet
