import random

from agent import host as agent_host
from simulator.host import VirtualHost


def test_a_virtual_machine_uses_the_names_of_a_real_one() -> None:
    virtual = VirtualHost(random.Random(1))
    assert virtual.facts().keys() - {"simulated"} <= agent_host.facts().keys()
    names = {"cpu_percent", "memory_used_percent", "load_1m", "uptime_s", "temperature_c"}
    assert virtual.figures(1000, playing=True).keys() - {"simulated"} == names | {
        "disk_used_percent",
        "disk_free_bytes",
    }


def test_figures_stay_within_what_a_machine_can_have() -> None:
    virtual = VirtualHost(random.Random(2))
    samples = [virtual.figures(number, playing=number % 100 < 50) for number in range(2000)]
    cpu = [sample["cpu_percent"] for sample in samples]
    assert all(isinstance(value, float) and 0 < value <= 100 for value in cpu)
    assert len(set(cpu)) > 20


def test_a_player_that_plays_nothing_works_less() -> None:
    virtual = VirtualHost(random.Random(3))
    busy = [virtual.figures(0, playing=True)["cpu_percent"] for _ in range(200)]
    idle = [virtual.figures(0, playing=False)["cpu_percent"] for _ in range(200)]
    assert sum(idle[50:]) < sum(busy[50:]) / 2  # type: ignore[arg-type]
