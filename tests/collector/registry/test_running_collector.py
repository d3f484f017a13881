"""A real collector takes a change over without a restart: from the command line to its page's API."""

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.mosquitto import Mosquitto
from tests.fixtures.processes import ROOT, Processes, run_signwatch
from tests.fixtures.waiting import LOOPBACK, free_port, wait_until

TWO_PLAYERS = (
    "tenant,device,output,contract,active_from\n"
    "acme,p1,main,admira,2026-03-01T00:00:00Z\n"
    "acme,p2,main,admria,2026-03-01T00:00:00Z\n"
)


@pytest.mark.system
def test_a_change_is_on_the_page_of_the_running_collector_at_once(
    processes: Processes, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    port = free_port()
    config = tmp_path / "collector.toml"
    config.write_text(
        f'[mqtt]\nhost = "{mosquitto.host}"\nport = {mosquitto.port}\n[web]\nlisten = "{LOOPBACK}:{port}"\n'
        f'[contracts]\nfiles = ["{ROOT}/contracts/admira.toml"]\n',
        encoding="utf-8",
    )
    (tmp_path / "tenant.toml").write_text('[[tenants]]\nid = "acme"\n', encoding="utf-8")
    (tmp_path / "fleet.csv").write_text(TWO_PLAYERS, encoding="utf-8")
    collector = processes.signwatch("collector", "run", "--config", config, name="collector")
    collector.wait_for_output("collector_ready")

    files = [tmp_path / "tenant.toml", tmp_path / "fleet.csv"]
    applied = run_signwatch("registry", "apply", *files, "--config", config, "--who", "ana")
    assert applied.returncode == 0, applied.stderr
    assert "fleet.csv:3: contract: the collector has no contract 'admria'" in applied.stderr
    subjects = wait_until(lambda: players(port), "the players are on the page")
    assert subjects == ["acme/p1/main", "acme/p2/main"]

    export = run_signwatch("registry", "export", "--config", config)
    assert 'id = "p2"' in export.stdout
    collector.restart()
    assert wait_until(lambda: players(port), "the players are there again") == subjects


def players(port: int) -> list[str]:
    try:
        with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/api/v1/players", timeout=60) as answer:
            body: Any = json.load(answer)
    except OSError:
        return []
    return [player["subject"] for player in body["players"]]
