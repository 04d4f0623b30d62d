"""Provides the databases that the copy of history is proved against: `make servers`.

Debian's influxdb 1.6.7 and victoria-metrics, unpacked from their packages, and InfluxDB 2.7.12,
built from its own Go module: five minutes of processor time, once. They go into the same cache as
the peers. If one cannot be provided, this says what is missing; the tests that need it (marker
`servers`) are then skipped, or fail if BMS_REQUIRE_SERVERS is set, as `.ci/run` does.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.servers.build import HERE, CannotBuild, cache, digest, run

INFLUXD = "github.com/influxdata/influxdb/v2/cmd/influxd"
PKG_CONFIG = "github.com/influxdata/pkg-config"


def influxdb2() -> Path:
    """Where influxd 2.7.12 is, or will be."""
    return cache() / f"influxd2-{digest(HERE / 'influxd' / 'go.sum')}"


def influxdb1() -> Path:
    """Where Debian's influxd 1.6.7 is, or will be."""
    return cache() / "debian" / "usr" / "bin" / "influxd"


def victoria() -> Path:
    """Where Debian's victoria-metrics is, or will be."""
    return cache() / "debian" / "usr" / "bin" / "victoria-metrics"


def build_influxdb2() -> None:
    target = influxdb2()
    if target.is_file():
        return
    for tool, why in (("go", "it is written in Go"), ("cargo", "its Flux is written in Rust")):
        if shutil.which(tool) is None:
            raise CannotBuild(f"{tool} is not installed, and {why}")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as name:
        folder = Path(name)
        environment = {
            **os.environ,
            # The module pins Rust 1.72, which need not be here. Its code builds with the stable
            # toolchain once the lints that became errors since then are only warnings.
            "RUSTUP_TOOLCHAIN": "stable",
            "RUSTC_WRAPPER": str(_script(folder / "rustc-wrapper", 'exec "$@" --cap-lints warn')),
            "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
            "GOFLAGS": "-mod=readonly -buildvcs=false",
        }
        module = HERE / "influxd"
        run(["go", "build", "-o", str(folder / "pkg-config"), PKG_CONFIG],
            "its pkg-config does not compile", module, environment)  # fmt: skip
        run(["go", "build", "-tags", "sqlite_foreign_keys,sqlite_json", "-ldflags", "-s -w",
             "-o", str(folder / "influxd"), INFLUXD],
            "influxd does not compile", module, environment)  # fmt: skip
        (folder / "influxd").replace(target)


def unpack_influxdb1() -> None:
    _unpack("influxdb", influxdb1())


def unpack_victoria() -> None:
    _unpack("victoria-metrics", victoria())


def _unpack(package: str, target: Path) -> None:
    """A Debian package's files, without installing it: nothing of it starts with the machine."""
    if target.is_file():
        return
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise CannotBuild("it comes from Debian's packages, and this is no Debian")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache()) as name:
        folder = Path(name)
        folder.chmod(0o755)
        command = ["apt-get", "download", "-qq", package]
        if subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode:
            subprocess.run(["apt-get", "update", "-qq"], capture_output=True, check=False)
            run(command, f"the package {package} cannot be downloaded", folder)
        (archive,) = folder.glob("*.deb")
        run(["dpkg-deb", "-x", str(archive), str(folder / "files")], f"{package} is damaged")
        draft = folder / "files" / target.relative_to(cache() / "debian")
        draft.replace(target)


def _script(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def main() -> None:
    failed = False
    for name, build in (
        ("influxdb 1.6", unpack_influxdb1),
        ("victoria-metrics", unpack_victoria),
        ("influxdb 2.7", build_influxdb2),
    ):
        try:
            build()
        except CannotBuild as error:
            failed = True
            print(f"{name}: {error}", file=sys.stderr)
        else:
            print(f"{name}: ready", flush=True)
    sys.exit(failed)


if __name__ == "__main__":
    main()
