"""The daily samples that opendsm ships, against what others' models say of them.

They are read from the wheel that `make peers` keeps; without it these tests are skipped.
"""

from __future__ import annotations

import csv
import gzip
import io
import zipfile
from collections import defaultdict
from datetime import date, timedelta

import numpy as np
import pytest

from bms.energy.models.daily_frames import Frame
from bms.energy.models.measures.saving_methods import before_after
from bms.energy.models.model_choice import fit
from tests.servers.build import opendsm_wheel

pytestmark = pytest.mark.skipif(
    not opendsm_wheel().is_file(), reason="needs the samples of `make peers`"
)

SAMPLES = "opendsm/eemeter/samples"
BASELINE = [date(2016, 12, 26) - timedelta(days=n) for n in range(365, 0, -1)]
REPORTED = [date(2017, 1, 4) + timedelta(days=n) for n in range(365)]

CASES = {
    # sample: opendsm's saving ± its interval, and its CV(RMSE) in %
    "il-electricity-cdd-hdd": (923, 297, 25.0),
    "il-electricity-cdd-only": (405, 392, 33.5),
    "il-gas-hdd-only": (89.5, 38, 31.5),
    "il-gas-intercept-only": (103.2, 22, 19.2),
}


def rows(archive: zipfile.ZipFile, name: str) -> list[dict[str, str]]:
    data = gzip.decompress(archive.read(f"{SAMPLES}/{name}.csv.gz"))
    return list(csv.DictReader(io.StringIO(data.decode())))


@pytest.fixture(scope="module", name="archive")
def _archive() -> zipfile.ZipFile:
    return zipfile.ZipFile(opendsm_wheel())


@pytest.fixture(scope="module", name="outdoor_c")
def _outdoor_c(archive: zipfile.ZipFile) -> dict[date, float]:
    hours: dict[date, list[float]] = defaultdict(list)
    for row in rows(archive, "il-tempF"):
        if row["tempF"]:
            hours[date.fromisoformat(row["dt"][:10])].append((float(row["tempF"]) - 32) / 1.8)
    return {day: sum(values) / len(values) for day, values in hours.items()}


def frames(
    archive: zipfile.ZipFile, sample: str, outdoor_c: dict[date, float]
) -> tuple[Frame, Frame]:
    kwh = {
        date.fromisoformat(row["start"][:10]): float(row["value"])
        for row in rows(archive, f"{sample}-daily")
        if row["value"] not in ("", "nan")
    }
    before, after = (Frame.of(days, kwh, outdoor_c=outdoor_c) for days in (BASELINE, REPORTED))
    return before, after


@pytest.mark.parametrize("sample", CASES)
def test_savings_lie_in_each_others_intervals(
    sample: str, archive: zipfile.ZipFile, outdoor_c: dict[date, float]
) -> None:
    theirs, their_half, _ = CASES[sample]
    before, after = frames(archive, sample, outdoor_c)
    saving = before_after(fit(before), after)
    low, high = saving.kwh.interval()
    assert theirs - their_half < saving.kwh.value < theirs + their_half
    assert low < theirs < high


def test_at_least_half_of_the_models_fit_as_well(
    archive: zipfile.ZipFile, outdoor_c: dict[date, float]
) -> None:
    """CV(RMSE) as theirs is printed: without the degrees of freedom, to a tenth."""
    as_good = 0
    for sample, (_, _, their_cv_pct) in CASES.items():
        before, _ = frames(archive, sample, outdoor_c)
        model = fit(before)
        residuals = before.kwh - model.mean_of(before)
        cv_pct = 100 * float(np.sqrt(np.mean(residuals**2)) / before.kwh.mean())
        as_good += round(cv_pct, 1) <= their_cv_pct
    assert as_good >= len(CASES) / 2
