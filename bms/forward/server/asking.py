"""Asks a database what it has: InfluxQL over `/query` (1.x, 2.x, 3.x), PromQL from VictoriaMetrics.

influxdb-client cannot ask in InfluxQL, the one language that all of InfluxDB's versions share.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import aiohttp

from bms.config.shapes.sinks import InfluxFile
from bms.core.errors import BmsError
from bms.forward.server.http import authorization, points_elsewhere
from bms.forward.server.tls import trust, why_no_answer
from bms.texts.messages import Message, msg

QUERY_TIMEOUT_S = 60.0


class QueryFailed(BmsError):
    """The database does not answer, or not with a result."""


@dataclass(frozen=True, slots=True)
class Table:
    """One series of an answer."""

    name: str
    tags: Mapping[str, str]
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


class Reader:
    """Questions to one database. An async context manager; every method raises QueryFailed."""

    def __init__(
        self,
        settings: InfluxFile,
        token: str,
        *,
        ca: Path | None = None,
        timeout_s: float = QUERY_TIMEOUT_S,
    ) -> None:
        self._settings = settings
        self._headers = authorization(settings, token)
        self._timeout_s = timeout_s
        self._ca = ca
        # Reading the authorities of the machine takes 40 ms of the loop; aiohttp has them read.
        self._tls = True if ca is None else trust(ca)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(headers=self._headers)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def request(
        self, method: str, path: str, *, body: Any = None, **parameters: str
    ) -> tuple[int, Any]:
        """Status and answer (JSON where it is, else text)."""
        assert self._session is not None
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                self._session.request(
                    method,
                    self._settings.url + path,
                    params=parameters,
                    json=body,
                    ssl=self._tls,
                    allow_redirects=False,
                ) as answer,
            ):
                text = await answer.text(errors="replace")
                status, location = answer.status, answer.headers.get("Location")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            reason = why_no_answer(error, self._ca)
            raise QueryFailed(
                msg("{url} does not answer: {reason}", url=self._settings.url, reason=reason)
            ) from error
        if 300 <= status < 400:
            raise QueryFailed(
                msg(
                    "{url}: {status}: {remedy}",
                    url=self._settings.url,
                    status=status,
                    remedy=points_elsewhere(location),
                )
            )
        try:
            return status, json.loads(text) if text else None
        except ValueError:
            return status, text

    async def influxql(self, query: str, *, database: str) -> list[Table]:
        """The series of an InfluxQL answer; times in milliseconds."""
        status, answer = await self.request("POST", "/query", q=query, db=database, epoch="ms")
        if status != 200 or not isinstance(answer, dict):
            raise QueryFailed(_said(self._settings.url, status, answer))
        tables = []
        for result in answer.get("results", []):
            if "error" in result:
                raise QueryFailed(
                    msg("{url}: {answer}", url=self._settings.url, answer=result["error"])
                )
            tables += [
                Table(
                    series.get("name", ""),
                    series.get("tags", {}),
                    series["columns"],
                    series.get("values", []),
                )
                for series in result.get("series", [])
            ]
        return tables

    async def retention_ms(self, *, rollup: bool) -> int | None:
        """How long the database keeps a point; None: for ever, or it does not say."""
        database = self._settings.database(rollup=rollup)
        if self._settings.dialect == "v2":
            status, answer = await self.request("GET", "/api/v2/buckets", name=database)
            buckets = answer.get("buckets") if isinstance(answer, dict) else None
            if status != 200 or not buckets:
                return None
            rules = buckets[0].get("retentionRules") or [{}]
            return int(rules[0].get("everySeconds") or 0) * 1000 or None
        if self._settings.dialect == "v1":
            wanted = self._settings.retention(rollup=rollup)
            for table in await self.influxql("SHOW RETENTION POLICIES", database=database):
                for row in table.rows:
                    policy = dict(zip(table.columns, row, strict=False))
                    if policy["name"] == wanted or (wanted is None and policy["default"]):
                        return _duration_ms(policy["duration"])
        return None

    async def totals(
        self,
        function: str,
        measurement: str,
        field: str,
        start_ms: int,
        end_ms: int,
        *,
        bases: Collection[str],
        rollup: bool,
    ) -> dict[str, float]:
        """`count` or `sum` of a field by point, over [start, end), for points of these bases."""
        if self._settings.dialect == "victoria":
            return await self._totals_promql(function, measurement, field, start_ms, end_ms, bases)
        policy = self._settings.retention(rollup=rollup)
        place = f'"{policy}"."{measurement}"' if policy else f'"{measurement}"'
        pattern = "|".join(sorted(bases))
        query = (
            f'SELECT {function}("{field}") FROM {place} WHERE time >= {start_ms}ms AND '
            f'time < {end_ms}ms AND "base" =~ /^({pattern})$/ GROUP BY "point"'
        )
        tables = await self.influxql(query, database=self._settings.database(rollup=rollup))
        return {table.tags["point"]: float(table.rows[0][1]) for table in tables if table.rows}

    async def _totals_promql(
        self,
        function: str,
        measurement: str,
        field: str,
        start_ms: int,
        end_ms: int,
        bases: Collection[str],
    ) -> dict[str, float]:
        # A range is open at its start and closed at its end: one millisecond earlier.
        pattern = "|".join(sorted(bases))
        query = (
            f'sum({function}_over_time({{__name__="{measurement}_{field}",base=~"{pattern}"}}'
            f"[{end_ms - start_ms}ms])) by (point)"
        )
        status, answer = await self.request(
            "GET", "/api/v1/query", query=query, time=f"{(end_ms - 1) / 1000:.3f}", nocache="1"
        )
        if status != 200 or not isinstance(answer, dict) or "data" not in answer:
            raise QueryFailed(_said(self._settings.url, status, answer))
        return {
            item["metric"].get("point", ""): float(item["value"][1])
            for item in answer["data"]["result"]
        }


def _duration_ms(text: str) -> int | None:
    """Milliseconds of a duration as InfluxDB 1.x writes it (2160h0m0s); None for 0, for ever."""
    units = {"h": 3_600_000, "m": 60_000, "s": 1000}
    return sum(int(n) * units[unit] for n, unit in re.findall(r"(\d+)([hms])", text)) or None


def _said(url: str, status: int, answer: Any) -> Message:
    return msg("{url}: {status}: {answer}", url=url, status=status, answer=words_of(answer))


def words_of(answer: Any) -> str:
    """What a server says for itself."""
    if isinstance(answer, dict):
        answer = answer.get("message") or answer.get("error") or answer
    return " ".join(str(answer).split())[:500]
