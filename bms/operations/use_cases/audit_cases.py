"""Look at the audit in a state directory, also while the files of the site are being edited."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from bms.operations.requests.audit_requests import (
    AuditEntries,
    AuditVerified,
    ListAudit,
    VerifyAudit,
)
from bms.storage import audit


def list_audit(state_dir: Path, asked: ListAudit) -> AuditEntries:
    """Entries that fit, the latest first."""
    rows = [entry for entry in audit.entries(state_dir) if _fits(entry, asked)]
    return AuditEntries.model_validate(rows[::-1][: asked.limit])


def _fits(entry: dict[str, Any], asked: ListAudit) -> bool:
    return (
        (asked.who is None or asked.who in str(entry.get("who")))
        and (asked.what is None or asked.what in str(entry.get("what")))
        and (asked.text is None or asked.text in json.dumps(entry, ensure_ascii=False))
        and (asked.since is None or datetime.fromisoformat(str(entry.get("time"))) >= asked.since)
    )


def verify_audit(state_dir: Path, _asked: VerifyAudit) -> AuditVerified:
    """Whether no entry was changed, removed or put in between."""
    count, problems = audit.verify(state_dir)
    return AuditVerified(entries=count, problems=tuple(problems))
