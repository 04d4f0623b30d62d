"""Builds the servers that the drivers are proved against and that are not ours: `make peers`.

A C server on Debian's libmodbus, a node-opcua server from npm, the sample meters of opendsm.
They go into a cache outside the tree, once per version. If one cannot be had, this says what is
missing; the tests that need it are then skipped, or fail if BMS_REQUIRE_PEERS is set, as
`.ci/run` does.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
OPENDSM = "1.2.7"
"""The last version that has daily samples."""
APT_PACKAGES = ("libmodbus-dev", "pkg-config", "gcc")


class CannotBuild(Exception):
    """Something is missing here; the text says what."""


def cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "bms-peers"


def modbus_server() -> Path:
    """Where the libmodbus server is, or will be."""
    return cache() / f"modbus-{digest(HERE / 'modbus_server.c')}"


def opcua_server() -> Path:
    """Where the node-opcua server's script is, or will be, beside its packages."""
    folder = HERE / "opcua"
    return cache() / f"opcua-{digest(folder / 'package-lock.json')}" / "server.js"


def opendsm_wheel() -> Path:
    """Where the wheel is, or will be, whose samples models of consumption are held against."""
    return cache() / f"opendsm-{OPENDSM}-py3-none-any.whl"


def fetch_opendsm() -> None:
    """The wheel alone: it is read, never installed."""
    target = opendsm_wheel()
    if target.is_file():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += [f"opendsm=={OPENDSM}", "--dest", str(target.parent)]
    run(command, "the samples of opendsm cannot be had")


def build_modbus() -> None:
    target = modbus_server()
    if target.is_file():
        return
    flags = _flags()
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_suffix(".new")
    command = ["gcc", "-O2", "-o", str(draft), str(HERE / "modbus_server.c"), *flags]
    run(command, "the libmodbus server does not compile")
    draft.replace(target)


def build_opcua() -> None:
    target = opcua_server()
    if not (target.parent / "node_modules" / "node-opcua").is_dir():
        if shutil.which("npm") is None:
            raise CannotBuild("npm is not installed")
        draft = target.parent.with_suffix(".new")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / "opcua" / name, draft / name)
        run(["npm", "ci", "--omit=dev", "--no-audit", "--no-fund", "--prefix", str(draft)],
             "node-opcua cannot be installed")  # fmt: skip
        shutil.rmtree(target.parent, ignore_errors=True)
        draft.replace(target.parent)
    shutil.copy(HERE / "opcua" / "server.js", target)


def _flags() -> list[str]:
    found = _pkg_config()
    if found is None and hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get"):
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-qq"], check=False, env=environment)
        subprocess.run(
            ["apt-get", "install", "-y", "-qq", *APT_PACKAGES], check=False, env=environment
        )
        found = _pkg_config()
    if found is None or shutil.which("gcc") is None:
        raise CannotBuild(f"libmodbus or gcc is missing; install {' '.join(APT_PACKAGES)}")
    return found


def _pkg_config() -> list[str] | None:
    if shutil.which("pkg-config") is None:
        return None
    command = ["pkg-config", "--cflags", "--libs", "libmodbus"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.split() if done.returncode == 0 else None


def run(
    command: list[str],
    what: str,
    folder: Path | None = None,
    environment: dict[str, str] | None = None,
) -> None:
    """Run a command. Raises CannotBuild with the end of what it said."""
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=folder, env=environment
    )
    if done.returncode:
        raise CannotBuild(f"{what}: {(done.stderr or done.stdout).strip()[-600:]}")


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def main() -> None:
    failed = False
    for name, build in (
        ("libmodbus", build_modbus),
        ("node-opcua", build_opcua),
        ("opendsm's samples", fetch_opendsm),
    ):
        try:
            build()
        except CannotBuild as error:
            failed = True
            print(f"{name}: {error}", file=sys.stderr)
        else:
            print(f"{name}: ready")
    sys.exit(failed)


if __name__ == "__main__":
    main()
