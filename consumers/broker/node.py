"""A one-node Apache Kafka as a child process, without Docker and without an installed Java."""

import contextlib
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError

from consumers.broker.jars import KAFKA_VERSION, BrokerUnavailable, java_command
from consumers.broker.ports import free_ports
from consumers.broker.server_properties import lines, server_properties

__all__ = ["Broker", "BrokerUnavailable", "serve"]

_START_SECONDS = 60.0
_STOP_SECONDS = 20.0

# Ends the broker when its parent is gone, however that ended: the pipe it reads from then has no writer.
_WATCHDOG = 'read -r line || kill -9 "$1"'

_LOG4J = """\
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = [%d] %p %m (%c)%n
rootLogger.level = INFO
rootLogger.appenderRef.console.ref = console
"""


class Broker:
    """Apache Kafka in KRaft mode, one node, on the loopback interface; a context manager.

    `data` holds the log folders, the settings and `server.log`. A folder that is named is kept at the end; without one a
    temporary folder is made, and dropped; `keep` says otherwise. `port` is a free one unless given, and outlives restarts.
    `sasl` maps users to passwords: clients must then use SASL_PLAINTEXT with PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512.
    `advertised` is the "host:port" that clients are sent to, when a proxy stands in front.
    `properties` are server properties and win over what is set here.
    """

    def __init__(
        self,
        *,
        port: int | None = None,
        data: Path | None = None,
        keep: bool | None = None,
        sasl: Mapping[str, str] | None = None,
        advertised: str | None = None,
        properties: Mapping[str, str | int] | None = None,
    ) -> None:
        self.data = data.absolute() if data else Path(tempfile.mkdtemp(prefix="stream-monitor-broker-"))
        self._keep = data is not None if keep is None else keep
        self._sasl = dict(sasl or {})
        self._advertised = advertised
        self._properties = dict(properties or {})
        self._port_is_settled = port is not None
        self._ports = free_ports(port)
        self._log_start = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._watchdog: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """What clients take as `bootstrap_servers`."""
        return f"127.0.0.1:{self._ports.client}"

    @property
    def log(self) -> Path:
        """The file that the broker logs to."""
        return self.data / "server.log"

    @property
    def pid(self) -> int:
        """The process number of the running broker."""
        return self._running().pid

    def start(self) -> Self:
        """Starts the broker, unless it runs, and returns when it answers.

        Raises BrokerUnavailable with the end of its log when it does not.
        """
        if self._process is not None and self._process.poll() is None:
            return self
        self.kill()
        for _ in range(0 if self._port_is_settled else 2):
            with contextlib.suppress(_PortTaken):
                return self._attempt()
            self._ports = free_ports()
        return self._attempt()

    def stop(self) -> None:
        """Ends the broker in order, or by force after 20 s; the data stay, and `start` goes on with them."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGCONT)
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_STOP_SECONDS)
        self.kill()

    def kill(self) -> None:
        """Ends the broker at once, as `kill -9` does; the data stay, and `start` goes on with them."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        self._process = None
        self._dismiss_watchdog()

    def restart(self) -> None:
        """Stops the broker, if it still runs, and starts it with the same address and data."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Freezes the broker: its connections stay open and nothing answers."""
        self._running().send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Lets a paused broker go on."""
        self._running().send_signal(signal.SIGCONT)

    def wait(self) -> int:
        """Blocks until the broker ends by itself and gives its exit code."""
        return self._running().wait()

    def close(self) -> None:
        """Stops the broker and drops its data, unless they are to be kept."""
        self.stop()
        if not self._keep:
            shutil.rmtree(self.data, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_: object) -> None:
        self.close()

    def _attempt(self) -> Self:
        try:
            self._launch()
            self._wait_until_ready()
        except BaseException:
            self.kill()
            raise
        self._port_is_settled = True
        return self

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise BrokerUnavailable("the broker has not been started")
        return self._process

    def _launch(self) -> None:
        java = java_command()
        self.data.mkdir(parents=True, exist_ok=True)
        settings = self._write_settings()
        if not self._meta.exists():
            self._format(java, settings)
        options = (
            "-Xms256m",
            "-Xmx512m",
            "-XX:TieredStopAtLevel=1",
            f"-Dlog4j2.configurationFile=file:{self.data}/log4j2.properties",
        )
        with self.log.open("ab") as log:
            self._log_start = log.tell()
            # A session of its own keeps the terminal's Ctrl-C from the broker: whoever started it stops it.
            self._process = subprocess.Popen(
                [java[0], *options, *java[1:], "kafka.Kafka", str(settings)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._watchdog = subprocess.Popen(
            ["/bin/sh", "-c", _WATCHDOG, "sh", str(self._process.pid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _dismiss_watchdog(self) -> None:
        if self._watchdog is not None:
            self._watchdog.communicate(b"done\n")
            self._watchdog = None

    @property
    def _meta(self) -> Path:
        return self.data / "kafka" / "meta.properties"

    def _format(self, java: tuple[str, ...], settings: Path) -> None:
        # A leading "-" would be taken for an option.
        cluster = "K" + secrets.token_urlsafe(16)[1:]
        command = [*java, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(settings)]
        for user, password in self._sasl.items():
            for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512"):
                command += ["--add-scram", f"{mechanism}=[name={user},password={password}]"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BrokerUnavailable(f"the broker's data folder {self.data} cannot be formatted:\n{done.stdout}{done.stderr}")

    def _write_settings(self) -> Path:
        (self.data / "log4j2.properties").write_text(_LOG4J)
        own = server_properties(self._ports, self._meta.parent, self._advertised or self.address, self._sasl)
        settings = self.data / "server.properties"
        settings.touch(mode=0o600)
        settings.write_text(lines(own | self._properties))
        return settings

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        process = self._running()
        while not (self._has_started() and self._answers()):
            if time.monotonic() > deadline:
                raise self._failure(f"did not answer within {_START_SECONDS:.0f} s")
            with contextlib.suppress(subprocess.TimeoutExpired):
                raise self._failure(f"ended with exit code {process.wait(0.1)}")

    def _has_started(self) -> bool:
        """Whether all its listeners are bound, which they are one after the other."""
        return "Kafka Server started" in self._written()

    def _written(self) -> str:
        """What it has written since it was started."""
        return self.log.read_bytes()[self._log_start :].decode(errors="replace")

    def _answers(self) -> bool:
        """Whether it is this very cluster that answers, on the listener that needs neither password nor proxy."""
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", self._ports.internal)):
                return False
        internal = f"127.0.0.1:{self._ports.internal}"
        try:
            with contextlib.closing(KafkaAdminClient(bootstrap_servers=internal, bootstrap_timeout_ms=5_000)) as admin:
                return f"cluster.id={admin.describe_cluster()['cluster_id']}\n" in self._meta.read_text()
        except (KafkaError, OSError):
            return False

    def _failure(self, what: str) -> BrokerUnavailable:
        log = self._written()
        if "java.net.BindException" in log:
            return _PortTaken(f"the broker {what}: one of its ports is taken ({', '.join(map(str, self._ports))})")
        return BrokerUnavailable(f"the broker {what}; its log ends:\n" + "\n".join(log.splitlines()[-30:]))


class _PortTaken(BrokerUnavailable):
    """Somebody else listens where the broker wanted to."""


def serve(port: int | None, data: Path | None, keep: bool) -> int:
    """Runs a broker until Ctrl-C or SIGTERM, with its address on stdout; gives the exit code."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        _tell(f"Starting Kafka {KAFKA_VERSION}; the first time downloads 43 MB.")
        with Broker(port=port, data=data, keep=keep or None) as broker:
            print(broker.address, flush=True)
            _tell(f"Ready; Ctrl-C stops it. Next: STREAM_MONITOR_KAFKA__BOOTSTRAP_SERVERS={broker.address} stream-monitor run")
            raise BrokerUnavailable(f"the broker ended with exit code {broker.wait()}; its log is {broker.log}")
    except KeyboardInterrupt:
        return 0
    except BrokerUnavailable as error:
        _tell(str(error))
        return 1
    finally:
        signal.signal(signal.SIGTERM, before)


def _tell(message: str) -> None:
    print(message, file=sys.stderr, flush=True)
