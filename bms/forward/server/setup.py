"""Makes what a database needs before anything is sent, and says what our token may do.

2.x: the buckets with their retention, a DBRP mapping for each (so that InfluxQL and Grafana find
them as databases) and, on request, a token that may do no more than write and read them. 1.x: the
databases and retention policies. 3.x: the databases. VictoriaMetrics makes everything itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bms.config.shapes.sinks import InfluxFile
from bms.core.errors import BmsError
from bms.forward.server.asking import QueryFailed, Reader, words_of
from bms.texts.messages import Message, message_of, msg, plural

DAY_S = 86_400


class SetupFailed(BmsError):
    """The server did not do what was asked; says what, and what to do."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was made, found in place, or is wrong."""

    what: str
    state: str
    """`made`, `there`, `changed`, `note` or `wrong`."""
    detail: str = ""


async def initialise(
    settings: InfluxFile, admin: Reader, *, create_token: bool = False, site: str = ""
) -> tuple[list[Finding], str | None]:
    """Make what is missing; nothing that is there is removed. The new token, if one was wanted.

    `admin` asks with a token that may make these things. Raises SetupFailed or QueryFailed.
    """
    if settings.dialect == "v2":
        return await _initialise_v2(settings, admin, create_token=create_token, site=site)
    if create_token:
        raise SetupFailed(
            msg(
                "tokens are made here for 2.x only; make one on the server of '{name}'",
                name=settings.name,
            )
        )
    if settings.dialect == "v1":
        return await _initialise_v1(settings, admin), None
    if settings.dialect == "v3":
        return await _initialise_v3(settings, admin), None
    return [Finding("VictoriaMetrics", "there", msg("makes its series by itself"))], None


async def check_token(settings: InfluxFile, reader: Reader) -> list[Finding]:
    """The rights of the everyday token: it has to write and read, and should do no more."""
    findings = []
    for rollup in sorted({False, settings.place(rollup=True) != settings.place(rollup=False)}):
        place = settings.place(rollup=rollup)
        name = settings.database(rollup=rollup) or msg("everything")
        write, read = msg("write to {name}", name=name), msg("read from {name}", name=name)
        status, answer = await reader.request("POST", place.path, **dict(place.parameters))
        # Without a line a server that would take one answers 204 or that the body is missing.
        good = status in (200, 204) or (status == 400 and "token" not in str(answer).lower())
        detail = "" if good else f"{status}: {words_of(answer)}"
        findings.append(Finding(write, "there" if good else "wrong", detail))
        if settings.dialect != "victoria":
            try:
                await reader.influxql("SHOW MEASUREMENTS LIMIT 1", database=name)
            except QueryFailed as error:
                findings.append(Finding(read, "wrong", message_of(error)))
            else:
                findings.append(Finding(read, "there"))
    if settings.dialect == "v2":
        status, answer = await reader.request("GET", "/api/v2/authorizations", limit="1")
        if status == 200 and answer and answer.get("authorizations"):
            status, _ = await reader.request("GET", "/api/v2/users", limit="1")
            if status == 200:
                findings.append(
                    Finding(
                        msg("scope of the token"),
                        "note",
                        msg(
                            "it may also manage tokens and users; a gateway needs one for its "
                            "buckets only: {command}",
                            command="bms influx init --create-token",
                        ),
                    )
                )
    return findings


async def _initialise_v2(
    settings: InfluxFile, admin: Reader, *, create_token: bool, site: str
) -> tuple[list[Finding], str | None]:
    found = await _ask(admin, "GET", "/api/v2/orgs", org=str(settings.org))
    organisations = found.get("orgs") or []
    if not organisations:
        raise SetupFailed(
            msg("{url} knows no organisation '{org}'", url=settings.url, org=settings.org)
        )
    org_id = organisations[0]["id"]
    findings: list[Finding] = []
    bucket_ids: list[str] = []
    for name, retention_s in _buckets(settings).items():
        bucket_id, finding = await _bucket(admin, org_id, name, retention_s)
        bucket_ids.append(bucket_id)
        findings += [finding, await _mapping(admin, org_id, bucket_id, name)]
    token = None
    if create_token:
        permissions = [
            {"action": action, "resource": {"type": "buckets", "id": number, "orgID": org_id}}
            for number in bucket_ids
            for action in ("read", "write")
        ]
        made = await _ask(
            admin,
            "POST",
            "/api/v2/authorizations",
            body={
                "orgID": org_id,
                "description": f"bms {site}".strip(),
                "permissions": permissions,
            },
        )
        token = str(made["token"])
        scope = msg("may read and write the buckets, nothing else")
        findings.append(Finding(msg("token"), "made", scope))
    return findings, token


def _buckets(settings: InfluxFile) -> dict[str, int]:
    """Retention in seconds by bucket; 0 is for ever. One bucket for both keeps roll-ups."""
    raw, rollup = settings.database(rollup=False), settings.database(rollup=True)
    if raw == rollup:
        return {raw: 0}
    return {raw: settings.raw_days * DAY_S, rollup: 0}


