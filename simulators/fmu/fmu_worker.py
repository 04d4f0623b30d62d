"""The process in which an FMU runs: `python -m simulators.fmu.fmu_worker FD`.

It is told what to run by one message and begins at the next, then answers commands with the values
after one step. When the other end closes, it is over: whoever started it may have been killed.
"""

from __future__ import annotations

import math
import os
import shutil
import signal
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from simulators.fmu.description import Variable, installed
from simulators.fmu.fmu_words import Failed, FmuWork, Stopped, Values

_TERMINATED: Final = 3
"""FMI 2.0's fmi2Terminated: the status that says whether a step was discarded at the end."""
_DISCARD: Final = 2
_WHOLE: Final = {"Enumeration": "Int64"}
"""Types that FMI 3.0 reads and sets by another."""


class _Model:
    """One FMU, initialised, step by step."""

    def __init__(self, work: FmuWork) -> None:
        fmpy = installed()
        self._said = ""
        self._time = work.begin_s
        self._work = work
        folder = fmpy.extract(work.fmu, unzipdir=str(Path(work.directory) / "fmu"))
        described = fmpy.read_model_description(folder, validate=False)
        self._version = described.fmiVersion
        self._logger = self._listen  # the FMU keeps no reference that Python counts
        self._fmu = fmpy.simulation.instantiate_fmu(
            folder, described, fmi_type="CoSimulation", debug_logging=True, logger=self._logger
        )
        if self._version == "2.0":
            self._fmu.setupExperiment(startTime=work.begin_s)
            self._settings()
            self._fmu.enterInitializationMode()
        else:
            self._settings()
            self._fmu.enterInitializationMode(startTime=work.begin_s)
        self._command([None] * len(work.inputs))
        self._fmu.exitInitializationMode()
        self._readers = list(self._grouped(work.read.items()))

    @property
    def last_words(self) -> str:
        """What the FMU said last."""
        return self._said

    def step(self, commands: Sequence[float | None]) -> bool:
        """Whether the step was made; False at the end of the simulation."""
        self._command(commands)
        try:
            done = self._fmu.doStep(
                currentCommunicationPoint=self._time, communicationStepSize=self._work.step_s
            )
        except Exception as error:
            if getattr(error, "status", None) == _DISCARD and self._over():
                return False
            raise
        if self._version == "3.0" and done[1]:
            return False
        self._time += self._work.step_s
        return True

    def values(self) -> dict[str, float]:
        found: dict[str, float] = {}
        for names, references, read in self._readers:
            found.update(zip(names, map(_plain, read(references)), strict=True))
        return found

    def _over(self) -> bool:
        return self._version == "2.0" and bool(self._fmu.getBooleanStatus(_TERMINATED))

    def _command(self, commands: Sequence[float | None]) -> None:
        for (variable, activate, rest), value in zip(self._work.inputs, commands, strict=True):
            if activate is not None:
                self._set(activate.reference, activate.kind, float(value is not None))
            told = rest if value is None else value
            if told is not None:
                low, high = variable.low, variable.high
                told = told if low is None else max(low, told)
                told = told if high is None else min(high, told)
                self._set(variable.reference, variable.kind, told)

    def _settings(self) -> None:
        for reference, kind, value in self._work.settings:
            self._set(reference, kind, value)

    def _set(self, reference: int, kind: str, value: float | bool | str) -> None:
        of_kind = self._named(kind)
        given: object = value
        if kind in ("Real", "Float64", "Float32"):
            given = float(value)
        elif kind == "Boolean":
            given = bool(value)
        elif kind != "String":
            given = round(float(value))
        getattr(self._fmu, f"set{of_kind}")([reference], [given])

    def _grouped(
        self, variables: Iterable[tuple[str, Variable]]
    ) -> Iterable[tuple[list[str], list[int], Callable[[list[int]], Iterable[Any]]]]:
        """Names, references and what reads them, for each type."""
        kinds: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for name, variable in variables:
            kinds[self._named(variable.kind)].append((name, variable.reference))
        for kind, members in kinds.items():
            names, references = zip(*members, strict=True)
            yield list(names), list(references), getattr(self._fmu, f"get{kind}")

    def _named(self, kind: str) -> str:
        if self._version == "2.0":
            return "Integer" if kind == "Enumeration" else kind
        return _WHOLE.get(kind, kind)

    def _listen(self, *words: Any) -> None:
        """What the FMU says: the last argument is the text, whatever the version."""
        texts = [word.decode(errors="replace") for word in words if isinstance(word, bytes)]
        if texts and texts[-1].strip():
            self._said = " ".join(texts[-1].split())


def _why(error: Exception, model: _Model | None, console: Path) -> str:
    """What FMPy says, and the last words of the FMU, to its logger or to the terminal."""
    said = model.last_words if model is not None else ""
    if not said:
        lines = console.read_text(encoding="utf-8", errors="replace").split("\n")
        said = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return f"{' '.join(str(error).split())} {said}".rstrip()


def _plain(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan


def main() -> None:
    # Ctrl-C of a terminal reaches every process of its group: the one that asked decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    connection = Connection(int(sys.argv[1]))
    work: FmuWork = connection.recv()
    console = Path(work.directory) / "console.log"
    _quiet(console)
    model: _Model | None = None
    try:
        while True:
            commands = connection.recv()
            try:
                if model is None:
                    model = _Model(work)
                elif not model.step(commands):
                    connection.send(Stopped())
                    continue
                connection.send(Values(model.values()))
            except Exception as error:
                # Whatever FMPy or a model in Python raises: the other end says it and ends.
                connection.send(Failed(_why(error, model, console)))
    except (EOFError, OSError):
        shutil.rmtree(work.directory, ignore_errors=True)
    # Models that were never told to end may hang in their own clean-up.
    os._exit(0)


def _quiet(path: Path) -> None:
    """Models write to the terminal as they like, some of them why they give up."""
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)


if __name__ == "__main__":
    main()
