"""The files for containers: whatever one of them names, another one has."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from consumers.broker.jars import KAFKA_VERSION
from consumers.demo import feed
from stream_monitor.arguments import parser
from stream_monitor.config.config_file import load

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text().replace("\\\n", "")
CONFIG = load(ROOT / "deploy/monitor.yaml", {})
OURS = [name for name, service in SERVICES.items() if service["image"] == "stream-monitor"]
KEYS = {
    "build", "cap_drop", "command", "depends_on", "entrypoint", "environment", "healthcheck", "hostname", "image", "ports",
    "read_only", "restart", "security_opt", "stop_grace_period", "volumes",
}  # fmt: skip


def instructions(word: str) -> list[str]:
    return re.findall(rf"^{word} (.*)$", DOCKERFILE, re.MULTILINE)


def mounts(service: dict[str, Any]) -> list[list[str]]:
    return [volume.split(":") for volume in service.get("volumes", [])]


def listeners(name: str) -> dict[str, str]:
    addresses = SERVICES["kafka"]["environment"][name].split(",")
    return {listener: address for listener, _, address in (entry.partition("://") for entry in addresses)}


def test_services_have_only_keys_that_compose_knows() -> None:
    assert set(COMPOSE) == {"name", "x-stream-monitor", "services", "volumes"}
    assert [name for name, service in SERVICES.items() if set(service) - KEYS] == []


@pytest.mark.parametrize("name", OURS)
def test_every_command_of_ours_is_understood(name: str) -> None:
    service = SERVICES[name]
    if service.get("entrypoint"):
        assert service["entrypoint"] == ["python", "-m", feed.__name__]
        asked = feed.parser().parse_args(service["command"])
    else:
        asked = parser().parse_args(service["command"])
    assert ["./deploy/monitor.yaml", str(asked.config), "ro"] in mounts(service)


def test_the_command_of_the_image_is_understood() -> None:
    entrypoint, command = yaml.safe_load(instructions("ENTRYPOINT")[0]), yaml.safe_load(instructions("CMD")[0])
    assert entrypoint == ["stream-monitor"]
    assert parser().parse_args(command).command == "run"


def test_what_is_mounted_is_there() -> None:
    sources = [mount[0] for service in SERVICES.values() for mount in mounts(service)]
    assert [s for s in sources if not (ROOT / s).is_file() and s not in COMPOSE["volumes"]] == []


def test_services_wait_only_for_what_can_come() -> None:
    for service in SERVICES.values():
        for name in service.get("depends_on", {}):
            assert name in SERVICES
        conditions = service["depends_on"] if isinstance(service.get("depends_on"), dict) else {}
        for name, how in conditions.items():
            checked = not SERVICES[name].get("healthcheck", {"disable": name not in OURS}).get("disable", False)
            assert how["condition"] != "service_healthy" or checked


def test_topics_are_created_before_anybody_uses_them() -> None:
    assert "create" in SERVICES["topics"]["command"]
    assert "--include-inputs" in SERVICES["topics"]["command"]
    assert SERVICES["topics"]["depends_on"]["kafka"]["condition"] == "service_healthy"
    assert SERVICES["stream-monitor"]["depends_on"]["topics"]["condition"] == "service_completed_successfully"
    assert SERVICES["events"]["depends_on"]["stream-monitor"]["condition"] == "service_healthy"


def test_brokers_are_found_inside_and_on_the_host() -> None:
    advertised, bound = listeners("KAFKA_ADVERTISED_LISTENERS"), listeners("KAFKA_LISTENERS")
    assert advertised["INSIDE"] == ",".join(CONFIG.kafka.bootstrap_servers)
    assert {name: address.rpartition(":")[2] for name, address in advertised.items()} == {
        name: address.rpartition(":")[2] for name, address in bound.items() if name != "CONTROLLER"
    }
    port = advertised["HOST"].removeprefix("localhost:")
    assert SERVICES["kafka"]["ports"] == [f"127.0.0.1:{port}:{port}"]


def test_the_broker_is_the_one_that_is_tested_against() -> None:
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{KAFKA_VERSION}"


def test_metrics_are_scraped_where_they_are_served() -> None:
    scraped = yaml.safe_load((ROOT / "deploy/prometheus.yml").read_text())["scrape_configs"][0]["static_configs"][0]
    port = CONFIG.http.port
    assert scraped["targets"] == [f"stream-monitor:{port}"]
    assert SERVICES["stream-monitor"]["ports"] == [f"127.0.0.1:{port}:{port}"]
    assert instructions("EXPOSE") == [str(port)]
    assert f"http://127.0.0.1:{port}/livez" in DOCKERFILE


def test_what_is_published_is_published_on_the_loopback_interface_only() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_the_image_says_nothing_that_the_configuration_refuses() -> None:
    said = dict(pair.split("=", 1) for line in instructions("ENV") for pair in shlex.split(line))
    ours = {name: value for name, value in said.items() if name.startswith("STREAM_MONITOR_")}
    assert load(ROOT / "deploy/monitor.yaml", ours).http.host == "0.0.0.0"


def test_the_image_runs_as_nobody_in_particular_and_its_root_may_be_read_only() -> None:
    assert instructions("USER") == ["65532:65532"]
    assert "PYTHONDONTWRITEBYTECODE=1" in DOCKERFILE
    assert all(SERVICES[name]["read_only"] for name in OURS)


def test_the_image_is_built_from_hashes_and_from_what_the_context_has() -> None:
    assert "--require-hashes --requirement requirements.lock" in DOCKERFILE
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    copied = [word for line in instructions("COPY") if "--from" not in line for word in line.split()[:-1]]
    assert sorted(copied) == sorted(allowed)
    assert [name for name in copied if not (ROOT / name).exists()] == []


def test_the_configuration_for_containers_watches_as_the_demo_does() -> None:
    from consumers.demo import configuration

    assert CONFIG.streams == configuration().streams
