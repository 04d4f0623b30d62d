"""PNNL's ConStrain over our trends: which of its checks apply, and what they say."""

from __future__ import annotations

import importlib
import inspect
import json
import logging
import pkgutil
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import constrain
import constrain.library
import pandas as pd
from constrain.checklib import CheckLibBase

from tests.judges.frames import Recorded, each


@dataclass(frozen=True)
class Verdict:
    """What one check says of one object."""

    run: str
    judge: str
    check: str
    thing: str
    samples: int
    failures: int
    passed: bool | None
    """None: nothing of it could be tested."""
    hours: frozenset[int] = frozenset()
    """Hours of the day in which it was reported, where the judge tells."""


def checks() -> dict[str, type[CheckLibBase]]:
    """Every check of the library by its name."""
    modules = [
        importlib.import_module(f"constrain.library.{module.name}")
        for module in pkgutil.iter_modules(constrain.library.__path__)
    ]
    return {
        name: kind
        for module in modules
        for name, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, CheckLibBase) and kind.__module__ == module.__name__
    }


def tolerances() -> dict[str, Any]:
    """Its own."""
    path = Path(constrain.__file__).with_name("tolerances.json")
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def judged(recorded: Recorded, entries: list[Mapping[str, Any]]) -> Iterator[Verdict]:
    """What the checks say of the objects that a site's file names for them."""
    logging.getLogger().setLevel(logging.ERROR)
    known, allowed = checks(), tolerances()
    season = recorded.name.rpartition("-")[2]
    for written in entries:
        if season not in written.get("seasons", [season]):
            continue
        for thing, entry in each(written):
            yield _one(recorded, known[entry["check"]], entry, thing, allowed)


def _one(
    recorded: Recorded,
    kind: type[CheckLibBase],
    entry: Mapping[str, Any],
    thing: str,
    allowed: Mapping[str, Any],
) -> Verdict:
    frame = recorded.frame(entry["inputs"])
    keep = frame.notna().all(axis=1)
    if "when" in entry:
        keep &= recorded.settled(entry["when"], entry.get("settled_min", 0.0))
    step_min = (recorded.index[1] - recorded.index[0]).total_seconds() / 60
    every = max(1, round(entry.get("step_min", step_min) / step_min))
    frame, keep = frame.iloc[::every], keep.iloc[::every]
    frame = frame[keep]
    if len(frame) < 2:
        return Verdict(recorded.name, "constrain", kind.__name__, thing, 0, 0, None)
    pieces = [frame]
    if entry.get("spells"):
        spells = (~keep).cumsum()[keep]
        pieces = [piece for _, piece in frame.groupby(spells) if len(piece) > 1]
    samples, failures, passed = 0, 0, []
    for piece in pieces:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            check = kind(piece.copy(), tolerances=allowed)
            said, _ = check.get_checks
        result = pd.Series(check.result)
        told = result[result.isin([True, False])]
        samples += len(told)
        failures += int((told == False).sum())  # noqa: E712 - they hold words as well
        if isinstance(said, str) or said is None or not len(told):
            continue
        passed.append(bool(said))
    whole = all(passed) if passed else None
    return Verdict(recorded.name, "constrain", kind.__name__, thing, samples, failures, whole)
