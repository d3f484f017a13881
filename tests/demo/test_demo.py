"""The demonstration as a visitor starts it: real processes, a real player, a real page."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import urllib.request
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.fixtures.processes import Process, Processes, run_signwatch
from tests.fixtures.waiting import free_port, wait_until

PATIENCE_S = 300


class Visit:
    """One demonstration and its page."""

    def __init__(self, processes: Processes, folder: Path, *arguments: str) -> None:
        self.port = free_port()
        self.folder = folder
        self.process: Process = processes.signwatch(
            "demo", "--dir", folder, "--port", str(self.port), *arguments, name=f"demo-{self.port}"
        )

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=60) as answer:
            return json.load(answer)

    def states(self) -> list[str]:
        try:
            players = self.get("/api/v1/players")["players"]
            return [player["state"] for player in players if player["tenant"] == "demo"]
        except OSError:
            return []

    def this_machine(self) -> str:
        state: str = self.get("/api/v1/players/demo/this-machine/main")["state"]
        return state

    def wait_for_everybody(self) -> None:
        self.process.wait_for_output("Open  http://", PATIENCE_S)
        wait_until(lambda: self.states() == ["playing"] * 41, "all players play", PATIENCE_S)

    def assert_the_second_customers_month_is_closed_and_revised(self) -> None:
        running, last = self.get("/api/v1/months?agreement=norte/norte")["months"]
        assert (running["status"], last["status"]) == ("running", "closed")
        first, second = self.get("/api/v1/revisions?agreement=norte/norte")["revisions"]
        assert (first["revision"], first["discount_reason"]) == (1, "due")
        assert float(first["percent"]) < float(second["percent"])
        assert any("rewired" in change["en"] for change in second["changes"])

    def portal(self) -> Any:
        return self.get("/api/v1/platforms/demo/portal")

    def vote_of_this_machine(self) -> str:
        state: str = next(vote["state"] for vote in self.portal()["votes"] if vote["point"] == "this-machine")
        return state

    def order(self, what: str) -> None:
        """Do what the demonstration proposes: `fail` or `cut`."""
        line = next(line for line in self.process.output().splitlines() if f"/{what}?seconds=" in line)
        address = re.sub(r"seconds=\d+", "seconds=12", line.split("'")[1])
        with urllib.request.urlopen(urllib.request.Request(address, method="POST"), timeout=10) as answer:
            assert answer.status == 200

    def portals_downtime_ms(self) -> int:
        figures = self.get("/api/v1/figures")["figures"]
        return sum(figure["platform"]["downtime_ms"] for figure in figures if figure["tenant"] == "demo")

    def pid_of(self, what: str) -> int:
        line = next(line for line in self.process.output().splitlines() if f"the {what} dies" in line)
        return int(line.split()[2])


@pytest.mark.system
@pytest.mark.skipif(shutil.which("mpv") is None, reason="mpv is not installed: sudo apt-get install mpv")
def test_a_visitor_sees_everybody_play_pauses_the_real_player_and_leaves(processes: Processes, tmp_path: Path) -> None:
    visit = Visit(processes, tmp_path / "demo")
    visit.wait_for_everybody()
    assert [figure["agreement"] for figure in visit.get("/api/v1/figures")["figures"]] == ["demo/demo", "norte/norte"]
    wait_until(lambda: visit.portal()["tally"]["up"] == 6, "everybody says that the portal is up", PATIENCE_S)
    visit.order("cut")
    wait_until(lambda: visit.vote_of_this_machine() == "unknown", "this machine cannot tell", PATIENCE_S)
    assert visit.portal()["state"] == "up"
    wait_until(lambda: visit.vote_of_this_machine() == "up", "this machine's network is mended", PATIENCE_S)
    assert visit.portals_downtime_ms() == 0  # the story makes the portal fail later
    visit.order("fail")
    wait_until(lambda: visit.portal()["state"] == "down", "the portal is down", PATIENCE_S)
    wait_until(lambda: visit.portal()["state"] == "up", "the portal is up again", PATIENCE_S)
    wait_until(lambda: visit.portals_downtime_ms() > 0, "that costs availability", PATIENCE_S)
    first = visit.get("/api/v1/outages?subject=demo/portal")["outages"][0]["changes"][0]["tally"]
    assert first["down"] >= first["needed"]
    player = visit.pid_of("real player")
    os.kill(player, signal.SIGSTOP)
    wait_until(lambda: visit.this_machine() == "frozen", "the real player freezes", PATIENCE_S)
    os.kill(player, signal.SIGCONT)
    wait_until(lambda: visit.this_machine() == "playing", "the real player goes on", PATIENCE_S)
    visit.process.wait_for_output("Also  http://", PATIENCE_S)
    visit.assert_the_second_customers_month_is_closed_and_revised()
    children = psutil.Process(visit.process.pid).children(recursive=True)
    assert len(children) == 5
    assert visit.process.stop(PATIENCE_S) == 0
    assert [child for child in children if child.is_running()] == []


@pytest.mark.system
def test_without_mpv_a_stand_in_reports_and_the_ledger_can_be_kept(processes: Processes, tmp_path: Path) -> None:
    first = Visit(processes, tmp_path / "demo", "--no-mpv")
    first.wait_for_everybody()
    os.kill(first.pid_of("collector"), signal.SIGKILL)
    first.process.wait_for_output("the collector runs again", PATIENCE_S)
    wait_until(lambda: first.states() == ["playing"] * 41, "all players play again", PATIENCE_S)
    assert first.process.stop(PATIENCE_S) == 0
    begun = (tmp_path / "demo" / "ledger.db").stat().st_ino
    second = Visit(processes, tmp_path / "demo", "--no-mpv", "--keep")
    second.wait_for_everybody()
    runs = second.get("/api/v1/timeline?subject=demo/this-machine/main")["runs"]
    assert len({run["spool"] for run in runs}) == 1
    assert len(runs) >= 2
    assert (tmp_path / "demo" / "ledger.db").stat().st_ino == begun
    third = Visit(processes, tmp_path / "demo")
    assert third.process.wait() == 1
    assert "another demonstration runs in" in third.process.output()
    assert "give --dir and --port" in third.process.output()
    fourth = processes.signwatch("demo", "--dir", tmp_path / "other", "--port", str(second.port), name="fourth")
    assert fourth.wait() == 1
    assert "is taken (Address already in use), perhaps by another demonstration" in fourth.output()
    assert f"give another port: --port {second.port + 1}" in fourth.output()
    assert second.process.stop(PATIENCE_S) == 0


def test_a_folder_that_cannot_be_used_and_a_port_that_is_none_are_said_with_their_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    done = run_signwatch("demo", "--dir", tmp_path / "file", "--port", str(free_port()))
    assert done.returncode == 1
    assert "file cannot be used (Not a directory): give another folder: --dir DIR" in done.stderr
    done = run_signwatch("demo", "--dir", tmp_path / "demo", "--port", "70000")
    assert done.returncode == 1
    assert "--port 70000 is no port: write 1 to 65535" in done.stderr


@pytest.mark.system
def test_a_fresh_start_forgets_the_last_time_and_ends_by_itself(processes: Processes, tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    (folder / "logs").mkdir(parents=True)
    (folder / "ledger.db").write_text("this is no ledger", encoding="utf-8")
    visit = Visit(processes, folder, "--no-mpv", "--duration-s", "8")
    assert visit.process.wait(PATIENCE_S) == 0
    assert (folder / "ledger.db").read_bytes().startswith(b"SQLite format 3")
    assert (folder / "players.toml").stat().st_mode & 0o077 == 0
