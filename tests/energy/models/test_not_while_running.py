"""What controls a site does not load the models: reports ask them, in processes of their own."""

from __future__ import annotations

import subprocess
import sys

from tests.patience import PATIENCE_S

RUNS = (
    "bms.app.process",
    "bms.app.composition",
    "bms.control",
    "bms.operations.runtime",
    "bms.operations.editing.loading",
)


def test_a_running_site_does_not_import_the_models() -> None:
    imports = "; ".join(f"import {name}" for name in RUNS)
    code = f"{imports}; import sys; print([m for m in sys.modules if m.startswith('bms.energy.')])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=PATIENCE_S
    )
    assert "bms.energy.quarters" in done.stdout
    assert "bms.energy.models" not in done.stdout
