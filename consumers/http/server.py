"""Health, status and metrics over HTTP: /livez, /readyz, /status, /metrics."""

from __future__ import annotations

import json
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder

from consumers.http import health
from consumers.http.exposition import Exposition
from consumers.http.observed import Observed
from consumers.kafka import kafka_client
from stream_monitor import __version__
from stream_monitor.blocks import partition_of
from stream_monitor.config.deployment import Config
from stream_monitor.events import iso

_TIMEOUT = 10.0
"""Seconds that a client may take for its request."""


class Answer(NamedTuple):
    """What is sent back."""

    code: int
    content_type: str
    body: bytes


@contextmanager
def serving(config: Config, observed: Observed) -> Iterator[str]:
    """Serves while it is open; gives the address.  Raises ValueError where it cannot have its port."""
    host, port = config.http.host, config.http.port
    try:
        server = _Server(host, port, Pages(config, observed).answer)
    except OSError as error:
        raise ValueError(f"http: cannot serve on {host}:{port}: {error.strerror}; another port is set by http.port") from None
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), name="http", daemon=True)
    thread.start()
    try:
        yield server.address
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Pages:
    """The four pages, made from what the tasks say."""

    def __init__(self, config: Config, observed: Observed) -> None:
        self._config, self._observed = config, observed
        self._patience = health.patience(config.kafka)
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        for task, pid in observed.pids.items():
            ProcessCollector(f"stream_monitor_{task}", partial(int, pid), registry=self._registry)
        self._registry.register(Exposition(observed))

    def answer(self, path: str, accept: str) -> Answer:
        """The page at a path."""
        if path == "/livez":
            return _health(health.live(self._observed, self._patience))
        if path == "/readyz":
            return _health(health.ready(self._observed, self._patience))
        if path == "/status":
            return _json(200, status(self._config, self._observed))
        if path == "/metrics":
            encode, content_type = choose_encoder(accept)
            return Answer(200, content_type, encode(self._registry))
        return _json(404, {"error": f"there is no {path}", "pages": ["/livez", "/readyz", "/status", "/metrics"]})


def status(config: Config, observed: Observed) -> dict[str, Any]:
    """Everything that this replica knows, for people."""
    watched = observed.statuses.get("watch", {}).get("streams", {})
    intake = observed.statuses.get("intake", {})
    return {
        "software": f"stream-monitor {__version__}",
        "deployment": config.deployment,
        "revision": config.revision,
        "replica": kafka_client.instance(config.kafka),
        "started": iso(round(observed.started * 1e6)),
        "tasks": {name: _task(log) for name, log in observed.logs.items()},
        "read": intake.get("streams", {}),
        "unreadable": intake.get("unreadable", {}),
        "not_found": intake.get("not_found", {}),
        "dead_letters": {task: status.get("dead_letters", {}) for task, status in observed.statuses.items()},
        "streams": watched,
        "elsewhere": _elsewhere(config, watched),
    }


def _task(log: Any) -> dict[str, Any]:
    committed, lags, positions = log.committed(), log.lags(), log.positions()
    return {
        "partitions": {
            f"{partition.topic}-{partition.number}": {
                "committed": offset, "position": positions.get(partition), "lag": lags.get(partition)
            }
            for partition, offset in committed.items()
        },
        "lag": sum(lags.values()),
        "missing": list(log.missing()),
        "transactions": log.written,
    }  # fmt: skip


def _elsewhere(config: Config, watched: Mapping[str, Any]) -> dict[str, int]:
    """Configured streams that this replica does not watch, and the partition whose owner does."""
    return {
        name: partition_of(name, config.topics.partitions)
        for name, stream in config.streams.items()
        if name not in watched and stream.per == "stream"
    }


def _health(found: health.Health) -> Answer:
    return _json(200 if found.ok else 503, {"ok": found.ok, "reasons": found.reasons})


def _json(code: int, value: Any) -> Answer:
    return Answer(code, "application/json", json.dumps(value, indent=1, default=str).encode() + b"\n")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, host: str, port: int, answer: Callable[[str, str], Answer]) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.answer = answer
        super().__init__((host, port), _Request)

    def server_bind(self) -> None:
        # HTTPServer would look its own name up, which can take seconds.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    @property
    def address(self) -> str:
        host = f"[{self.server_name}]" if ":" in self.server_name else self.server_name
        return f"http://{host}:{self.server_port}"


class _Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "stream-monitor"
    sys_version = ""
    timeout = _TIMEOUT
    server: _Server

    def do_GET(self) -> None:
        answer = self.server.answer(self.path.partition("?")[0], self.headers.get("Accept", ""))
        self.send_response(answer.code)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    do_HEAD = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing: probes and scrapes come every few seconds."""
