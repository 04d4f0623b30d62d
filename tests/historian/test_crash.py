"""kill -9 at any moment: nothing acknowledged is lost, nothing is there twice or half."""

from __future__ import annotations

import random
import signal
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread

import pytest

from bms.app.upkeep_round import COMMAND
from bms.historian.log.embedded import History
from bms.historian.upkeep.rounds import Request, outcome_of, start
from tests.historian.crash import Rig
from tests.historian.test_compaction import (
    POWER,
    STATUS,
    at,
    expected,
    published,
    recorded,
    sample,
    stream,
)


def lives(directory: Path, count: int, seed: int) -> tuple[int, int]:
    """Let one daemon live and die `count` times; lives that were heard of, samples kept."""
    rng = random.Random(seed)
    heard = 0
    with Rig(directory) as rig:
        for life in range(count):
            heard += rig.life(rng) > 0
            rig.check_log()
            if life % 100 == 99:
                rig.check_samples()
        kept = rig.check_samples()
        rig.check_rollups(datetime.now(UTC))
        rig.check_samples()
    return heard, kept


def test_a_killed_daemon_has_what_it_acknowledged(tmp_path: Path) -> None:
    heard, kept = lives(tmp_path, 12, 1)
    assert heard >= 8
    assert kept > heard


@pytest.mark.slow
def test_a_thousand_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    results: list[tuple[int, int]] = []
    each = 250

    def run(number: int) -> None:
        results.append(lives(tmp_path / str(number), each, number))

    for number in range(4):
        (tmp_path / str(number)).mkdir()
    threads = [Thread(target=run, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    assert sum(heard for heard, _ in results) > 0.7 * 4 * each
    assert all(kept > each for _, kept in results)


def killed_upkeep(directory: Path, kills: int, seed: int) -> None:
    """Compact days of history by processes that are killed at any moment."""
    rng = random.Random(seed)
    samples = []
    for i in range(4000):
        samples.append(sample(POWER, float(rng.randrange(100)), i * 60))
        if i % 7 == 0:
            samples.append(sample(STATUS, rng.random() < 0.5, i * 60))
    with History(directory) as history:
        for first in range(0, len(samples), 50):
            part = samples[first : first + 50]
            last = (part[-1].time - at(0)).total_seconds()
            history.append(recorded(part, last))
    end = 3999 * 60.0
    for number in range(kills):
        # The day moves on while it keeps being killed: passes, days, merges all break off.
        now = at(end * (number + 1) / kills)
        request = Request(str(directory), round(now.timestamp() * 1000), "Asia/Shanghai", sinks=())
        process = start(request, COMMAND)
        try:
            process.wait(0.1 + rng.random() * 0.5)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
        process.communicate()
    for _ in range(2):
        later = at(end + 3600)
        done = outcome_of(
            start(
                Request(str(directory), round(later.timestamp() * 1000), "Asia/Shanghai", sinks=()),
                COMMAND,
            )
        )
        assert not done.error
    horizon = end // 900 * 900
    assert published(stream(directory)) == expected(samples, [(0, end)], horizon)
    with History(directory, read_only=True) as history:
        for point in (POWER, STATUS):
            assert history.samples(point, at(0), at(end)) == [
                s for s in samples if s.point == point
            ]


def test_a_killed_upkeep_is_redone_without_a_trace(tmp_path: Path) -> None:
    killed_upkeep(tmp_path, 10, 5)


@pytest.mark.slow
def test_two_hundred_killed_upkeeps(tmp_path: Path) -> None:
    for seed in range(4):
        directory = tmp_path / str(seed)
        directory.mkdir()
        killed_upkeep(directory, 50, seed)
