"""`measures.yaml`, the register of what was done to save energy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bms.config.reading.drivers_file import full_meter
from bms.config.reading.files import MEASURES
from bms.config.reading.sections import Names, read_all
from bms.config.shapes.measure_files import MeasureFile, MeasuresFile
from bms.texts.messages import msg
from bms.texts.problems import Document, Problem
from bms.texts.yaml.parsing import validate

_METERS = ("meter", "control", "output")


def read_measures(
    text: str, bases: Names, meters: Names
) -> tuple[Mapping[str, MeasureFile], list[Problem]]:
    """The measures by id, and every problem. Empty if there is one.

    Only reports read the file: each problem withholds them, and nothing that controls.
    """
    documents, problems, _ = read_all({MEASURES: text})
    file = None
    if documents:
        (document,) = documents
        file, found = validate(MeasuresFile, document)
        problems += found
        if file is not None:
            problems += _names(document, file, bases, meters)
    withheld = [replace(problem, withholds=MEASURES) for problem in problems]
    return ({} if problems or file is None else dict(file.measures)), withheld


def _names(document: Document, file: MeasuresFile, bases: Names, meters: Names) -> list[Problem]:
    problems: list[Problem] = []
    for name, measure in file.measures.items():
        path = ("measures", name)
        unknown = bases.unknown(document, (*path, "base"), measure.base, msg("base"))
        problems += unknown
        for key in _METERS:
            meter = getattr(measure, key)
            if meter is not None and not unknown:
                full = full_meter(measure.base, meter)
                problems += meters.unknown(document, (*path, key), full, msg("meter"))
    return problems
