"""What the machine itself has against playback: its supply, its heat, its storage. Readers only; nobody is judged here.

One function a question, over an injected root ("/" on a player, a copied tree in a test), each a few small files of
/sys and /proc. `None` always means "could not be read", never "fine". All of them block, so they belong in a thread
(`agent.threads.Lane`): a dying card can hold even a read of /proc.

Measured on x86-64 without sensors: 0.3 ms for all of them together. Room, memory and the
network: `agent.resources`; processes: `agent.processes`.

Deliberately absent: SMART (`agent.drives`), and the wear of SD cards (they do not tell; eMMC does).
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path("/")
_MILLI: Final = 1000
_VCGENCMD_PATIENCE_S: Final = 2.0
_NO_PICTURE: Final = "Writeback"  # connectors into memory
_DANGEROUS_TRIPS: Final = ("passive", "hot", "critical")  # `active` only starts a fan
# Those that a kernel turns read-only when it finds an error on them; squashfs and its like never were anything else.
_TURN_READ_ONLY: Final = frozenset({"ext2", "ext3", "ext4", "btrfs", "f2fs", "vfat", "msdos", "exfat", "jfs", "nilfs2"})
_GIVEN_UP: Final = frozenset({"emergency_ro", "shutdown"})  # how newer kernels and XFS say that they have


class Throttled(NamedTuple):
    """The Raspberry Pi firmware's flags, now; and which of them it remembers (its driver forgets them after seconds).

    Source: raspberrypi.com, "vcgencmd", bits 0 to 3 and 16 to 19 of `get_throttled`.
    """

    under_voltage: bool
    frequency_capped: bool
    throttled: bool
    soft_temperature_limit: bool
    had_under_voltage: bool
    had_frequency_capped: bool
    had_throttled: bool
    had_soft_temperature_limit: bool


class Zone(NamedTuple):
    """A thermal zone. `trips`: the temperatures in °C from which the kernel slows down or turns off, by kind."""

    name: str
    temperature_c: float
    trips: tuple[tuple[str, float], ...]

    @property
    def exceeded(self) -> str | None:
        """The gravest trip point that is reached: `critical`, `hot`, `passive` (it is being slowed down), or None."""
        reached = {kind for kind, from_c in self.trips if self.temperature_c >= from_c}
        return next((kind for kind in reversed(_DANGEROUS_TRIPS) if kind in reached), None)


class FileSystemErrors(NamedTuple):
    """What ext4 wrote into a file system's own record, which outlives boots until e2fsck clears it."""

    device: str
    errors: int
    last_ms: int | None  # wall clock of the last one; None: it had none
    last_function: str | None  # of the kernel, such as `ext4_find_entry`


class Wear(NamedTuple):
    """An eMMC's own estimate (JEDEC eMMC 5.0, EXT_CSD 267 to 269). A card that does not tell is not listed.

    `used_percent`: of its rated life, upper end of the tenth it names; over 100: exceeded. `reserve`: of spare blocks.
    """

    device: str
    used_percent: int | None
    reserve: str | None  # "normal", "warning" (80 % are used up), "urgent"


class Connector(NamedTuple):
    """What the kernel says of one connector for a screen; None: it does not say."""

    name: str  # without the card's
    status: str | None  # connected, disconnected, unknown
    enabled: str | None  # enabled: a picture is sent there
    dpms: str | None  # On, Standby, Suspend, Off
    card: str = "card0"  # its number may change from boot to boot


def under_voltage(root: Path = ROOT) -> bool | None:
    """Whether a Raspberry Pi's supply was too weak within the last seconds (its hwmon driver asks every 2 s)."""
    for name in sorted((root / "sys/class/hwmon").glob("hwmon*/name")):
        if read_text(name) == "rpi_volt":
            alarm = read_text(name.parent / "in0_lcrit_alarm")
            return None if alarm is None else alarm == "1"
    flags = throttled(root)
    return None if flags is None else flags.under_voltage or flags.had_under_voltage


def throttled(root: Path = ROOT) -> Throttled | None:
    """The firmware's flags from sysfs, which Raspberry Pi OS has; the kernel warns once that the file is deprecated."""
    for file in (root / "sys/devices/platform").glob("soc*/soc*firmware/get_throttled"):
        if (said := read_text(file)) is not None:
            return parse_throttled(said)
    return None


def ask_firmware() -> Throttled | None:
    """The same flags from `vcgencmd`, for kernels without that file. Starts a program; needs the group `video`."""
    try:
        said = subprocess.run(
            ["vcgencmd", "get_throttled"],  # noqa: S607 - wherever the distribution has it
            capture_output=True,
            text=True,
            timeout=_VCGENCMD_PATIENCE_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):  # no Raspberry Pi, or a firmware that does not answer
        return None
    return parse_throttled(said.stdout) if said.returncode == 0 else None


def parse_throttled(said: str) -> Throttled | None:
    """PURE. `50005`, `0x50005` or `throttled=0x50005` → flags; None for nonsense."""
    try:
        flags = int(said.strip().rpartition("=")[2], 16)
    except ValueError:
        return None
    return Throttled(*(bool(flags >> bit & 1) for bit in (0, 1, 2, 3, 16, 17, 18, 19)))


