"""A running agent holds only the libraries that its configuration needs."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.agent.conftest import WriteConfig
from tests.fixtures.certificates import Certificates
from tests.fixtures.mosquitto import Mosquitto, StartMosquitto
from tests.fixtures.processes import Process, Processes
from tests.fixtures.waiting import LOOPBACK, free_port, wait_until

pytestmark = pytest.mark.system


def running_agent(
    processes: Processes,
    write_config: WriteConfig,
    broker: Mosquitto,
    tls: str = "",
    probe: str = 'probe = "push"',
    state: str = "unknown",
) -> Process:
    """An agent whose link is up and whose output was judged once: by default, no software has reported."""
    config = write_config(
        f"""
        tenant = "acme"
        device = "p1"
        interval_s = 1
        [mqtt]
        host = "127.0.0.1"
        port = {broker.port}
        {tls}
        [spool]
        dir = "spool"
        [health]
        listen = "{LOOPBACK}:{free_port()}"
        [push]
        listen = "{LOOPBACK}:{free_port()}"
        [[outputs]]
        id = "main"
        {probe}
        """
    )
    agent = processes.signwatch("agent", "run", "--config", config, name="agent")
    wait_until(lambda: "link_up" in agent.log.read_text(encoding="utf-8"), "the link is up")
    wait_until(lambda: f'"state": "{state}"' in agent.log.read_text(encoding="utf-8"), "the output is judged")
    return agent


def libraries(agent: Process) -> str:
    return Path(f"/proc/{agent.pid}/maps").read_text(encoding="utf-8")


def test_no_tls_library_is_loaded_where_the_broker_speaks_none(
    processes: Processes, write_config: WriteConfig, mosquitto: Mosquitto
) -> None:
    agent = running_agent(processes, write_config, mosquitto)
    assert "libcrypto" not in libraries(agent)
    assert "libpython" in libraries(agent) or "python3" in libraries(agent)  # it is the right file


def test_no_tls_library_is_loaded_by_a_probe_that_asks_over_plain_tcp(
    processes: Processes, write_config: WriteConfig, mosquitto: Mosquitto
) -> None:
    probe = f'probe = "chromium"\nchromium.url = "http://{LOOPBACK}:{free_port()}/"'
    agent = running_agent(processes, write_config, mosquitto, probe=probe, state="stopped")
    assert "libcrypto" not in libraries(agent)


def test_tls_is_spoken_by_an_agent_that_loads_it_late(
    processes: Processes, write_config: WriteConfig, start_mosquitto: StartMosquitto, certificates: Certificates
) -> None:
    broker = start_mosquitto(certificates=certificates)
    agent = running_agent(processes, write_config, broker, f'[mqtt.tls]\nca_file = "{certificates.authority}"')
    assert "libssl" in libraries(agent)


def test_the_systems_authorities_are_believed_without_all_of_them_being_read(
    processes: Processes,
    write_config: WriteConfig,
    start_mosquitto: StartMosquitto,
    certificates: Certificates,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    folder = tmp_path / "authorities"
    folder.mkdir()
    shutil.copy(certificates.authority, folder / "ours.pem")
    subprocess.run(["openssl", "rehash", folder], check=True)
    monkeypatch.setenv("SSL_CERT_DIR", str(folder))
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    broker = start_mosquitto(certificates=certificates)
    running_agent(processes, write_config, broker, "[mqtt.tls]")
