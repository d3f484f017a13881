"""The machine round the agent: its clock, the user it runs as, its systemd unit, who may read its passwords."""

from __future__ import annotations

import asyncio
import grp
import os
import pwd
import subprocess
from collections.abc import Iterator, Mapping
from typing import Final

from agent.command import ask_program
from agent.config import Settings
from agent.doctor.model import Found
from agent.probes.systemd import read_count, read_properties
from agent.timesource import Offset
from common.clock import EARLIEST_MS, Clock, iso

UNIT: Final = "signwatch-agent.service"
_ASKED: Final = "LoadState,ActiveState,SubState,UnitFileState,User,NRestarts,Result,ExecMainStatus"
_PATIENCE_S: Final = 5.0
_OTHERS_READ: Final = 0o004
_MANY_RESTARTS: Final = 3
FAR_MS: Final = 1000.0  # further from true time a clock that is kept right is not

Unit = Mapping[str, str]


def look_at_clock(clock: Clock, offset: Offset | None = None) -> Iterator[Found]:
    """Whether it is right as far as the kernel knows, and how far from true time it is as far as anybody does."""
    now_ms = clock.wall_ms()
    if now_ms < EARLIEST_MS:
        message = f"it shows {iso(now_ms)}, which cannot be: this machine has no battery-backed clock, or an empty one"
        yield Found("wrong", "clock", "clock.impossible", message, _SYNC)
    elif not clock.synced():
        message = f"it shows {iso(now_ms)}, and no time source keeps it right: evidence is dated by when it arrives"
        yield Found("wrong", "clock", "clock.unsynced", message, _SYNC)
    else:
        yield Found("ok", "clock", "clock.synced", f"it is synchronised and shows {iso(now_ms)}")
    if offset is not None:
        side = "ahead of" if offset.ahead_ms >= 0 else "behind"
        message = f"it is {abs(offset.ahead_ms):.1f} ms {side} true time, give or take {offset.error_ms:.1f} ms"
        far = abs(offset.ahead_ms) - offset.error_ms > FAR_MS
        told = f"{message}, says {offset.source}"
        yield Found("wrong" if far else "ok", "clock", "clock.offset", told, _SYNC if far else "")


_SYNC: Final = (
    "apt-get install systemd-timesyncd (or chrony), then timedatectl set-ntp true; "
    "let UDP port 123 out, or name a time server of the site in /etc/systemd/timesyncd.conf"
)


def look_at_user(settings: Settings, unit: Unit | None) -> Iterator[Found]:
    """Who asks, and who may read the configuration."""
    me, wanted = _name_of(os.geteuid()), (unit or {}).get("User", "")
    groups = sorted(_group_of(number) for number in {os.getegid(), *os.getgroups()})
    if wanted and wanted != me:
        message = f"asked as {me}, while the unit runs as {wanted}: what one may, the other may not"
        yield Found("note", "user", "user.other", message, f"ask as root, or: sudo -u {wanted} signwatch agent doctor")
    else:
        yield Found("ok", "user", "user", f"asked as {me}, in the groups {', '.join(groups)}")
    secret = settings.config.mqtt.password_file
    file = settings.path(secret) if secret else settings.file
    if (secret or settings.config.mqtt.password) and file.exists() and file.stat().st_mode & _OTHERS_READ:
        message = f"every user of this machine can read the password in {file}"
        yield Found("wrong", "user", "user.password_open", message, f"chgrp {wanted or me} {file}; chmod 640 {file}")


async def unit_of(name: str = UNIT) -> Unit | None:
    """What systemd says of the agent's unit; None where no systemd answers."""
    try:
        async with asyncio.timeout(_PATIENCE_S):
            said = await ask_program("systemctl", "show", f"--property={_ASKED}", "--", name)
    except (OSError, TimeoutError):
        return None
    return None if said.status else read_properties(said)


def look_at_unit(unit: Unit | None) -> Found:  # noqa: PLR0911 - a table
    """PURE. Whether the agent starts with the machine, and stays."""
    if unit is None:
        remedy = "see that something else starts the agent with the machine, and again when it ends"
        return Found("note", "unit", "unit.no_systemd", "no systemd answers here", remedy)
    if unit.get("LoadState") != "loaded":
        state = unit.get("LoadState")
        message = f"{UNIT} is {'not installed' if state == 'not-found' else state}: nothing starts the agent"
        return Found("note", "unit", "unit.missing", message, "install it as docs/install-player.md says")
    if unit.get("ActiveState") == "failed" or unit.get("SubState") == "auto-restart":
        message = f"{UNIT} does not stay up: {unit.get('Result')}, status {unit.get('ExecMainStatus')}"
        return Found("wrong", "unit", "unit.failed", message, "read why: journalctl -u signwatch-agent -n 30")
    if unit.get("UnitFileState") != "enabled":
        message = f"{UNIT} is {unit.get('UnitFileState')}: it does not start with the machine"
        return Found("wrong", "unit", "unit.not_enabled", message, "systemctl enable signwatch-agent")
    if unit.get("ActiveState") != "active":
        message = f"{UNIT} is {unit.get('ActiveState')}: nobody watches just now"
        return Found("wrong", "unit", "unit.inactive", message, "systemctl start signwatch-agent")
    restarts = read_count(unit.get("NRestarts", ""))
    if restarts > _MANY_RESTARTS:
        remedy = "read why: journalctl -u signwatch-agent"
        return Found("note", "unit", "unit.restarts", f"{UNIT} was started again {restarts} times", remedy)
    return Found("ok", "unit", "unit", f"{UNIT} is active and starts with the machine")


def become_the_units_user() -> None:
    """Asked by root, look with the eyes of the user that the unit runs as; nothing changes where there is no unit."""
    if os.geteuid() != 0:
        return
    asked = ["systemctl", "show", "--property=User,Group,SupplementaryGroups", UNIT]
    try:
        told = subprocess.run(asked, capture_output=True, text=True, timeout=_PATIENCE_S, check=False).stdout  # noqa: S603 - no input
        unit = {key: value for key, _, value in (line.partition("=") for line in told.splitlines())}
        user = pwd.getpwnam(unit.get("User", ""))
        group = grp.getgrnam(unit["Group"]).gr_gid if unit.get("Group") else user.pw_gid
        more = [grp.getgrnam(name).gr_gid for name in unit.get("SupplementaryGroups", "").split()]
    except (OSError, subprocess.TimeoutExpired, KeyError):
        return
    os.setgroups([*os.getgrouplist(user.pw_name, group), *more])
    os.setgid(group)
    os.setuid(user.pw_uid)


def _name_of(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _group_of(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)
