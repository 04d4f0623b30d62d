"""Dead letters sent once more, when what was wrong on the server has been put right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bms.config.shapes.sinks import InfluxFile
from bms.forward.copying.delivery import MAX_LINES, parcels
from bms.forward.cursors import DeadLetter, dead_letters, forget_dead
from bms.forward.server.http import InfluxTransport, NotNow, RejectedLines, TooLarge, Transport
from bms.texts.messages import message_of

TIMEOUT_S = 30.0
ROLLUP_STREAMS = frozenset({"energy", "rollups"})


@dataclass(slots=True)
class Resent:
    """What came of it, in lines."""

    taken: int = 0
    refused: int = 0
    error: str = ""


async def resend_dead(
    state_dir: Path,
    settings: InfluxFile,
    token: str,
    *,
    now: Callable[[], datetime],
    ca: Path | None = None,
) -> Resent:
    """Send every dead letter of a sink again; those that are taken whole are forgotten."""
    result = Resent()
    letters = [letter for letter in dead_letters(state_dir, settings.name) if letter.lines]
    if not letters:
        return result
    async with InfluxTransport(settings, token, timeout_s=TIMEOUT_S, now=now, ca=ca) as transport:
        for index, letter in enumerate(letters):
            try:
                await _send(transport, letter)
            except (RejectedLines, TooLarge):
                result.refused += len(letter.lines)
            except NotNow as error:
                result.error = message_of(error)
                result.refused += sum(len(rest.lines) for rest in letters[index:])
                break
            else:
                forget_dead(state_dir, [letter.number])
                result.taken += len(letter.lines)
    return result


async def _send(transport: Transport, letter: DeadLetter) -> None:
    lines = [line.decode() for line in letter.lines]
    for parcel in parcels(lines, MAX_LINES):
        await transport.post(parcel.packed, rollup=letter.stream in ROLLUP_STREAMS)
