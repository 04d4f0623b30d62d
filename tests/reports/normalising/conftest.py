"""One site for all tests of reports on models: its ledger takes a while to make."""

from __future__ import annotations

import pytest

from tests.reports.normalising.known_park import Park, known_park


@pytest.fixture(scope="session", name="park")
def _park(tmp_path_factory: pytest.TempPathFactory) -> Park:
    return known_park(tmp_path_factory.mktemp("known"))
