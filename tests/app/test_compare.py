"""Two variants of one site on the same plant and weather."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from bms.cli import main
from tests.acceptance.park import PLANT, SITE
from tests.field.test_plants import write_site

SHORT = (
    "schedule: air\ngoverns: [hall.air]\notherwise: {mode: 'off'}\n"
    "week: {any: {daily: [{from: '08:00', to: '13:00', mode: 'on'}]}}\n"
)
SPAN = ("--from", "2026-07-06", "--to", "2026-07-07")


def test_a_site_against_itself_saves_nothing_at_equal_service() -> None:
    asked = ["--base", "binjiang", "--plant", PLANT, "--step", "15m", "--baseline", "clock"]
    done = CliRunner().invoke(
        main, ["compare", str(SITE), *asked, "--candidate", "clock", *SPAN, "--json"]
    )
    assert done.exit_code == 0, done.output
    (said,) = json.loads(done.output)
    assert said["baseline"] == said["candidate"]
    assert said["saved_pct"] == {"electricity": 0.0, "gas": None}
    assert said["equal_service"] is True
    kinds = {use["kind"]: use for use in said["baseline"]["end_uses"]}
    assert kinds["chiller"]["electricity_kwh"] > 500
    assert kinds["lighting_circuit"]["hvac"] is False


def test_fewer_hours_save_half(tmp_path: Path) -> None:
    site = write_site(
        tmp_path,
        **{
            "variants/short/schedules/air.yaml": SHORT,
            "devices/fan.yaml": (
                "device: lab-fan\nkind: fan\ndocument: the emulator's own list\n"
                "protocol: plant\npoints:\n"
                "  enable: {name: 'hall_{equipment}_u', writable: true, type: bool}\n"
                "  status: {name: 'hall_{equipment}_y', type: bool}\n"
                "  energy: {name: E_J, scale: 2.7777777777777777e-7, unit: kWh}\n"
            ),
        },
    )
    asked = ["compare", str(site), "--baseline", ".", "--candidate", "short", *SPAN]
    kept = tmp_path / "kept"
    done = CliRunner().invoke(main, [*asked, "--step", "1m", "--into", str(kept)])
    assert done.exit_code == 0, done.output
    assert "at equal service: 50.0 % less electricity" in done.output
    assert sorted(path.name for path in kept.iterdir()) == ["baseline", "candidate-1"]


def test_what_cannot_be_compared_is_said(tmp_path: Path) -> None:
    site = write_site(
        tmp_path,
        **{
            "variants/less/equipment/hall.yaml": (
                "base: hall\nequipment:\n"
                "  fan-1: {kind: fan, device: lab-fan, link: emulator}\n"
                "  meter: {kind: meter, device: lab-meter, link: emulator}\n"
            )
        },
    )
    asked = ["compare", str(site), "--baseline", ".", "--candidate"]
    for words, said in (
        ([*asked, "less", *SPAN], "different equipment: hall.weather"),
        ([*asked, "more", *SPAN], "no variant 'more'"),
        ([*asked, "less", *SPAN, "--base", "hal"], "did you mean 'hall'"),
        ([*asked, ".", *SPAN, "--band", "26:20"], "write 20:26"),
        ([*asked, ".", *SPAN, "--option", "a=1"], "no option 'a'"),
    ):
        done = CliRunner().invoke(main, words)
        assert done.exit_code == 2, done.output
        assert said in done.output


def test_several_candidates_share_one_baseline(tmp_path: Path) -> None:
    site = write_site(tmp_path, **{"variants/short/schedules/air.yaml": SHORT})
    asked = ["compare", str(site), "--baseline", ".", "--step", "15m", *SPAN]
    done = CliRunner().invoke(main, [*asked, "--candidate", "short", "--candidate", "."])
    assert done.exit_code == 0, done.output
    assert "short: nothing measures what was taken" in done.output
    assert ".: nothing measures what was taken" in done.output
