"""Power cuts from recorded I/O: every disk that a crash may leave behind, by a strict model.

What was synced is there. Of what was written to a file since its last sync, any part may be there:
a beginning of it, or any selection in any order, writes torn at sectors included. Names (creating,
renaming, unlinking) come in order, and are certain once their directory was synced.
"""

from __future__ import annotations

import random
import struct
import subprocess
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from tests.patience import PATIENCE_S

HEAD = struct.Struct("<iiiqq")
SECTOR = 512


def build_recorder(directory: Path) -> Path | None:
    """The recorder as a library; None without a C compiler."""
    source = Path(__file__).with_name("iorecord.c")
    library = directory / "iorecord.so"
    try:
        subprocess.run(
            ["cc", "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl", "-lpthread"],
            check=True,
            capture_output=True,
            timeout=PATIENCE_S,
        )
    except FileNotFoundError:
        return None
    return library


@dataclass(frozen=True, slots=True)
class Event:
    kind: str
    """W, T: data of a file; S: file synced; C, R, U: names; D: directory synced."""
    file: int = 0
    at: int = 0
    data: bytes = b""
    name: str = ""
    other: str = ""


def events(log: Path, directory: Path) -> list[Event]:
    """The recorded operations; files are numbered as they are made."""
    raw = log.read_bytes()
    found: list[Event] = []
    names: dict[str, int] = {}
    files: dict[int, int] = {}
    made = 0
    at = 0
    root = f"{directory}/"
    while at < len(raw):
        kind, fd, flags, offset, size = HEAD.unpack_from(raw, at)
        data = raw[at + HEAD.size : at + HEAD.size + size]
        at += HEAD.size + size
        letter = chr(kind)
        if letter == "O":
            name = data.decode().removeprefix(root)
            if flags & 1 or name not in names:
                made += 1
                names[name] = made
                found.append(Event("C", made, name=name))
            elif flags & 2:
                found.append(Event("T", names[name], 0))
            files[fd] = names[name]
        elif letter in "WTS":
            found.append(Event(letter, files[fd], offset, data))
        elif letter == "R":
            old, new = (part.decode().removeprefix(root) for part in data.split(b"\0"))
            names[new] = names.pop(old)
            found.append(Event("R", name=old, other=new))
        elif letter == "U":
            name = data.decode().removeprefix(root)
            names.pop(name, None)
            found.append(Event("U", name=name))
        else:
            found.append(Event("D"))
    return found


def image(history: list[Event], crash: int, rng: random.Random, target: Path) -> None:
    """A disk as it may be when the power fails before event `crash`."""
    writes: dict[int, list[tuple[int, Event]]] = defaultdict(list)
    synced: dict[int, int] = {}
    changes: list[tuple[int, Event]] = []
    directory_synced = -1
    for i, event in enumerate(history[:crash]):
        if event.kind in "WT":
            writes[event.file].append((i, event))
        elif event.kind == "S":
            synced[event.file] = i
        elif event.kind == "D":
            directory_synced = i
        else:
            changes.append((i, event))
    certain = [e for i, e in changes if i < directory_synced]
    open_changes = [e for i, e in changes if i >= directory_synced]
    names: dict[str, int] = {}
    for event in [*certain, *open_changes[: rng.randint(0, len(open_changes))]]:
        if event.kind == "C":
            names[event.name] = event.file
        elif event.kind == "R":
            if event.name in names:
                names[event.other] = names.pop(event.name)
        else:
            names.pop(event.name, None)
    ordered = rng.random() < 0.5
    target.mkdir()
    for name, file in names.items():
        content = bytearray()
        safe = [e for i, e in writes[file] if i < synced.get(file, -1)]
        unsafe = [e for i, e in writes[file] if i >= synced.get(file, -1)]
        if ordered:
            chosen = unsafe[: rng.randint(0, len(unsafe))]
        else:
            chosen = [e for e in unsafe if rng.random() < 0.5]
            rng.shuffle(chosen)
        for event in safe:
            _apply(content, event)
        for event in chosen:
            _apply(content, _torn(event, rng))
        (target / name).write_bytes(content)


def _torn(event: Event, rng: random.Random) -> Event:
    """One write in eight reaches the disk only in part."""
    if event.kind != "W" or rng.random() > 0.125:
        return event
    sectors = len(event.data) // SECTOR
    return Event("W", event.file, event.at, event.data[: rng.randint(0, sectors) * SECTOR])


def _apply(content: bytearray, event: Event) -> None:
    if event.kind == "T":
        del content[event.at :]
        content.extend(bytes(event.at - len(content)))
        return
    if len(content) < event.at:
        content.extend(bytes(event.at - len(content)))
    content[event.at : event.at + len(event.data)] = event.data
