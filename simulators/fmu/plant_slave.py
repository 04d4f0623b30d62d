"""Any plant as an FMU for others: what runs inside it."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree.ElementTree import Element, SubElement

from pythonfmu import Boolean, Fmi2Causality, Fmi2Initial, Fmi2Slave, Fmi2Variability, Real

from drivers.plant import Plant, PlantEnded

_COMMANDED = "_activate"
"""Ends the name of what says that a point is commanded, as in BOPTEST."""


def variable_name(point: str) -> str:
    """A name of a point as FMI's structured names allow it: `hall-1.zone_temp` has a hyphen."""
    return point.replace("-", "_")


class PlantSlave(Fmi2Slave):
    """A plant whose points are variables: every point an output, and what can be written an input
    beside, with `_u` behind its name, and `_activate` for whether it is commanded.

    The time of the FMU is seconds since the local new year of `year`.
    """

    author = "bms"
    plant = ""
    """module:Class"""
    options: Mapping[str, str] = {}
    year = 2026
    utc_offset_h = 8.0

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._made: Plant | None = None
        self._told: dict[str, float] = {}
        self._commanded: set[str] = set()
        looked_at = self._at(0.0)
        for point in looked_at.points():
            said = f"in {point.unit}" if point.unit else None
            self.register_variable(
                Real(
                    variable_name(point.name),
                    causality=Fmi2Causality.output,
                    initial=Fmi2Initial.calculated,
                    description=said,
                    getter=self._getter(point.name),
                ),
                nested=False,
            )
            if point.writable:
                self._told[point.name] = 0.0
                self._register_input(point.name, said)
        looked_at.close()

    def setup_experiment(
        self, start_time: float, stop_time: float | None, tolerance: float | None
    ) -> None:
        """The plant is made where time begins; what an FMU may be told besides does not matter."""
        del stop_time, tolerance
        self._made = self._at(start_time)

    def do_step(self, current_time: float, step_size: float) -> bool:
        """False where the plant ends."""
        made = self._made
        assert made is not None
        made.write(
            {name: value if name in self._commanded else None for name, value in self._told.items()}
        )
        try:
            made.advance(self._time(current_time + step_size))
        except PlantEnded:
            return False
        return True

    def terminate(self) -> None:
        if self._made is not None:
            self._made.close()
            self._made = None

    def to_xml(self, model_options: Mapping[str, str] | None = None) -> Element:
        """The model's description, with the unknowns at its begin, which pythonfmu leaves out."""
        root: Element = super().to_xml(model_options or {})
        structure = root.find("ModelStructure")
        assert structure is not None
        unknowns = SubElement(structure, "InitialUnknowns")
        for output in structure.findall("Outputs/Unknown"):
            SubElement(unknowns, "Unknown", index=output.attrib["index"])
        return root

    def _register_input(self, name: str, said: str | None) -> None:
        told, commanded = self._told, self._commanded

        def tell(value: float) -> None:
            told[name] = value

        def command(value: bool) -> None:
            (commanded.add if value else commanded.discard)(name)

        kept = {"causality": Fmi2Causality.input, "variability": Fmi2Variability.discrete}
        of_value = {"getter": lambda: told[name], "setter": tell, "description": said}
        self.register_variable(Real(f"{variable_name(name)}_u", **kept, **of_value), nested=False)
        of_command = {"getter": lambda: name in commanded, "setter": command}
        self.register_variable(
            Boolean(f"{variable_name(name)}{_COMMANDED}", **kept, **of_command), nested=False
        )

    def _getter(self, name: str) -> Any:
        # A model may be asked before its time begins.
        return lambda: float("nan") if self._made is None else self._made.read()[name]

    def _at(self, second: float) -> Plant:
        module, _, name = self.plant.partition(":")
        made: Plant = getattr(importlib.import_module(module), name)(
            start=self._time(second), **self.options
        )
        return made

    def _time(self, second: float) -> datetime:
        begin = datetime(self.year, 1, 1, tzinfo=UTC) - timedelta(hours=self.utc_offset_h)
        return begin + timedelta(seconds=second)
