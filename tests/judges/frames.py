"""Trends as the judges read them: what a check is given, made of points as the file says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

_BRACES = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Recorded:
    """The trends of one run."""

    name: str
    index: pd.DatetimeIndex
    values: np.ndarray[Any, np.dtype[np.float32]]
    numbers: Mapping[str, int]
    texts: Mapping[str, Mapping[str, str]]

    @classmethod
    def read(cls, path: Path) -> Recorded:
        """Of the two files that `trends` has written."""
        head = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        values = np.load(path.with_suffix(".npy"), mmap_mode="r")
        index = pd.date_range(
            pd.Timestamp(head["start_s"], unit="s"),
            periods=values.shape[1],
            freq=f"{head['step_s']}s",
        )
        numbers = {name: number for number, name in enumerate(head["names"])}
        return cls(path.stem, index, values, numbers, head["texts"])

    def point(self, name: str) -> pd.Series:
        """One point; a text point shows its texts. Raises KeyError."""
        series = pd.Series(np.asarray(self.values[self.numbers[name]], dtype=float), self.index)
        texts = self.texts.get(name)
        if texts is None:
            return series
        return series.map(lambda code: texts.get(str(int(code)), "") if code == code else "")

    def column(self, said: Any) -> pd.Series:
        """What an input of a check is: a number, a word, a point, or what is made of one.

        `{point, scale, offset, words, states, above, of}`: `words` replaces texts, `states` makes
        words of numbers, `above` makes 1 and 0, `of` takes the `max`, `min`, `mean` or `sum` of
        several points. Raises KeyError.
        """
        if isinstance(said, int | float):
            return pd.Series(float(said), self.index)
        if isinstance(said, str):
            return self.point(said) if "." in said else pd.Series(said, self.index)
        if "of" in said:
            every = pd.concat([self.point(name) for name in said["points"]], axis=1)
            series = getattr(every, said["of"])(axis=1)
        else:
            series = self.point(said["point"])
        if "words" in said:
            return series.map(lambda text: said["words"].get(text, text))
        if "states" in said:
            return series.map(said["states"])
        series = series * said.get("scale", 1.0) + said.get("offset", 0.0)
        if "above" in said:
            return (series > said["above"]).astype(float)
        return series

    def frame(self, inputs: Mapping[str, Any]) -> pd.DataFrame:
        return pd.DataFrame({name: self.column(said) for name, said in inputs.items()})

    def settled(self, said: Any, for_min: float) -> pd.Series:
        """Where a condition, or all of several, has held that long: loops are judged when they had
        time."""
        every = said if isinstance(said, list) else [said]
        holds = pd.concat([self.column(each_of) > 0 for each_of in every], axis=1).all(axis=1)
        step_min = (self.index[1] - self.index[0]).total_seconds() / 60
        steps = max(1, round(for_min / step_min))
        return holds.astype(float).rolling(steps, min_periods=steps).min() == 1.0


def each(entry: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object of a check, with the words in braces filled in."""
    objects = entry.get("of") or {entry.get("name", "site"): {}}
    if isinstance(objects, list):
        objects = {name: {} for name in objects}
    for name, words in objects.items():
        known = {"name": name, **(words or {})}
        yield name, {key: filled(value, known) for key, value in entry.items() if key != "of"}


def filled(value: Any, words: Mapping[str, Any]) -> Any:
    if isinstance(value, str):
        whole = _BRACES.fullmatch(value)
        if whole is not None:
            return words[whole[1]]
        return _BRACES.sub(lambda match: str(words[match[1]]), value)
    if isinstance(value, list):
        return [filled(item, words) for item in value]
    if isinstance(value, dict):
        return {key: filled(item, words) for key, item in value.items()}
    return value
