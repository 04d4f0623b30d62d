"""The audit as it is asked for: what fits, and lines that somebody tampered with."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bms.operations.requests.past_requests import ListAudit, VerifyAudit
from bms.operations.use_cases.past_cases import list_audit, verify_audit
from bms.storage import audit
from bms.texts.messages import Message, msg

NOW = datetime(2026, 7, 1, 8, 0, tzinfo=UTC)


def written(directory: Path) -> None:
    for hour, who in enumerate(("wang", "li", "wang")):
        why = msg("replaced by {user}", user=who)
        time = NOW + timedelta(hours=hour)
        audit.record(directory, time, who=who, via="cli", what="meter.replace", why=why, hour=hour)


def test_entries_that_fit_come_the_latest_first(tmp_path: Path) -> None:
    written(tmp_path)
    found = list_audit(tmp_path, ListAudit(who="wang", since=NOW + timedelta(hours=1))).plain()
    assert [entry["hour"] for entry in found] == [2]
    found = list_audit(tmp_path, ListAudit(what="meter", limit=2)).plain()
    assert [entry["hour"] for entry in found] == [2, 1]
    assert list(found[0]) == ["seq", "time", "who", "via", "what", "why", "hour", "hash"]
    assert found[0]["why"] == "replaced by wang"


def test_a_screen_is_told_messages_as_such(tmp_path: Path) -> None:
    written(tmp_path)
    (entry,) = list_audit(tmp_path, ListAudit(limit=1)).shown()
    assert isinstance(entry["why"], Message)


def test_a_line_that_was_tampered_with_is_told_as_it_is(tmp_path: Path) -> None:
    written(tmp_path)
    odd = {"seq": "four", "who": None, "why": 3, "more": [1]}
    with (tmp_path / audit.FILE_NAME).open("a", encoding="utf-8") as file:
        file.write(json.dumps(odd) + "\n")
    assert list_audit(tmp_path, ListAudit(limit=1)).plain() == [odd]
    answer = verify_audit(tmp_path, VerifyAudit())
    assert answer.entries == 4
    assert len(answer.problems) == 1
