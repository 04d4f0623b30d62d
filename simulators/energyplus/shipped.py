"""A bundled building run as it is shipped, under its own controls: the yardstick of comparisons."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulators.energyplus.idf import Idf, run_the_weather

_J_PER_KWH = 3.6e6


@dataclass(frozen=True, slots=True)
class EndUse:
    """What one end use took in a run, in kWh."""

    name: str
    electricity_kwh: float
    gas_kwh: float


@dataclass(frozen=True, slots=True)
class Year:
    """A run as EnergyPlus itself sums it up."""

    end_uses: tuple[EndUse, ...]
    heating_not_met_h: float
    """Hours in which the heating set point of an occupied zone was not met."""
    cooling_not_met_h: float


def model_path(name: str) -> Path:
    """The model of this name among those that the package brings, or the file itself.

    Raises ImportError with what to install, ValueError for an unknown name.
    """
    path = Path(name)
    if path.suffix:
        return path
    installed()
    from pyenergyplus import dataset

    # RefBldgHospitalNew2004_Chicago is also found without the place it was sized for.
    files = {file.stem: file for file in sorted(Path(dataset.modeldir).glob("*.idf"))}
    known = {stem.rpartition("_")[0]: file for stem, file in files.items()} | files
    if name not in known:
        raise ValueError(f"EnergyPlus brings no building '{name}'; it has {', '.join(files)}")
    return known[name]


def installed() -> Any:
    """The package `pyenergyplus`. Raises ImportError that says what to install."""
    try:
        import pyenergyplus.api
    except ImportError as error:
        raise ImportError("EnergyPlus is not installed: pip install 'bms[energyplus]'") from error
    return pyenergyplus


def run_as_shipped(model: str, weather: Path, into: Path) -> Year:
    """Run the run periods of a model over a weather file; what it writes stays in `into`.

    Raises OSError if a file cannot be read, RuntimeError if EnergyPlus gives up.
    """
    package = installed()
    idf = Idf.parse(model_path(model).read_text(encoding="utf-8", errors="replace"))
    run_the_weather(idf)
    idf.replace("OutputControl:Table:Style", "Comma")
    into.mkdir(parents=True, exist_ok=True)
    path = into / "in.idf"
    path.write_text(str(idf), encoding="utf-8")
    api = package.api.EnergyPlusAPI()
    state = api.state_manager.new_state()
    try:
        api.runtime.set_console_output_status(state, False)
        arguments = ["-d", str(into), "-w", str(weather), str(path)]
        if api.runtime.run_energyplus(state, arguments) != 0:
            raise RuntimeError(f"EnergyPlus gave up; it says why in {into / 'eplusout.err'}")
    finally:
        api.state_manager.delete_state(state)
    return _read(into / "eplustbl.csv")


def _read(path: Path) -> Year:
    rows = list(csv.reader(path.read_text(encoding="utf-8", errors="replace").splitlines()))
    begins = next(n for n, row in enumerate(rows) if row[:1] == ["End Uses"])
    head = next(n for n in range(begins, len(rows)) if "Electricity [GJ]" in rows[n])
    power, gas = rows[head].index("Electricity [GJ]"), rows[head].index("Natural Gas [GJ]")
    uses = []
    for row in rows[head + 1 :]:
        if len(row) <= gas or not row[1].strip():
            break
        use = EndUse(row[1], *(float(row[n]) * 1e9 / _J_PER_KWH for n in (power, gas)))
        if use.electricity_kwh or use.gas_kwh:
            uses.append(use)
    return Year(
        tuple(uses),
        _hours(rows, "Time Setpoint Not Met During Occupied Heating"),
        _hours(rows, "Time Setpoint Not Met During Occupied Cooling"),
    )


def _hours(rows: list[list[str]], name: str) -> float:
    return next((float(row[2]) for row in rows if row[1:2] == [name]), 0.0)
