"""The power fails at any moment: the history always opens, nothing acknowledged is lost."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from bms.historian.files.rolldb import RollDb
from bms.historian.log.embedded import History
from bms.historian.records import Batch
from tests.historian.powercut import Event, build_recorder, events, image
from tests.historian.test_compaction import (
    POWER,
    STATUS,
    at,
    compact,
    expected,
    published,
    recorded,
    sample,
    stream,
)
from tests.patience import PATIENCE_S

COMMITS = 240
STEP_S = 60.0
DONE = "acknowledged"

WORKER = """
import os, sys
from pathlib import Path
from tests.historian.test_compaction import compact
from tests.historian.test_power_loss import COMMITS, DONE, STEP_S, batch
from tests.historian.test_compaction import at
from bms.historian.files.rolldb import RollDb
from bms.historian.log.embedded import History

directory = Path(sys.argv[1])
done = os.open(directory / DONE, os.O_WRONLY | os.O_CREAT)
with History(directory) as history:
    for i in range(COMMITS):
        history.append(batch(i))
        os.write(done, b"%08d" % i)
        if i % 40 == 39:
            compact(directory, i * STEP_S + 130)
            with RollDb(directory, history.uid(), read_only=True) as roll:
                done_to = roll.progress()
            progress = done_to.seq, done_to.horizon_ms or 0
            history.prune(at(i * STEP_S - 3600), compacted=progress, taken=None)
    # and the next day, when files of the day before are merged
    history.append(batch(COMMITS + 2000))
    os.write(done, b"%08d" % COMMITS)
    compact(directory, (COMMITS + 2000) * STEP_S + 130)
"""


def batch(i: int) -> Batch:
    now = i * STEP_S
    samples = [sample(POWER, float(i), now), sample(STATUS, i % 5 == 0, now)]
    return recorded(samples, now, begun=at(0) if i == 0 else None)


def uid_and_progress(directory: Path) -> tuple[int, int]:
    with History(directory, read_only=True) as history:
        uid = history.uid()
    with RollDb(directory, uid, read_only=True) as roll:
        progress = roll.progress()
    return progress.seq, progress.horizon_ms or 0


def recorded_events(tmp_path: Path) -> list[Event]:
    library = build_recorder(tmp_path)
    if library is None:
        pytest.skip("power cuts are replayed with a recorder that needs a C compiler (cc)")
    directory = tmp_path / "state"
    directory.mkdir()
    log = tmp_path / "io.log"
    environment = {
        **os.environ,
        "LD_PRELOAD": str(library),
        "IOREC_DIR": f"{directory}/",
        "IOREC_LOG": str(log),
    }
    subprocess.run(
        [sys.executable, "-c", WORKER, str(directory)],
        env=environment,
        check=True,
        timeout=PATIENCE_S,
    )
    found = events(log, directory)
    # The recorder saw everything: the last image is the directory as it is.
    final = tmp_path / "final"
    image([*found, *_all_synced(found)], len(found) + 10**6, random.Random(0), final)
    for path in directory.iterdir():
        if path.suffix == ".db":
            assert (final / path.name).read_bytes() == path.read_bytes(), path.name
    return found


def _all_synced(found: list[Event]) -> list[Event]:
    files = {event.file for event in found if event.file}
    return [*(Event("S", file) for file in sorted(files)), Event("D")]


def anywhen(found: list[Event], count: int, seed: int) -> list[int]:
    rng = random.Random(seed)
    return [rng.randrange(len(found)) for _ in range(count)]


def check_images(tmp_path: Path, found: list[Event], crashes: list[int], seed: int) -> None:
    """Open, compare and compact one image of each crash, given as places in `found`."""
    rng = random.Random(seed)
    acks = next(e.file for e in found if e.kind == "C" and e.name == DONE)
    batches = [*range(COMMITS), COMMITS + 2000]
    for number, crash in enumerate(crashes):
        target = tmp_path / f"image-{seed}-{number}"
        image(found, crash, rng, target)
        acknowledged = [int(e.data) for e in found[:crash] if e.kind == "W" and e.file == acks]
        least = acknowledged[-1] + 1 if acknowledged else 0
        with History(target) as history:
            points = {p: history.samples(p, at(-9e6), at(9e6)) for p in (POWER, STATUS)}
        kept = len(points[POWER])
        assert kept >= least, f"image {number}: {least} acknowledged, {kept} there"
        samples = [s for i in batches[:kept] for s in batch(i).samples]
        for point, there in points.items():
            assert there == [s for s in samples if s.point == point], f"image {number}"
        if not kept:
            continue
        end = batches[kept - 1] * STEP_S
        compact(target, end + 3600)
        assert published(stream(target)) == expected(samples, [(0, end)], end // 900 * 900)
        with History(target, read_only=True) as history:
            assert history.samples(POWER, at(-9e6), at(9e6)) == points[POWER]
        if number % 20:
            for path in target.iterdir():
                path.unlink()


def test_power_cuts_lose_nothing_acknowledged(tmp_path: Path) -> None:
    found = recorded_events(tmp_path)
    check_images(tmp_path, found, anywhen(found, 25, 1), 1)


@pytest.mark.parametrize("name", ["history.db", "roll.db"])
def test_power_cuts_while_a_database_is_made(tmp_path: Path, name: str) -> None:
    found = recorded_events(tmp_path)
    named = next(i for i, e in enumerate(found) if e.kind == "R" and e.other == name)
    check_images(tmp_path, found, [*range(named - 10, named + 20)] * 2, 4)


@pytest.mark.slow
def test_four_hundred_power_cuts(tmp_path: Path) -> None:
    found = recorded_events(tmp_path)
    check_images(tmp_path, found, anywhen(found, 400, 2), 2)


def test_the_model_does_lose_what_was_not_synced(tmp_path: Path) -> None:
    """A proof that cannot fail proves nothing: without syncs, acknowledged commits are lost."""
    found = [e for e in recorded_events(tmp_path) if e.kind != "S"]
    with pytest.raises(Exception, match="acknowledged|damaged|there is no|missing"):
        check_images(tmp_path, found, anywhen(found, 40, 3), 3)
