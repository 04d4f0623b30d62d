"""BOPTEST's web service over a model of one room: routes, answers and refusals are those of 0.8.

It warms up, goes in steps, clips what is out of range with a warning, refuses names that it does
not know, and has nothing more to say when a scenario is over. `troubles` names what goes wrong at
a route: `hang`, `vanish`, `garbage` or `fail`.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

from tests.patience import PATIENCE_S

INPUTS: dict[str, dict[str, Any]] = {
    "oveSet_activate": {"Unit": None, "Description": "Activation", "Minimum": None,
                        "Maximum": None},
    "oveSet_u": {"Unit": "K", "Description": "Set point", "Minimum": 288.15, "Maximum": 303.15},
    "oveFan_activate": {"Unit": None, "Description": "Activation", "Minimum": None,
                        "Maximum": None},
    "oveFan_u": {"Unit": "1", "Description": "Fan speed", "Minimum": 0, "Maximum": 1},
}  # fmt: skip
MEASUREMENTS = {
    "reaTRoo_y": {"Unit": "K", "Description": "Room", "Minimum": None, "Maximum": None},
    "reaPFan_y": {"Unit": "W", "Description": "Fan", "Minimum": None, "Maximum": None},
    "reaFlo_y": {"Unit": "kg/s", "Description": "Air", "Minimum": None, "Maximum": None},
}
FORECASTS = {"TDryBul": {"Unit": "K", "Description": "Outdoor air"}}
PERIODS = {"peak_cool_day": 200}
Answer = tuple[int, str, Any]


class OneRoom:
    """A test case: its time, its room, its scenario."""

    def __init__(self) -> None:
        self.step = 3600.0
        self.begin(0.0, 0.0)

    def begin(self, start: float, warm_up: float, end: float = float("inf")) -> dict[str, Any]:
        self.time, self.end = start, end
        self.warm_up = warm_up
        self.room = 293.15
        self.used = {"oveSet_u": 294.15, "oveFan_u": 0.5}
        self.energy = 0.0
        return self.state()

    def state(self) -> dict[str, Any]:
        return {
            "time": self.time,
            "reaTRoo_y": self.room,
            "reaPFan_y": self.used["oveFan_u"] * 1000.0,
            "reaFlo_y": 0.3,
            **self.used,
            **{f"{name[:-2]}_activate": None for name in self.used},
        }

    def advance(self, told: dict[str, Any]) -> Answer:
        warnings = ""
        for name, value in told.items():
            if name not in INPUTS:
                return 400, f"Unexpected input variable: {name}.", None
            try:
                float(value)
            except (TypeError, ValueError):
                return 400, f"Invalid value {value} for input {name}.", None
        for name, itself in (("oveSet_u", 294.15), ("oveFan_u", 0.5)):
            active = float(told.get(f"{name[:-2]}_activate", 0.0)) == 1.0
            value = float(told.get(name, 0.0)) if active else itself
            low, high = INPUTS[name]["Minimum"], INPUTS[name]["Maximum"]
            if not low <= value <= high:
                warnings += f"WARNING: {name} is out of range;"
            self.used[name] = min(high, max(low, value))
        if self.time >= self.end:
            return 200, "End of test case scenario time period reached.", {}
        self.time += self.step
        self.room = self.used["oveSet_u"]
        self.energy += self.used["oveFan_u"] * self.step / 3600.0
        return 200, warnings or "Advanced simulation successfully.", self.state()

    def scenario(self, asked: dict[str, Any]) -> Answer:
        payload = {"time_period": None, "electricity_price": asked.get("electricity_price")}
        period = asked.get("time_period")
        if period is None:
            return 200, "Test case scenario was set successfully.", payload
        if period not in PERIODS:
            text = f"Scenario parameter time_period is {period}, but should be one of the following"
            return 400, text, payload
        start = (PERIODS[period] - 7) * 86_400.0
        period_state = self.begin(start, 7 * 86_400.0, start + 2 * 3600.0)
        return 200, "Set.", {**payload, "time_period": period_state}

    def forecast(self, asked: dict[str, Any]) -> Answer:
        count = int(asked["horizon"] / asked["interval"]) + 1
        times = [self.time + n * asked["interval"] for n in range(count)]
        found = {name: [273.15 + t / 3600.0 for t in times] for name in asked["point_names"]}
        return 200, "Queried the forecast data successfully.", {"time": times, **found}

    def initialize(self, asked: dict[str, Any]) -> Answer:
        for key in ("start_time", "warmup_period"):
            if not isinstance(asked.get(key), int | float):
                return 400, f"Invalid value {asked.get(key)} for parameter {key}.", None
            if asked[key] < 0:
                return 400, f"Invalid value for parameter {key}. Must not be negative.", None
        return 200, "Initialized.", self.begin(asked["start_time"], asked["warmup_period"])

    def set_step(self, asked: dict[str, Any]) -> Answer:
        self.step = float(asked["step"])
        return 200, "Control step set successfully.", {"step": self.step}


class Double(ThreadingHTTPServer):
    """The service on a port that the system chooses."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.tests: dict[str, OneRoom] = {}
        self.stopped: list[str] = []
        self.advanced: list[dict[str, Any]] = []
        self.warm_ups: list[float] = []
        self.troubles: dict[str, str] = {}
        self.over = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def double() -> Iterator[Double]:
    server = Double()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.over.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Double

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Quiet."""

    def do_GET(self) -> None:
        self._answer("GET")

    def do_PUT(self) -> None:
        self._answer("PUT")

    def do_POST(self) -> None:
        self._answer("POST")

    def _answer(self, method: str) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length) or b"{}")
        what, _, rest = self.path.strip("/").partition("/")
        trouble = self.server.troubles.get(what)
        if trouble in ("hang", "vanish"):
            if trouble == "hang":
                self.server.over.wait(PATIENCE_S)
            self.close_connection = True
            return
        if trouble == "garbage":
            self._send(200, "<html>a proxy</html>", "text/html")
        elif trouble == "fail":
            self._send(500, "Timeout for request: 'x'", "text/html")
        elif what == "testcases":
            self._of_cases(method, rest)
        elif rest not in self.server.tests:
            said = {"value": rest, "msg": "Invalid testid", "param": "testid", "location": "params"}
            self._json(400, {"errors": [said]})
        elif (method, what) == ("PUT", "stop"):
            del self.server.tests[rest]
            self.server.stopped.append(rest)
            self._send(200, "OK", "text/plain")
        else:
            case = self.server.tests[rest]
            status, message, payload = self._of_a_test(case, method, what, body)
            self._json(status, {"status": status, "message": message, "payload": payload})

    def _of_cases(self, method: str, rest: str) -> None:
        if method == "GET":
            self._json(200, [{"testcaseid": "one_room"}, {"testcaseid": "bestest_air"}])
        elif rest == "one_room/select":
            test = str(uuid4())
            self.server.tests[test] = OneRoom()
            self._json(200, {"testid": test})
        else:
            self._send(404, "Not Found", "text/plain")

    def _of_a_test(self, case: OneRoom, method: str, what: str, body: dict[str, Any]) -> Answer:
        match method, what:
            case "GET", "inputs":
                return 200, "Queried the inputs successfully.", INPUTS
            case "GET", "measurements":
                return 200, "Queried the measurements successfully.", MEASUREMENTS
            case "GET", "forecast_points":
                return 200, "Queried the forecast points successfully.", FORECASTS
            case "PUT", "step":
                return case.set_step(body)
            case "PUT", "initialize":
                self.server.warm_ups.append(body.get("warmup_period", 0.0))
                return case.initialize(body)
            case "PUT", "scenario":
                return case.scenario(body)
            case "POST", "advance":
                self.server.advanced.append(body)
                return case.advance(body)
            case "PUT", "forecast":
                return case.forecast(body)
            case "GET", "kpi":
                return 200, "Queried KPIs.", {"ener_tot": case.energy, "tdis_tot": None}
        return 404, "Not Found", None

    def _json(self, status: int, answer: object) -> None:
        self._send(status, json.dumps(answer), "application/json")

    def _send(self, status: int, text: str, kind: str) -> None:
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
