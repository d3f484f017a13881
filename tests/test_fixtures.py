"""The fixtures are code too: a broker that does not really die proves nothing about power cuts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import aiomqtt
import psutil
import pytest

from tests.fixtures.certificates import Certificates
from tests.fixtures.mosquitto import Mosquitto, StartMosquitto, program
from tests.fixtures.processes import ROOT, Processes
from tests.fixtures.waiting import WaitedTooLongError, accepts, free_port, until, wait_until


async def echo(broker: Mosquitto, topic: str, **options: object) -> bytes:
    """Publish on the topic and give back what a subscriber heard."""
    async with aiomqtt.Client(broker.host, broker.port, **options) as client:  # type: ignore[arg-type]
        await client.subscribe(topic, qos=1)
        await client.publish(topic, b"hello", qos=1)
        message = await anext(aiter(client.messages))
        assert isinstance(message.payload, bytes)
        return message.payload


async def test_a_killed_broker_is_gone_and_comes_back_on_the_same_port(mosquitto: Mosquitto) -> None:
    assert await echo(mosquitto, "a/b") == b"hello"
    port = mosquitto.port
    mosquitto.kill()
    assert not accepts(port)
    with pytest.raises(aiomqtt.MqttError):
        await echo(mosquitto, "a/b")
    mosquitto.restart()
    assert mosquitto.port == port
    assert await echo(mosquitto, "a/b") == b"hello"


async def test_users_need_their_password_and_keep_to_their_topics(start_mosquitto: StartMosquitto) -> None:
    broker = start_mosquitto({"ann": "right"}, acl="user ann\ntopic readwrite own/#\n")
    assert await echo(broker, "own/x", username="ann", password="right") == b"hello"
    with pytest.raises(aiomqtt.MqttError, match=r"[Nn]ot authori"):
        await echo(broker, "own/x", username="ann", password="wrong")
    with pytest.raises(aiomqtt.MqttError, match=r"[Nn]ot authori"):
        await echo(broker, "own/x")
    async with aiomqtt.Client(broker.host, broker.port, username="ann", password="right") as client:
        await client.publish("other/x", b"denied", qos=1)
    await until(lambda: "Denied PUBLISH from" in broker.log(), "the broker refuses the other's topic")


def publish_encrypted(broker: Mosquitto, authority: Path) -> subprocess.CompletedProcess[str]:
    """Publish with mosquitto's own client: paho leaks its socket where the handshake fails."""
    where = ["-h", broker.host, "-p", str(broker.port), "--cafile", authority]
    command = [program("mosquitto_pub", "mosquitto-clients"), *where, "-t", "a/b", "-m", "hello", "-q", "1"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_tls_is_believed_only_with_the_right_authority(
    start_mosquitto: StartMosquitto, certificates: Certificates
) -> None:
    broker = start_mosquitto(certificates=certificates)
    assert publish_encrypted(broker, certificates.authority).returncode == 0
    refused = publish_encrypted(broker, certificates.other_authority)
    assert refused.returncode != 0
    assert "A TLS error occurred" in refused.stderr


async def test_a_persistent_broker_keeps_queued_messages_over_a_kill(start_mosquitto: StartMosquitto) -> None:
    broker = start_mosquitto(persistent=True)
    lasting = {"identifier": "late", "clean_session": False}
    async with aiomqtt.Client(broker.host, broker.port, **lasting) as client:
        await client.subscribe("a/b", qos=1)
    async with aiomqtt.Client(broker.host, broker.port) as client:
        await client.publish("a/b", b"kept", qos=1)
    await until((broker.folder / "mosquitto.db").exists, "the broker has saved its queue")
    await until(lambda: b"kept" in (broker.folder / "mosquitto.db").read_bytes(), "the message is in it")
    broker.restart()
    async with aiomqtt.Client(broker.host, broker.port, **lasting) as client:
        assert (await anext(aiter(client.messages))).payload == b"kept"


def test_ports_are_handed_out_once_and_are_free() -> None:
    ports = {free_port() for _ in range(50)}
    assert len(ports) == 50
    assert not any(accepts(port) for port in ports)


def test_a_port_of_another_test_process_is_handed_out_again_only_after_its_end(
    processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = (
        "import signal\n"
        "from tests.fixtures.waiting import free_port\n"
        "print('port', free_port(), flush=True)\n"
        "signal.pause()\n"
    )
    other = processes.start([sys.executable, "-c", script], "other", cwd=ROOT)
    other.wait_for_output("\n")
    port = int(other.output().split()[1])
    monkeypatch.setattr("tests.fixtures.waiting._FIRST_PORT", port)
    monkeypatch.setattr("tests.fixtures.waiting._LAST_PORT", port)
    assert not accepts(port)
    with pytest.raises(RuntimeError, match="no free port"):
        free_port()
    other.kill()
    assert free_port() == port


def test_waiting_in_vain_says_for_what() -> None:
    with pytest.raises(WaitedTooLongError, match="until pigs fly; the last answer was None"):
        wait_until(lambda: None, "pigs fly", timeout_s=0.05)


async def test_waiting_gives_back_the_answer_of_functions_and_coroutines() -> None:
    async def answer() -> str:
        return "yes"

    assert wait_until(lambda: "yes", "it answers") == "yes"
    assert await until(lambda: "yes", "it answers") == "yes"
    assert await until(answer, "it answers") == "yes"


def test_killing_a_program_kills_its_children_of_other_groups_too(processes: Processes) -> None:
    script = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], start_new_session=True)\n"
        "print('child', child.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    parent = processes.start([sys.executable, "-c", script], "parent")
    parent.wait_for_output("child ")
    child = psutil.Process(int(parent.output().split()[1]))
    parent.kill()
    wait_until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, "the child is dead")


def test_a_program_that_ends_early_fails_the_wait_with_its_last_words(processes: Processes) -> None:
    program = processes.start([sys.executable, "-c", "print('no licence'); raise SystemExit(3)"], "early")
    with pytest.raises(AssertionError, match="early ended with status 3 and never said 'ready':\nno licence"):
        program.wait_for_output("ready")


FAILING = """
import sys
def test_fails(processes):
    processes.start([sys.executable, "-c", "print('the last word'); input()"], "chatty").wait()
    assert False
"""
SLOW = """
import pytest
def test_quick(): pass
@pytest.mark.slow
def test_slow(): pass
"""


@pytest.mark.parametrize(
    ("text", "options", "expected", "status"),
    [
        (FAILING, [], ["last lines of chatty", "the last word", "1 failed"], 1),
        (SLOW, [], ["1 passed, 1 deselected"], 0),
        (SLOW, ["--slow"], ["2 passed"], 0),
        (SLOW, ["-m", "slow"], ["2 deselected"], 5),
    ],
    ids=["a failing test shows its programs", "slow is left out", "slow on demand", "no test is no success"],
)
def test_pytest_itself(tmp_path: Path, text: str, options: list[str], expected: list[str], status: int) -> None:
    (tmp_path / "conftest.py").write_bytes((ROOT / "tests/conftest.py").read_bytes())
    (tmp_path / "fixtures").symlink_to(ROOT / "tests/fixtures")
    (tmp_path / "test_it.py").write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-c", ROOT / "pyproject.toml", "--rootdir", tmp_path, *options, tmp_path]
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={"PATH": "/usr/bin"},
    )
    for text_expected in expected:
        assert text_expected in done.stdout, done.stdout + done.stderr
    assert done.returncode == status
