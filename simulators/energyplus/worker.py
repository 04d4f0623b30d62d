"""The process in which EnergyPlus runs: `python -m simulators.energyplus.worker FD`.

It is told what to run by one message, then answers each `go` with the values after one time step.
When the other end closes, it is over: whoever started it may have been killed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final, NoReturn

from simulators.energyplus.lockstep import Over, Step, Unknown, Work
from simulators.energyplus.shipped import installed

RUN_PERIOD: Final = 3
"""EnergyPlus' number for a run over a weather file; the others size machines."""
_J_PER_KWH: Final = 3.6e6
_ONCE: Final = "SCHEDULE"
"""Actuators of schedules keep what they are told. All others are told again in each iteration:
set point and availability managers and the plant's own dispatch take them back (seen with 25.2:
On/Off Supervisory of a chiller told once a step does nothing)."""


class _Runner:
    """Callbacks of one run. The other end decides when each step begins."""

    def __init__(self, api: Any, state: Any, work: Work, connection: Connection) -> None:
        self._exchange = api.exchange
        self._runtime = api.runtime
        self._state = state
        self._work = work
        self._connection = connection
        self._ready = False
        self._variables: list[int] = []
        self._meters: list[int] = []
        self._actuators: list[int] = []
        self._commands: list[float | None] = [None] * len(work.actuators)
        self._again = [
            number
            for number, names in enumerate(work.actuators)
            if not names[0].upper().startswith(_ONCE)
        ]
        self._counts = [0.0] * len(work.counted)
        self._metered = [0.0] * len(work.meters)

    def register(self) -> None:
        for name, key in self._work.variables:
            self._exchange.request_variable(self._state, name, key)
        runtime, state = self._runtime, self._state
        runtime.callback_begin_zone_timestep_before_init_heat_balance(state, self._begin)
        runtime.callback_after_predictor_after_hvac_managers(state, self._insist)
        runtime.callback_inside_system_iteration_loop(state, self._insist)
        runtime.callback_end_system_timestep_after_hvac_reporting(state, self._system_step)
        runtime.callback_end_zone_timestep_after_zone_reporting(state, self._zone_step)

    def _running(self, state: Any) -> bool:
        exchange = self._exchange
        return bool(
            exchange.api_data_fully_ready(state)
            and exchange.kind_of_sim(state) == RUN_PERIOD
            and not exchange.warmup_flag(state)
        )

    def _begin(self, state: Any) -> None:
        """The first step waits here for its commands; later ones were told at the last's end."""
        if self._ready or not self._running(state):
            return
        self._ready = True
        self._resolve(state)
        self._take(state)

    def _resolve(self, state: Any) -> None:
        exchange, work = self._exchange, self._work
        self._variables = [
            exchange.get_variable_handle(state, name, key) for name, key in work.variables
        ]
        self._meters = [exchange.get_meter_handle(state, name) for name in work.meters]
        self._actuators = [exchange.get_actuator_handle(state, *names) for names in work.actuators]
        unknown = [
            f"no variable '{name}' of '{key}'"
            for (name, key), handle in zip(work.variables, self._variables, strict=True)
            if handle < 0
        ]
        unknown += [
            f"no meter '{name}'"
            for name, handle in zip(work.meters, self._meters, strict=True)
            if handle < 0
        ]
        unknown += [
            f"no actuator '{', '.join(names)}'"
            for names, handle in zip(work.actuators, self._actuators, strict=True)
            if handle < 0
        ]
        if unknown:
            self._connection.send(Unknown(tuple(unknown)))
            _leave()

    def _take(self, state: Any) -> None:
        """Wait for the commands of the next step; the other end may be gone."""
        try:
            commands = self._connection.recv()
        except (EOFError, OSError):
            self._abandon()
        for number, (before, now) in enumerate(zip(self._commands, commands, strict=True)):
            if now is None and before is not None:
                self._exchange.reset_actuator(state, self._actuators[number])
            elif now is not None and now != before:
                self._exchange.set_actuator_value(state, self._actuators[number], now)
        self._commands = commands

    def _insist(self, state: Any) -> None:
        if not self._ready:
            return
        for number in self._again:
            command = self._commands[number]
            if command is not None:
                self._exchange.set_actuator_value(state, self._actuators[number], command)

    def _system_step(self, state: Any) -> None:
        """Energy is power over the system's own, shorter steps."""
        if not self._ready:
            return
        kwh_per_w = self._exchange.system_time_step(state) / 1000.0
        for number, variable in enumerate(self._work.counted):
            watts = self._exchange.get_variable_value(state, self._variables[variable])
            self._counts[number] += watts * kwh_per_w

    def _zone_step(self, state: Any) -> None:
        if not self._ready or not self._running(state):
            return
        exchange = self._exchange
        for number, handle in enumerate(self._meters):
            self._metered[number] += exchange.get_meter_value(state, handle) / _J_PER_KWH
        values = [exchange.get_variable_value(state, handle) for handle in self._variables]
        month, day = exchange.month(state), exchange.day_of_month(state)
        try:
            self._connection.send(
                Step(month, day, values, tuple(self._counts), tuple(self._metered))
            )
        except OSError:
            self._abandon()
        self._take(state)

    def _abandon(self) -> NoReturn:
        """The other end is gone, perhaps killed: nothing is left behind."""
        if self._work.temporary:
            shutil.rmtree(self._work.directory, ignore_errors=True)
        _leave()


def _leave() -> NoReturn:
    """End the process from inside a callback of EnergyPlus, which knows no exceptions."""
    os._exit(0)


def main() -> None:
    # Ctrl-C of a terminal reaches every process of its group: the one that asked decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    connection = Connection(int(sys.argv[1]))
    work: Work = connection.recv()
    _quiet(Path(work.directory) / "console.log")
    api = installed().api.EnergyPlusAPI()
    state = api.state_manager.new_state()
    api.runtime.set_console_output_status(state, False)
    _Runner(api, state, work, connection).register()
    arguments = ["-d", work.directory, "-w", work.weather, work.model]
    code = api.runtime.run_energyplus(state, arguments)
    with contextlib.suppress(OSError):
        connection.send(Over(code))
    # What a run leaves in memory is freed with the process, faster than piece by piece.
    connection.close()
    _leave()


def _quiet(path: Path) -> None:
    """EnergyPlus writes to the terminal even when told not to."""
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)


if __name__ == "__main__":
    main()
