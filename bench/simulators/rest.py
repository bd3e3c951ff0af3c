"""The REST API as a simulator speaks it: JSON, a key, patience while the site restarts."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode, urlsplit

PATIENCE_SECONDS = 60.0
TRANSIENT = (502, 503, 504)


class Refused(Exception):
    """The site answered with an error; `problem` is its document."""

    def __init__(self, method: str, path: str, status: int, problem: Any) -> None:
        super().__init__(f"{method} {path}: {status} {json.dumps(problem)[:500]}")
        self.status = status
        self.problem = problem


class RestClient:
    """One organisation's view of the API; every write carries an Idempotency-Key when given."""

    def __init__(
        self, base_url: str, key: str, *, patience_seconds: float = PATIENCE_SECONDS
    ) -> None:
        self.host = urlsplit(base_url).netloc
        self.key = key
        self.patience_seconds = patience_seconds
        self.connection: http.client.HTTPConnection | None = None
        self.is_kept = False
        """The connection has answered before: the site may have closed it since, being idle."""

    def get(self, path: str, **query: str) -> Any:
        return self._send("GET", path + (f"?{urlencode(query)}" if query else ""), None, "")

    def post(self, path: str, body: Any = None, *, once: str = "") -> Any:
        return self._send("POST", path, body or {}, once)

    def all(self, path: str, **query: str) -> Iterator[dict[str, Any]]:
        """Yield every row of a paged list."""
        page = self.get(path, limit="500", **query)
        while True:
            yield from page["results"]
            if not page["next"]:
                return
            parts = urlsplit(page["next"])
            page = self._send(
                "GET", f"{parts.path.removeprefix('/api/v1')}?{parts.query}", None, ""
            )

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self.connection is not None:
            self.connection.close()
            self.connection = None
            self.is_kept = False

    def _send(self, method: str, path: str, body: Any, once: str) -> Any:
        headers = {"Authorization": f"Bearer {self.key}", "Accept": "application/json"}
        payload = None
        if body is not None:
            payload = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        if once:
            headers["Idempotency-Key"] = once
        give_up = time.monotonic() + self.patience_seconds
        while True:
            try:
                status, text = self._exchange(method, f"/api/v1{path}", payload, headers)
                if status not in TRANSIENT or time.monotonic() > give_up:
                    break
            except (OSError, http.client.HTTPException):
                was_kept = self.is_kept
                self.close()
                if was_kept:
                    continue
                if time.monotonic() > give_up:
                    raise
            time.sleep(0.5)
        answer = json.loads(text) if text else None
        if status >= 400:
            raise Refused(method, path, status, answer)
        return answer

    def _exchange(
        self, method: str, path: str, payload: bytes | None, headers: dict[str, str]
    ) -> tuple[int, bytes]:
        if self.connection is None:
            self.connection = http.client.HTTPConnection(self.host, timeout=60)
        self.connection.request(method, path, payload, headers)
        response = self.connection.getresponse()
        text = response.read()
        self.is_kept = True
        return response.status, text
