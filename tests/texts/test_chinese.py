"""Every command on a controlled site, asked in Chinese: what it answers has no English in it but
names, keys, commands and units."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.operations.seasons.site import SITE, USER
from tests.operations.seasons.test_app import ENABLE, ZONE, run, switched
from tests.patience import async_until

_EDITED = SITE["schedules/air.yaml"].replace("07:00", "06:00")
_AIR = "b.air"
_SPEED = "b.air.speed_pct"
_COMMANDS: tuple[tuple[str, ...], ...] = (
    ("status", "."),
    ("points", "."),
    ("links", "."),
    ("why", ".", _SPEED),
    ("why", ".", ENABLE),
    ("why", ".", ENABLE, "--at", "00:00"),
    ("why", ".", "b.none.enable"),
    ("why", ".", ENABLE, "--at", "2020-01-01T00:00"),
    ("why", ".", ENABLE, "--at", "2199-01-01T00:00"),
    ("override", "list", "."),
    ("override", "set", ".", ENABLE, "on", "--for", "30d", "--reason", "belt"),
    ("override", "set", ".", ENABLE, "maybe", "--for", "1h", "--reason", "belt"),
    ("override", "set", ".", ENABLE, "on", "--for", "soon", "--reason", "belt"),
    ("override", "set", ".", ENABLE, "on", "--until", "25:00", "--reason", "belt"),
    ("override", "set", ".", ENABLE, "on", "--until", "end-of-block", "--reason", "belt"),
    ("override", "extend", ".", ENABLE, "--for", "30h", "--reason", "belt"),
    ("override", "list", "."),
    ("status", "."),
    ("schedule", "list", "."),
    ("schedule", "show", ".", "air"),
    ("schedule", "preview", ".", _AIR, "--days", "3"),
    ("schedule", "diff", ".", "draft/air.yaml"),
    ("schedule", "history", ".", "air"),
    ("schedule", "set", ".", "air", "daily", "1", "--season", "summer", "--from", "06:30",
     "--dry-run"),
    ("schedule", "set", ".", "air", "mon-fri", "9", "--from", "06:30", "--reason", "belt"),
    ("schedule", "set", ".", "air", "daily", "1", "--season", "summer", "--from", "06:30",
     "--reason", "belt"),
    ("schedule", "history", ".", "air"),
    ("schedule", "restore", ".", "air", "1", "--reason", "belt"),
    ("schedule", "restore", ".", "air", "77", "--reason", "belt"),
    ("season", "list", "."),
    ("season", "show", ".", "two-pipe", "--base", "b"),
    ("season", "switch", ".", "two-pipe", "--base", "b", "--to", "transitional", "--reason", "belt",
     "--dry-run"),
    ("season", "switch", ".", "two-pipe", "--base", "b", "--to", "spring", "--reason", "belt"),
    ("season", "withdraw", ".", "two-pipe", "--base", "b", "--reason", "belt"),
    ("overlay", "list", "."),
    ("overlay", "set", ".", "epidemic", "full", "--reason", "belt", "--dry-run"),
    ("overlay", "set", ".", "epidemic", "full", "--reason", "belt", "--yes"),
    ("overlay", "set", ".", "epidemic", "full", "--for", "30d", "--reason", "belt", "--yes"),
    ("overlay", "list", "."),
    ("why", ".", _SPEED),
    ("overlay", "clear", ".", "epidemic", "--reason", "belt", "--yes"),
    ("overlay", "renew", ".", "epidemics", "--reason", "belt", "--yes"),
    ("unit", "list", "."),
    ("unit", "show", ".", "dressing-room"),
    ("unit", "extend", ".", "dressing-room", "--for", "9h", "--reason", "belt"),
    ("unit", "cancel", ".", "dressing-room", "--reason", "belt"),
    ("unit", "resume", ".", "dressing-room", "--reason", "belt"),
    ("calendar", "list", "."),
    ("override", "clear", ".", ENABLE),
    ("override", "clear", ".", ENABLE),
    ("override", "list", ".", "--past", "1d"),
    ("audit", "list", "."),
    ("audit", "verify", "."),
)  # fmt: skip
_KEPT = {
    # units and abbreviations
    "kWh", "kW", "min", "degC", "ms", "p50", "p95", "p99", "Modbus", "h30m",
    # points and keys of every site, days and moments as they are written
    "hw_setpoint_c", "level_pct", "supply_setpoint_c", "tank_setpoint_c", "zone_setpoint_c",
    "rated_kw", "mon", "tue", "wed", "thu", "fri", "sat", "sun", "end-of-block", "tomorrow",
    "yesterday",
    # roles, sources and what the audit calls the changes, as programs know them
    "engineer", "operator", "cli", "api", "file", "bms", "adopted", "restore", "set", "clear",
    "extend", "end", "switch", "schedule", "season", "overlay", "unit", "override",
}  # fmt: skip


async def test_nothing_is_answered_in_english(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    left: dict[str, list[str]] = {}
    async with switched(tmp_path) as told:
        await async_until(lambda: told)
        drafts = tmp_path_factory.mktemp("drafts")
        (drafts / "air.yaml").write_text(_EDITED, encoding="utf-8")
        own = _words("\n".join(p.read_text("utf-8") for p in tmp_path.glob("**/*.yaml")))
        files = _words(" ".join(map(str, tmp_path.glob("**/*"))))
        for words in _COMMANDS:
            placed = [w.replace(".", str(tmp_path), 1) if w == "." else w for w in words]
            placed = [str(drafts / "air.yaml") if w == "draft/air.yaml" else w for w in placed]
            said = (await run("--lang", "zh", *placed)).output
            known = (
                own
                | files
                | _KEPT
                | _words(" ".join(placed))
                | {USER, "belt", *ZONE.key.split("/")}
            )
            english = [w for w in _english(said, tmp_path) if w not in known]
            if english:
                left[" ".join(words)] = [*english, said]
    assert left == {}, "\n".join(f"{k}: {v[:-1]}\n{v[-1]}" for k, v in left.items())


def _english(text: str, site: Path) -> Sequence[str]:
    """The words of a text that are not paths, options, commands to copy or moments."""
    text = text.replace(str(site), "")
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.+-]+|--[a-z-]+|'bms [^']*'|bms( [a-z]+)+", " ", text)
    return sorted(_words(text))


def _words(text: str) -> set[str]:
    return set(re.findall(r"[A-Za-z][A-Za-z0-9_-]+", text))
