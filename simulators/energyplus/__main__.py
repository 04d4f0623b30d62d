"""`python -m simulators.energyplus MODEL WEATHER`: a building under the controls it ships with."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from simulators.energyplus.shipped import run_as_shipped


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m simulators.energyplus", description=__doc__)
    parser.add_argument("model", help="a building of the package, e.g. hospital, or an IDF file")
    parser.add_argument("weather", type=Path, help="an EPW file")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bms-energyplus-") as directory:
        year = run_as_shipped(arguments.model, arguments.weather, Path(directory))
    print(f"{'':20}{'electricity MWh':>16}{'gas MWh':>10}")
    for use in year.end_uses:
        print(f"{use.name:20}{use.electricity_kwh / 1000:16.1f}{use.gas_kwh / 1000:10.1f}")
    print(f"set points not met: heating {year.heating_not_met_h:.2f} h, ", end="")
    print(f"cooling {year.cooling_not_met_h:.2f} h")


if __name__ == "__main__":
    main()
