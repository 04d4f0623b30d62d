"""The databases of `make servers` as processes of a test, each on a port that was free."""

from __future__ import annotations

import json
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode

from tests.patience import PATIENCE_S
from tests.servers.databases import influxdb1, influxdb2, victoria
from tests.servers.peers import required

ORG, BUCKET, ROLLUPS, TOKEN = "park", "raw", "rollup", "token-of-the-test"


def call(
    url: str,
    body: Any = None,
    *,
    method: str | None = None,
    token: str = "",
    tls: ssl.SSLContext | None = None,
) -> Any:
    """One request; JSON where it is, else text. Raises HTTPError for 4xx and 5xx."""
    data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    request = urllib.request.Request(url, data, method=method)
    request.add_header("Content-Type", "application/json")
    if token:
        request.add_header("Authorization", f"Token {token}")
    with urllib.request.urlopen(request, timeout=PATIENCE_S, context=tls) as answer:
        text = answer.read().decode()
    try:
        return json.loads(text)
    except ValueError:
        return text


class _Server:
    """A process with a folder and an address. A context manager."""

    def __init__(self, folder: Path | None = None) -> None:
        self._temporary = folder is None
        self.folder = folder or Path(tempfile.mkdtemp(prefix="bms-server-"))
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        raise NotImplementedError

    def ready(self) -> bool:
        raise NotImplementedError

    def start(self) -> None:
        """Start, again with the same data and port if it ran before."""
        for _ in range(5):
            self.port = self.port or _free_port()
            log = (self.folder / "log").open("ab")
            with log:
                self._process = subprocess.Popen(self.command(), stdout=log, stderr=log)
            if self._comes_up():
                return
            self.stop()
            self.port = 0  # somebody else was faster
        raise AssertionError((self.folder / "log").read_text()[-2000:])

    def _comes_up(self) -> bool:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            assert self._process is not None
            if self._process.poll() is not None:
                return False
            try:
                if self.ready():
                    return True
            except (URLError, HTTPError, OSError):
                pass
            time.sleep(0.05)
        return False

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        if self._temporary:
            shutil.rmtree(self.folder, ignore_errors=True)


class Influx2(_Server):
    """InfluxDB 2.7 with an organisation, two buckets and a token that may do everything."""

    def __init__(
        self,
        folder: Path | None = None,
        *,
        certificate: Path | None = None,
        key: Path | None = None,
    ) -> None:
        """With a certificate and its key it speaks TLS only."""
        super().__init__(folder)
        self._certificate, self._key = certificate, key
        self._tls = None
        if certificate is not None:
            self._tls = ssl.create_default_context()
            self._tls.check_hostname = False
            self._tls.verify_mode = ssl.CERT_NONE

    @property
    def url(self) -> str:
        return super().url if self._tls is None else f"https://127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        path = required(influxdb2(), "InfluxDB 2", "servers")
        return [
            str(path), "--http-bind-address", f"127.0.0.1:{self.port}",
            "--bolt-path", str(self.folder / "bolt"), "--engine-path", str(self.folder / "engine"),
            "--sqlite-path", str(self.folder / "sqlite"), "--reporting-disabled",
            "--log-level", "warn", "--storage-wal-fsync-delay", "0s",
            *([] if self._tls is None
              else ["--tls-cert", str(self._certificate), "--tls-key", str(self._key)]),
        ]  # fmt: skip

    def ready(self) -> bool:
        allowed = call(f"{self.url}/api/v2/setup", tls=self._tls)["allowed"]
        if allowed:
            call(
                f"{self.url}/api/v2/setup",
                {"username": "u", "password": "password", "org": ORG, "bucket": BUCKET,
                 "token": TOKEN},
                tls=self._tls,
            )  # fmt: skip
            self.bucket(ROLLUPS)
        return True

    def bucket(self, name: str, keep_s: int = 0) -> None:
        found = call(
            f"{self.url}/api/v2/orgs?{urlencode({'org': ORG})}", token=TOKEN, tls=self._tls
        )
        rules = [{"type": "expire", "everySeconds": keep_s}] if keep_s else []
        body = {"orgID": found["orgs"][0]["id"], "name": name, "retentionRules": rules}
        call(f"{self.url}/api/v2/buckets", body, token=TOKEN, tls=self._tls)

    def influxql(self, query: str, database: str = BUCKET) -> list[dict[str, Any]]:
        return _influxql(self.url, query, database, TOKEN)

    def flux(self, query: str) -> list[dict[str, str]]:
        """The rows of a Flux answer as texts by column."""
        request = urllib.request.Request(
            f"{self.url}/api/v2/query?{urlencode({'org': ORG})}",
            query.encode(),
            {
                "Authorization": f"Token {TOKEN}",
                "Content-Type": "application/vnd.flux",
                "Accept": "application/csv",
            },
        )
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return _csv_tables(answer.read().decode())


class Influx1(_Server):
    """Debian's InfluxDB 1.6 with two databases."""

    def command(self) -> list[str]:
        path = required(influxdb1(), "InfluxDB 1.6", "servers")
        config = self.folder / "influxdb.conf"
        config.write_text(
            f'reporting-disabled = true\nbind-address = "127.0.0.1:{_free_port()}"\n'
            f'[meta]\n dir = "{self.folder}/meta"\n'
            f'[data]\n dir = "{self.folder}/data"\n wal-dir = "{self.folder}/wal"\n'
            f'[http]\n bind-address = "127.0.0.1:{self.port}"\n log-enabled = false\n'
        )
        return [str(path), "-config", str(config)]

    def ready(self) -> bool:
        for name in (BUCKET, ROLLUPS):
            call(f"{self.url}/query?{urlencode({'q': f'CREATE DATABASE {name}'})}", b"")
        return True

    def influxql(self, query: str, database: str = BUCKET) -> list[dict[str, Any]]:
        return _influxql(self.url, query, database, "")


class Victoria(_Server):
    """VictoriaMetrics, which keeps one of several equal points."""

    def command(self) -> list[str]:
        path = required(victoria(), "VictoriaMetrics", "servers")
        return [
            str(path), f"-httpListenAddr=127.0.0.1:{self.port}",
            f"-storageDataPath={self.folder / 'data'}", "-retentionPeriod=10y",
            "-dedup.minScrapeInterval=1ms", "-memory.allowedPercent=10",
        ]  # fmt: skip

    def ready(self) -> bool:
        return bool(call(f"{self.url}/health") == "OK")

    def flush(self) -> None:
        """Make everything that was taken visible."""
        call(f"{self.url}/internal/force_flush")

    def export(self, match: str) -> list[dict[str, Any]]:
        text = urllib.request.urlopen(
            f"{self.url}/api/v1/export?{urlencode({'match[]': match, 'reduce_mem_usage': 1})}"
        ).read()
        return [json.loads(line) for line in text.decode().splitlines()]


def _influxql(url: str, query: str, database: str, token: str) -> list[dict[str, Any]]:
    parameters = urlencode({"q": query, "db": database, "epoch": "ms"})
    answer = call(f"{url}/query?{parameters}", b"", token=token)
    (result,) = answer["results"]
    assert "error" not in result, result
    series: list[dict[str, Any]] = result.get("series", [])
    return series


def _csv_tables(text: str) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = []
    header: list[str] | None = None
    for line in text.replace("\r", "").split("\n"):
        if not line:
            header = None
            continue
        cells = line.split(",")
        if header is None:
            header = cells
        else:
            rows.append(dict(zip(header, cells, strict=False)))
    return rows


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
