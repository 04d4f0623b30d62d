"""What the adapter uses of EnergyPlus' API, over a model that does next to nothing.

The model says how it behaves: an object `Double, severe;` makes the run end with errors, `Double,
silent;` makes the process vanish, `Double, late;` makes its calendar miss a day.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path

from simulators.energyplus.idf import Idf

State = dict[str, int]
Call = Callable[[State], None]
_VARIABLES = [("room temperature", "room"), ("fan power", "fan"), ("outdoor", "environment")]
_ACTUATORS = [
    ("schedule:constant", "schedule value", "set"),
    ("fan", "on", "fan"),
]


class _States:
    def new_state(self) -> State:
        return {}

    def delete_state(self, state: State) -> None:
        state.clear()


class _Exchange:
    def __init__(self) -> None:
        self.kind = 1
        self.warm = True
        self.today = date(2000, 1, 1)
        self.told: dict[int, float] = {}
        self.fan_w = 1000.0
        self.room_c = 20.0
        self.minutes = 15
        self.requested: set[tuple[str, str]] = set()

    def request_variable(self, state: State, name: str, key: str) -> None:
        self.requested.add((name.lower(), key.lower()))

    def api_data_fully_ready(self, state: State) -> bool:
        return True

    def kind_of_sim(self, state: State) -> int:
        return self.kind

    def warmup_flag(self, state: State) -> bool:
        return self.warm

    def month(self, state: State) -> int:
        return self.today.month

    def day_of_month(self, state: State) -> int:
        return self.today.day

    def system_time_step(self, state: State) -> float:
        return self.minutes / 120

    def get_variable_handle(self, state: State, name: str, key: str) -> int:
        wanted = (name.lower(), key.lower())
        known = wanted in self.requested and wanted in _VARIABLES
        return _VARIABLES.index(wanted) if known else -1

    def get_meter_handle(self, state: State, name: str) -> int:
        return 0 if name.lower() == "electricity" else -1

    def get_actuator_handle(self, state: State, kind: str, control: str, key: str) -> int:
        wanted = (kind.lower(), control.lower(), key.lower())
        return _ACTUATORS.index(wanted) if wanted in _ACTUATORS else -1

    def get_variable_value(self, state: State, handle: int) -> float:
        return (self.room_c, self.fan_w, float(self.today.day))[handle]

    def get_meter_value(self, state: State, handle: int) -> float:
        return self.fan_w * self.minutes * 60

    def set_actuator_value(self, state: State, handle: int, value: float) -> None:
        self.told[handle] = value

    def reset_actuator(self, state: State, handle: int) -> None:
        self.told.pop(handle, None)


class _Runtime:
    def __init__(self, exchange: _Exchange) -> None:
        self._exchange = exchange
        self._calls: dict[str, list[Call]] = {}

    def set_console_output_status(self, state: State, shown: bool) -> None:
        print("EnergyPlus is not as quiet as it was told to be")

    def callback_begin_zone_timestep_before_init_heat_balance(self, _: State, call: Call) -> None:
        self._calls.setdefault("begin", []).append(call)

    def callback_after_predictor_after_hvac_managers(self, _: State, call: Call) -> None:
        self._calls.setdefault("managers", []).append(call)

    def callback_inside_system_iteration_loop(self, _: State, call: Call) -> None:
        self._calls.setdefault("iteration", []).append(call)

    def callback_end_system_timestep_after_hvac_reporting(self, _: State, call: Call) -> None:
        self._calls.setdefault("system", []).append(call)

    def callback_end_zone_timestep_after_zone_reporting(self, _: State, call: Call) -> None:
        self._calls.setdefault("zone", []).append(call)

    def run_energyplus(self, state: State, arguments: Sequence[str]) -> int:
        directory, weather, model = Path(arguments[1]), Path(arguments[3]), Path(arguments[4])
        idf = Idf.parse(model.read_text(encoding="utf-8"))
        behaves = next((item.name for item in idf.of("Double")), "")
        if behaves == "severe":
            (directory / "eplusout.err").write_text(_ERRORS, encoding="utf-8")
            return 1
        exchange = self._exchange
        exchange.minutes = 60 // int(next(idf.of("Timestep")).name)
        self._step(state, "sizing")
        exchange.kind = 3
        fields = next(idf.of("RunPeriod")).fields
        day = date(int(fields[3]), int(fields[1]), int(fields[2]))
        last = date(int(fields[6]), int(fields[4]), int(fields[5]))
        exchange.today = day
        self._step(state, "warm-up")
        exchange.warm = False
        leap = "Yes" in weather.read_text(encoding="utf-8").splitlines()[4]
        while day <= last:
            exchange.today = day
            if not (day.month == 2 and day.day == 29 and not leap):
                for _ in range(24 * 60 // exchange.minutes):
                    self._step(state, behaves)
            day += timedelta(days=2 if behaves == "late" else 1)
        return 0

    def _step(self, state: State, behaves: str) -> None:
        exchange = self._exchange
        if behaves == "silent" and exchange.told:
            os._exit(3)
        self._call("begin", state)
        for _ in range(2):
            # Availability managers take the fan back before each iteration of the system.
            exchange.told.pop(1, None)
            self._call("managers", state)
            exchange.told.pop(1, None)
            self._call("iteration", state)
            exchange.fan_w = 1000.0 * exchange.told.get(1, 1.0)
            exchange.room_c = exchange.told.get(0, 20.0)
            self._call("system", state)
        self._call("zone", state)

    def _call(self, name: str, state: State) -> None:
        for call in self._calls.get(name, []):
            call(state)


class EnergyPlusAPI:
    """As pyenergyplus names it."""

    def __init__(self) -> None:
        self.state_manager = _States()
        self.exchange = _Exchange()
        self.runtime = _Runtime(self.exchange)


_ERRORS = """Program Version,EnergyPlus, Version 25.2.0
   ** Warning ** Weather file location will be used.
   ** Severe  ** Node connection error: Coil "A" inlet
   **   ~~~   ** is no outlet of another object.
   ** Severe  ** GetPumpInput: Pump:VariableSpeed="P", missing input.
   **  Fatal  ** Preceding conditions cause termination.
   ...Summary of Errors that led to program termination:
"""
