"""An image with the agent prepared in it, as the page says, wakes in two machines."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from tests.fixtures.bundle import LOGIN, block
from tests.fixtures.machine import Machine
from tests.fixtures.waiting import wait_until

pytestmark = pytest.mark.system

AGENT: Final = "signwatch-agent"
FILES: Final = ("/etc/signwatch/mqtt.password", "/var/lib/signwatch/spool/spool.journal")


def test_an_image_that_wakes_in_two_machines_gives_each_a_name_a_password_and_a_spool_of_its_own(
    new_machine: Callable[..., Machine], bundle: Path
) -> None:
    image = new_machine()
    shutil.copy(bundle, image.root / "root")
    image.chroot("useradd", "--uid", "1500", "--create-home", "player")
    image.chroot("env", "-i", *LOGIN, "tar", "--extract", "--gzip", "--directory=/root", f"--file=/root/{bundle.name}")
    told = image.chroot("env", "-i", *LOGIN, "bash", "-euc", f"cd /root\n{block('image')}")
    assert "The image is ready" in told, told
    assert not (image.root / "etc/signwatch/agent.toml").exists()
    assert not (image.root / "etc/signwatch/mqtt.password").exists()

    names, secrets, spools = set(), set(), set()
    for serial in ("02:00:00:00:00:01", "02:00:00:00:00:02"):
        one = new_machine(image.root)
        one.boot(card=serial)
        wait_until(lambda one=one: one.show(AGENT, "ActiveState") == "active", "the agent runs")  # type: ignore[misc]
        names |= set(re.findall(r'"device": "([^"]*)"', one.journal(AGENT)))
        secrets.add(one.run("cat", FILES[0]))
        spools |= set(re.findall(r'"type":"head","spool":"([^"]*)"', one.run("cat", FILES[1])))
    assert names == {"acme/020000000001", "acme/020000000002"}
    assert len(secrets) == len(spools) == 2
    assert {len(secret) for secret in secrets} == {25}
