"""The web service of BOPTEST: requests, and every error of them in one sentence.

Its routes and answers are those of BOPTEST 0.8: what concerns a running test answers with
`{"status", "message", "payload"}`, other routes with bare JSON or text.
"""

from __future__ import annotations

import json
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import quote, urlsplit

from drivers.plant import PlantError

_SHOWN = 300
"""Characters of an answer that are shown."""


class Service:
    """One service at one address. Raises ValueError for what is no address."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"'{url}' is no address of BOPTEST; write http://host:port")
        self.url = url.rstrip("/")
        self._secure = parts.scheme == "https"
        self._host = parts.hostname
        self._port = parts.port
        self._path = parts.path.rstrip("/")

    def select(self, case: str, within_s: float) -> str:
        """Begin a test; its id. Raises PlantError, with the cases there are if this is none."""
        cases = self._asked("GET", "/testcases", None, within_s)
        names = [str(item.get("testcaseid")) for item in cases if isinstance(item, dict)]
        if case not in names:
            raise PlantError(
                f"BOPTEST at {self.url} has no test case '{case}'; it has {', '.join(names)}"
            )
        answer = self._asked("POST", f"/testcases/{quote(case)}/select", {}, within_s)
        if not isinstance(answer, dict) or not answer.get("testid"):
            raise self._strange("select", answer)
        return str(answer["testid"])

    def call(
        self, method: str, what: str, test: str, within_s: float, body: dict[str, Any] | None = None
    ) -> Any:
        """The payload of a request to a running test. Raises PlantError."""
        answer = self._asked(method, f"/{what}/{quote(test)}", body, within_s)
        if not isinstance(answer, dict) or "payload" not in answer:
            raise self._strange(what, answer)
        return answer["payload"]

    def stop(self, test: str, within_s: float) -> None:
        """End a test, so that its worker is free. A service that is gone has ended it as well."""
        with suppress(PlantError):
            self._text("PUT", f"/stop/{quote(test)}", None, within_s)

    def _asked(self, method: str, path: str, body: dict[str, Any] | None, within_s: float) -> Any:
        text = self._text(method, path, body, within_s)
        try:
            return json.loads(text)
        except ValueError:
            raise self._strange(path.split("/")[1], text) from None

    def _text(self, method: str, path: str, body: dict[str, Any] | None, within_s: float) -> str:
        # A connection for each request: one that is kept may be closed by the service any time,
        # and a step must not be asked for twice.
        kind = HTTPSConnection if self._secure else HTTPConnection
        connection = kind(self._host, self._port, timeout=within_s)
        what = f"BOPTEST at {self.url}"
        try:
            data = None if body is None else json.dumps(body).encode()
            headers = {} if data is None else {"Content-Type": "application/json"}
            connection.request(method, self._path + path, data, headers)
            answer = connection.getresponse()
            text = answer.read().decode("utf-8", errors="replace")
        except TimeoutError:
            raise PlantError(f"{what} did not answer {_word(path)} in {within_s:g} s") from None
        except (OSError, HTTPException) as error:
            said = str(error) or type(error).__name__
            raise PlantError(f"{what} cannot be asked for {_word(path)}: {said}") from None
        finally:
            connection.close()
        if answer.status != 200:
            raise PlantError(f"{what} refuses {_word(path)} ({answer.status}): {_message(text)}")
        return text

    def _strange(self, what: str, answer: object) -> PlantError:
        shown = " ".join(str(answer).split())[:_SHOWN]
        return PlantError(f"{self.url} answers {what} as BOPTEST does not: {shown}")


def _word(path: str) -> str:
    return path.split("/")[1]


def _message(text: str) -> str:
    """What an error says: its message, or what of the request was wrong, or the text itself."""
    with suppress(ValueError, AttributeError):
        found = json.loads(text)
        errors = found.get("errors")
        said = errors[0].get("msg") if errors else found.get("message")
        more = found.get("payload") if said == "Bad Request" else None
        if said:
            text = f"{said}: {more}" if more else str(said)
    return " ".join(text.split())[:_SHOWN]