async def _bucket(admin: Reader, org_id: str, name: str, retention_s: int) -> tuple[str, Finding]:
    found = await _ask(admin, "GET", "/api/v2/buckets", name=name, orgID=org_id)
    kept = _kept(retention_s)
    title = msg("bucket {name}", name=name)
    rules = [{"type": "expire", "everySeconds": retention_s}] if retention_s else []
    if not found.get("buckets"):
        made = await _ask(
            admin,
            "POST",
            "/api/v2/buckets",
            body={"orgID": org_id, "name": name, "retentionRules": rules},
        )
        return str(made["id"]), Finding(title, "made", kept)
    bucket = found["buckets"][0]
    there = bucket.get("retentionRules") or []
    there_s = int(there[0]["everySeconds"]) if there else 0
    if there_s == retention_s:
        return str(bucket["id"]), Finding(title, "there", kept)
    if there_s and (retention_s == 0 or retention_s > there_s):
        await _ask(
            admin, "PATCH", f"/api/v2/buckets/{bucket['id']}", body={"retentionRules": rules}
        )
        return str(bucket["id"]), Finding(title, "changed", kept)
    # To shorten it would delete data: that is for a person to do.
    detail = msg("on the server: {there}; asked for: {asked}", there=_kept(there_s), asked=kept)
    return str(bucket["id"]), Finding(title, "note", detail)


def _kept(retention_s: int) -> Message:
    if not retention_s:
        return msg("kept for ever")
    days = retention_s // DAY_S
    return plural("kept {count} day", "kept {count} days", count=days)


async def _mapping(admin: Reader, org_id: str, bucket_id: str, name: str) -> Finding:
    title = msg("DBRP mapping {name}", name=name)
    found = await _ask(admin, "GET", "/api/v2/dbrps", orgID=org_id, db=name)
    for mapping in found.get("content") or []:
        if mapping["bucketID"] == bucket_id and not mapping.get("virtual", False):
            return Finding(title, "there")
    await _ask(
        admin,
        "POST",
        "/api/v2/dbrps",
        body={
            "orgID": org_id,
            "bucketID": bucket_id,
            "database": name,
            "retention_policy": "autogen",
            "default": True,
        },
    )
    return Finding(title, "made")


async def _initialise_v1(settings: InfluxFile, admin: Reader) -> list[Finding]:
    findings = []
    database = settings.database(rollup=False)
    await admin.influxql(f'CREATE DATABASE "{database}"', database="")
    findings.append(Finding(msg("database {name}", name=database), "there"))
    for policy, days in ((settings.rp, settings.raw_days), (settings.rollup_rp, 0)):
        if policy is None:
            continue
        title = msg("retention policy {name}", name=policy)
        tables = await admin.influxql(f'SHOW RETENTION POLICIES ON "{database}"', database="")
        if policy in [row[0] for table in tables for row in table.rows]:
            findings.append(Finding(title, "there"))
            continue
        duration = f"{days}d" if days else "INF"
        await admin.influxql(
            f'CREATE RETENTION POLICY "{policy}" ON "{database}" DURATION {duration} REPLICATION 1',
            database="",
        )
        findings.append(Finding(title, "made", duration))
    return findings


async def _initialise_v3(settings: InfluxFile, admin: Reader) -> list[Finding]:
    findings = []
    for name in dict.fromkeys(settings.database(rollup=rollup) for rollup in (False, True)):
        status, answer = await admin.request(
            "POST", "/api/v3/configure/database", body={"db": name}
        )
        if status not in (200, 201, 204, 409):
            raise SetupFailed(
                msg(
                    "{url}: database {name}: {status}: {answer}",
                    url=settings.url,
                    name=name,
                    status=status,
                    answer=words_of(answer),
                )
            )
        title = msg("database {name}", name=name)
        findings.append(Finding(title, "there" if status == 409 else "made"))
    return findings


async def _ask(
    admin: Reader, method: str, path: str, *, body: Any = None, **parameters: str
) -> Mapping[str, Any]:
    status, answer = await admin.request(method, path, body=body, **parameters)
    if status == 404 and method == "GET":
        return {}
    if status in (401, 403):
        raise SetupFailed(
            msg(
                "{request}: {status}: the token may not do this; give one that may with {option}",
                request=path,
                status=status,
                option="--token-env",
            )
        )
    if status >= 300:
        raise SetupFailed(
            msg(
                "{request}: {status}: {answer}",
                request=f"{method} {path}",
                status=status,
                answer=words_of(answer),
            )
        )
    if isinstance(answer, str):
        raise SetupFailed(
            msg(
                "{request}: this is no answer of an InfluxDB; is {key} right? ({answer})",
                request=f"{method} {path}",
                key="url",
                answer=words_of(answer),
            )
        )
    return answer if isinstance(answer, dict) else {}
