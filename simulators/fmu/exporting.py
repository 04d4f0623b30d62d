"""Write any plant as an FMU for others."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

_SCRIPT = """\
from simulators.fmu.plant_slave import PlantSlave


class {name}(PlantSlave):
    plant = {plant!r}
    options = {options!r}
    year = {year}
    utc_offset_h = {utc_offset_h}
"""


def write_fmu(
    plant: str,
    options: Mapping[str, str],
    into: Path,
    *,
    year: int = 2026,
    utc_offset_h: float = 8.0,
) -> Path:
    """Write the FMU of a plant (module:Class) into a directory; its file, named for the class.

    It is FMI 2.0 for co-simulation, and runs where this Python with bms is installed. Raises
    ImportError if pythonfmu is not, and what the plant raises for options that it cannot use.
    """
    try:
        from pythonfmu.builder import FmuBuilder
    except ImportError as error:
        raise ImportError("pythonfmu is not installed: pip install 'bms[fmu]'") from error
    name = plant.rpartition(":")[2]
    text = _SCRIPT.format(
        name=name, plant=plant, options=dict(options), year=year, utc_offset_h=utc_offset_h
    )
    with tempfile.TemporaryDirectory(prefix="bms-fmu-") as folder:
        script = Path(folder) / f"{name.lower()}_as_fmu.py"
        script.write_text(text, encoding="utf-8")
        before = list(sys.path)
        try:
            return Path(FmuBuilder.build_FMU(script, dest=into))
        finally:
            # pythonfmu leaves its temporary folders there.
            sys.path[:] = before
            sys.modules.pop(script.stem, None)
