"""Meters of one base: sub-meters over groups, the main meter over everything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from zlib import crc32

from simulators.parks.board import Board
from simulators.physics.counters import CounterBank

MAIN_COUNTS_PER_KWH = 10
"""Main and export meters resolve 0.1 kWh: their current transformers are large."""
COUNTS_PER_KWH = 100


class Metering:
    """Adds up what a base draws.

    `groups` are (sub-meter, machines) in the order in which `book` gets their powers. Import is
    load minus generation where that is positive, export where it is negative.
    """

    def __init__(
        self,
        board: Board,
        base: str,
        groups: Mapping[str, Sequence[str]],
        *,
        counted: Sequence[str] = (),
        generation: Sequence[str] = (),
        export: str = "",
    ) -> None:
        machines = [name for members in groups.values() for name in members]
        self._spans: list[tuple[int, int]] = []
        begin = 0
        for members in groups.values():
            self._spans.append((begin, begin + len(members)))
            begin += len(members)
        meters = [*groups, *generation, "meter-main", *([export] if export else [])]
        self._power_keys = [f"{base}.{name}.power" for name in (*machines, *meters)]
        self._counted = [machines.index(name) for name in counted]
        self._energy_keys = [f"{base}.{name}.energy" for name in (*counted, *meters)]
        for name in meters:
            board.add(base, name, "status power energy" if name in generation else "power energy")
        self._exports = bool(export)
        self._values = board.values
        coarse = {"meter-main", export}
        self.counters = CounterBank(
            # Meters were installed at different times: no two begin at the same reading.
            [float(crc32(key.encode()) % 50_000) for key in self._energy_keys],
            [
                MAIN_COUNTS_PER_KWH if name in coarse else COUNTS_PER_KWH
                for name in (*counted, *meters)
            ],
        )
        self._values.update(zip(self._energy_keys, self.counters.registers(), strict=True))

    def book(
        self, powers: list[float], rest_kw: float, dt_s: float, generation: Sequence[float] = ()
    ) -> None:
        """Book one step: mean powers of the machines and of everything not metered apart."""
        meters = [sum(powers[begin:end]) for begin, end in self._spans]
        meters += generation
        net = sum(powers) + rest_kw - sum(generation)
        meters.append(net if net > 0.0 else 0.0)
        if self._exports:
            meters.append(-net if net < 0.0 else 0.0)
        energies = [powers[i] for i in self._counted] + meters
        registers = self.counters.add(energies, dt_s)
        self._values.update(zip(self._power_keys, powers + meters, strict=True))
        self._values.update(zip(self._energy_keys, registers, strict=True))
