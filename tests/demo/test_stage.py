"""What the demonstration writes is read here by those who will read it."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from agent import config as agent_config
from collector.broker.credentials import is_user
from collector.config import load_config, load_contracts
from collector.registry.toml_files import read_toml
from common.config import parse_toml
from demo import chain, stage
from signwatch.cli import main
from simulator.script import plan
from simulator.script_check import read_script

PORTS = stage.Ports(web=8080, broker=1883, portal=8090, line=8091, beyond=(8092, 8093), health=8787, push=8788)
START = "2026-03-01T10:00:00.000+00:00"


def test_the_registry_is_one_tenant_six_shops_this_machine_and_a_portal() -> None:
    entries = read_toml(stage.registry(PORTS, START), "registry.toml")
    kinds = [entry.kind for entry in entries]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {
        "tenant": 1,
        "site": 7,
        "device": 41,
        "output": 41,
        "platform": 1,
    }
    judged = [entry for entry in entries if entry.kind in {"output", "platform"}]
    assert {entry.values["contract"] for entry in judged} == {stage.CONTRACT}
    assert all(entry.values["active_from_ms"] == 1_772_359_200_000 for entry in judged)


def test_the_portal_is_judged_by_this_machine_and_a_player_in_each_of_four_shops() -> None:
    entries = read_toml(stage.registry(PORTS, START), "registry.toml")
    (platform,) = (entry for entry in entries if entry.kind == "platform")
    check = platform.values["check"]
    assert isinstance(check, dict)
    assert check["votes"]["points"] == [stage.THIS_MACHINE, *stage.points()]
    sites = {entry.values["site"] for entry in entries if entry.kind == "device" and entry.ids["id"] in stage.points()}
    assert len(sites) == stage.POINTS


def test_a_second_start_that_keeps_the_ledger_leaves_active_from_alone() -> None:
    assert "active_from" not in stage.registry(PORTS, None)


def test_the_collector_can_use_its_configuration_and_the_contract(tmp_path: Path) -> None:
    (tmp_path / "collector.toml").write_text(stage.collector(PORTS, 'a "quoted" password'), encoding="utf-8")
    contract = resources.files("demo").joinpath("contract.toml").read_text("utf-8")
    (tmp_path / "demo.toml").write_text(contract, encoding="utf-8")
    (tmp_path / "norte.toml").write_text(resources.files("demo").joinpath("chain.toml").read_text("utf-8"), "utf-8")
    config = load_config(tmp_path / "collector.toml")
    assert config.mqtt.read_password() == 'a "quoted" password'
    terms = load_contracts(config.contracts.files)[stage.CONTRACT]
    admira = load_contracts([str(Path(__file__).parents[2] / "contracts" / "admira.toml")])["admira"]
    assert (terms.guarantee, terms.discounts, terms.eligibility) == (
        admira.guarantee,
        admira.discounts,
        admira.eligibility,
    )
    assert config.alerts.rules_for("demo/demo").hold_ms == stage.HOLD_S * 1000


def test_the_agent_can_use_its_configuration_with_mpv_and_without(tmp_path: Path) -> None:
    file = tmp_path / "agent.toml"
    stand_in = agent_config.parse(stage.agent(PORTS, "secret", "/run/mpv.sock"), file)
    assert stand_in.config.outputs[0].probe == "push"
    ports = stage.Ports(web=8080, broker=1883, portal=8090, line=8091, beyond=(8092, 8093), health=8787, push=None)
    real = agent_config.parse(stage.agent(ports, "secret", "/run/mpv.sock"), file)
    assert real.config.outputs[0].probe == "mpv"
    (check,) = real.config.checks
    assert (check.id, check.url) == (stage.PORTAL, "http://127.0.0.1:8091/")
    assert real.config.connectivity.targets == ("127.0.0.1:8092", "127.0.0.1:8093")
    assert (real.username, real.password()) == ("demo/this-machine", "secret")
    file.write_text(stage.agent(PORTS, "secret", "/run/mpv.sock"), encoding="utf-8")
    assert main(["agent", "check", "--config", str(file)]) == 0


def test_everybody_has_a_name_that_the_broker_knows() -> None:
    assert all(is_user(user) for user in stage.users())
    assert len(set(stage.users())) == 42 + chain.PLAYERS
    passwords = parse_toml(stage.passwords((user, "p") for user in stage.users()), "players.toml")
    assert {passwords["demo/player-0040"], passwords["norte/norte-0008"]} == {"p"}


def test_the_story_fits_the_fleet_and_ends_before_it_repeats() -> None:
    with resources.as_file(resources.files("demo").joinpath("story.toml")) as path:
        story = read_script(path, stage.players())
    assert story.repeat_every_s == stage.STORY_REPEATS_S
    last_ms = max(step.at_ms for step in plan(story, stage.players(), 0, 0))
    assert last_ms / 1000 < stage.STORY_LASTS_S
    assert stage.PORTAL_FAILS_AT_S + stage.PORTAL_FAILS_FOR_S < stage.STORY_LASTS_S


def test_within_two_minutes_more_than_a_fifth_is_down_for_longer_than_the_hold() -> None:
    with resources.as_file(resources.files("demo").joinpath("story.toml")) as path:
        story = read_script(path, stage.players())
    (stop,) = (fault for fault in story.faults if fault.action == "stop")
    stopped = [step for step in plan(story, stage.players(), 0, 0) if step.begins and step.aspect == "screen"]
    assert sum(step.at_ms == stop.at_s * 1000 for step in stopped) / 41 > 0.2
    assert (stop.for_s or 0) > 2 * stage.HOLD_S
    assert stop.at_s + (stop.for_s or 0) < 120