def zones(root: Path = ROOT) -> list[Zone] | None:
    """Every thermal zone that tells its temperature; None where there is none."""
    found: list[Zone] = []
    for folder in sorted((root / "sys/class/thermal").glob("thermal_zone*")):
        now = read_whole(folder / "temp")
        if now is not None:
            found.append(Zone(read_text(folder / "type") or folder.name, now / _MILLI, tuple(_trips(folder))))
    return found or None


def temperatures(root: Path = ROOT) -> list[tuple[str, float]]:
    """Every sensor's name and degrees Celsius; the thermal zones where the machine has no sensors of their own."""
    files = sorted((root / "sys/class/hwmon").glob("hwmon*/temp*_input"))
    told = [(read_text(file.parent / "name") or "", read_whole(file)) for file in files]
    found = [(name, milli / _MILLI) for name, milli in told if milli is not None]
    return found or [(zone.name, zone.temperature_c) for zone in zones(root) or ()]


def connectors(root: Path = ROOT) -> list[Connector]:
    """Every connector that a screen can hang on."""
    return [
        Connector(name, read_text(folder / "status"), read_text(folder / "enabled"), read_text(folder / "dpms"), card)
        for folder in sorted((root / "sys/class/drm").glob("card*-*"))
        for card, _, name in [folder.name.partition("-")]
        if _NO_PICTURE not in name
    ]


def ext4_errors(root: Path = ROOT) -> list[FileSystemErrors] | None:
    """What each mounted ext4 file system remembers of errors; None where there is none."""
    found: list[FileSystemErrors] = []
    for file in sorted((root / "sys/fs/ext4").glob("*/errors_count")):
        count, last_s = read_whole(file), read_whole(file.parent / "last_error_time")
        if count is not None:
            function = read_text(file.parent / "last_error_func") or None
            found.append(FileSystemErrors(file.parent.name, count, last_s * _MILLI if last_s else None, function))
    return found or None


def turned_read_only(root: Path = ROOT) -> list[str] | None:
    """Mount points of file systems that were mounted to be written and that the kernel has closed to writers.

    A player whose card is read-only on purpose is not among them: there the mount itself says `ro`, while after an
    error only the file system below it does (proc_pid_mountinfo(5), fields 6 and 11). Under systemd's sandbox `/` is
    read-only for the agent alone; then the mount of its own directory tells for the file system that both are on.
    """
    text = read_text(root / "proc/self/mountinfo")
    return None if text is None else list(dict.fromkeys(_turned(text)))


def wear(root: Path = ROOT) -> list[Wear] | None:
    """What eMMC say of their own wear; None where none does."""
    found: list[Wear] = []
    for block in sorted((root / "sys/block").glob("mmcblk*")):
        life, reserve = read_text(block / "device/life_time"), read_text(block / "device/pre_eol_info")
        told = Wear(block.name, _used_percent(life or ""), _RESERVES.get(_hexadecimal(reserve or "")))
        if told[1:] != (None, None):
            found.append(told)
    return found or None


def _trips(zone: Path) -> Iterator[tuple[str, float]]:
    for file in sorted(zone.glob("trip_point_*_type")):
        kind, at = read_text(file), read_whole(file.with_name(file.name.replace("_type", "_temp")))
        if kind in _DANGEROUS_TRIPS and at is not None and at > 0:  # firmware without a limit writes 0 or less
            yield kind, at / _MILLI


def _turned(mountinfo: str) -> Iterator[str]:
    mounts = [line.partition(" - ") for line in mountinfo.splitlines()]
    parsed = [(before.split(), after.split()) for before, dash, after in mounts if dash]
    written = {mount[2] for mount, _ in parsed if "rw" in mount[5].split(",")}  # by major:minor
    for mount, below in parsed:
        options = below[-1].split(",")
        closed = "ro" in options and below[0] in _TURN_READ_ONLY and mount[2] in written
        if closed or not _GIVEN_UP.isdisjoint(options):
            yield mount[4].encode("ascii", "backslashreplace").decode("unicode_escape")  # "\040" is a blank


_RESERVES: Final = {1: "normal", 2: "warning", 3: "urgent"}
_TENTHS: Final = 11  # 0x01 … 0x0a: tenths of the rated life; 0x0b: more


def _used_percent(life_time: str) -> int | None:
    """`0x01 0x02` (two kinds of cells) → 20, the worse of them."""
    told = [value for word in life_time.split() if (value := _hexadecimal(word)) in range(1, _TENTHS + 1)]
    return max(told) * 10 if told else None


def _hexadecimal(text: str) -> int:
    try:
        return int(text, 16)
    except ValueError:
        return 0


def read_text(file: Path) -> str | None:
    """What a small file of the kernel holds, without its last line end; None where it does not answer."""
    try:
        return file.read_text(encoding="utf-8", errors="replace").strip("\0\n ")
    except OSError:  # absent, forbidden, or the driver answers with an error: nobody's evidence
        return None


def read_whole(file: Path) -> int | None:
    """The whole number that it holds; None where it does not answer, or with something else."""
    text = read_text(file)
    try:
        return None if text is None else int(text)
    except ValueError:
        return None
