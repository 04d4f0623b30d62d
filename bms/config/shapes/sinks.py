"""`influx` in `site.yaml`: the databases that history is copied to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from bms.config.shapes.filemodel import FileModel
from bms.core.equipment import PointClass
from bms.texts.addresses import Address
from bms.texts.messages import msg

TOKEN_ENV = "BMS_INFLUX_TOKEN"

StreamKind: TypeAlias = Literal["raw", "energy", "rollups", "events"]

KEYS = {
    "v2": ({"org", "bucket"}, {"rollup_bucket"}),
    "v1": ({"db"}, {"rp", "rollup_rp", "write"}),
    "v3": ({"db"}, {"rollup_db"}),
    "victoria": (set[str](), set[str]()),
}
"""By dialect: the keys of its place that it needs, and those that it knows besides."""


def http_url(url: str) -> str:
    """An address of HTTP or HTTPS, without the login that stands in it. Raises ValueError."""
    address = Address(url).base()
    if not re.match(r"https?://[^/\s]+", address):
        raise ValueError(
            msg("'{url}' is not an address: write http://host:port or https://…", url=Address(url))
        )
    return address


def _several(value: object) -> object:
    return [value] if isinstance(value, dict) else value


def _names_once(sinks: list[InfluxFile]) -> list[InfluxFile]:
    names = [sink.name for sink in sinks]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(
                msg(
                    "two databases are called '{name}': give each its own name (its cursor "
                    "is kept under it)",
                    name=name,
                )
            )
    return sinks


@dataclass(frozen=True, slots=True)
class WritePlace:
    """Where lines are posted: path below the address, and the query's parameters."""

    path: str
    parameters: tuple[tuple[str, str], ...]


class InfluxFile(FileModel):
    """One database to copy history to; its token comes from the environment."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$", max_length=64)] = "influx"
    """Names its cursor: a database that is renamed here is copied to from the beginning."""
    dialect: Literal["v2", "v1", "v3", "victoria"] = "v2"
    """InfluxDB 2, 1 or 3, or VictoriaMetrics."""
    url: Annotated[str, AfterValidator(http_url)]
    """`http://host:port` or `https://…`."""
    org: str | None = Field(default=None, min_length=1)
    """v2: the organisation."""
    bucket: str | None = Field(default=None, min_length=1)
    """v2: the bucket of raw data."""
    rollup_bucket: str | None = Field(default=None, min_length=1)
    """Where energy and roll-ups go, which are kept longer; with the raw data if absent."""
    db: str | None = Field(default=None, min_length=1)
    """v1 and v3: the database."""
    rollup_db: str | None = Field(default=None, min_length=1)
    """v3: where energy and roll-ups go; with the raw data if absent."""
    rp: str | None = Field(default=None, min_length=1)
    """v1: the retention policy of raw data; the server's default if absent."""
    rollup_rp: str | None = Field(default=None, min_length=1)
    """v1: the retention policy of energy and roll-ups; that of raw data if absent."""
    write: Literal["plain", "v2"] = "plain"
    """v1 only: `/write`, or 1.8's `/api/v2/write`."""
    token_env: str | None = Field(default=None, min_length=1)
    """Variable with the token; for 1.x `user:password`."""
    ca: str | None = None
    """The authority that signed the server's certificate, PEM, relative to the site."""
    send: list[StreamKind] = Field(default=["raw", "energy", "rollups", "events"], min_length=1)
    """What is sent."""
    classes: list[PointClass] = Field(default=list(PointClass), min_length=1)
    """Which raw points, by class."""
    points: list[str] = Field(default=["*"], min_length=1)
    """Which raw points, by wildcards of their ids."""
    max_lines_s: float | None = Field(default=None, gt=0)
    """Cap on everything that is sent."""
    backfill_ratio: float = Field(default=2.0, gt=0, le=5)
    """What was missed follows at this many times the live rate, at most."""
    raw_days: int = Field(default=400, ge=1)
    """How long `bms influx init` lets the server keep raw data; roll-ups stay for good."""

    @model_validator(mode="after")
    def _place_of_dialect(self) -> InfluxFile:
        needed, known = KEYS[self.dialect]
        places = set[str]().union(*(a | b for a, b in KEYS.values()))
        for key in sorted(needed):
            if getattr(self, key) is None:
                raise ValueError(
                    msg("dialect {dialect} needs '{key}'", dialect=self.dialect, key=key)
                )
        for key in sorted(places & self.model_fields_set):
            if key not in needed | known:
                raise ValueError(
                    msg(
                        "'{key}' means nothing to dialect {dialect}, which knows {keys}",
                        key=key,
                        dialect=self.dialect,
                        keys=", ".join(sorted(needed | known)) or msg("an address only"),
                    )
                )
        return self

    @property
    def token_variable(self) -> str:
        return self.token_env or TOKEN_ENV

    @property
    def login(self) -> str:
        """`user:password` of the address, which shows neither; else empty."""
        return self.url.login if isinstance(self.url, Address) else ""

    @property
    def needs_token(self) -> bool:
        """Whether sending without a token is certainly a mistake."""
        return self.dialect == "v2" or self.token_env is not None

    def database(self, *, rollup: bool) -> str:
        """What InfluxQL calls the database: bucket, database, or nothing for VictoriaMetrics."""
        if self.dialect == "v2":
            return (self.rollup_bucket if rollup else None) or str(self.bucket)
        return (self.rollup_db if rollup else None) or (self.db or "")

    def retention(self, *, rollup: bool) -> str | None:
        """The retention policy of 1.x, None for its default."""
        return (self.rollup_rp if rollup else None) or self.rp

    def place(self, *, rollup: bool) -> WritePlace:
        """Where lines of raw data, or of energy and roll-ups, are posted."""
        database, policy = self.database(rollup=rollup), self.retention(rollup=rollup)
        if self.dialect == "v1" and self.write == "plain":
            parameters = [("db", database), *([("rp", policy)] if policy else [])]
            return WritePlace("/write", (*parameters, ("precision", "ms")))
        if self.dialect == "v1":
            database = f"{database}/{policy or 'autogen'}"
        parameters = [("bucket", database)] if database else []
        if self.dialect != "victoria":
            parameters.insert(0, ("org", self.org or "-"))
        return WritePlace("/api/v2/write", (*parameters, ("precision", "ms")))


InfluxFiles: TypeAlias = Annotated[
    list[InfluxFile], BeforeValidator(_several), AfterValidator(_names_once)
]
"""One database as a mapping, or a list of several."""
