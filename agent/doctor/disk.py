"""The disk that evidence lives on: writable, with room, quick enough, and still there after a power cut."""

from __future__ import annotations

import errno
import os
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from agent.config import Settings
from agent.disk import SLACK_BYTES
from agent.doctor.model import Found
from agent.journal import Journal
from common.clock import monotonic_s

SLOW_S: Final = 1.0  # a card that syncs slower than this is worn, or no card to write to
_TRIALS: Final = 5
_TRIAL: Final = b"signwatch agent doctor\n" * 178  # 4 KiB, a block
_FORGETFUL: Final = frozenset({"tmpfs", "ramfs", "overlay"})
_REMOTE: Final = frozenset({"nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs"})
_MOUNTS: Final = Path("/proc/self/mounts")
_MIB: Final = 1024 * 1024


class Mount(NamedTuple):
    """Where a path lies."""

    device: str
    folder: str
    kind: str
    read_only: bool


def look_at_disk(settings: Settings, *, held: bool) -> Iterator[Found]:
    """Everything about the spool's disk. `held`: an agent is writing there just now, so its file is not read."""
    directory = settings.path(settings.config.spool.dir)
    existing = directory
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    if not existing.is_dir():
        return  # the configuration's findings say so
    yield from _kind(mount_of(existing, _MOUNTS.read_text(encoding="utf-8", errors="replace")))
    yield _writes(existing)
    yield _room(existing, settings.config.spool.max_bytes)
    if directory.is_dir():
        yield from _spool(Journal(directory), settings.config.spool.max_bytes, held=held)


def mount_of(path: Path, mounts: str) -> Mount:
    """PURE but for symbolic links. The last mount among the lines of /proc/self/mounts that holds the path."""
    real, best = path.resolve(), Mount("?", "/", "?", read_only=False)
    for line in mounts.splitlines():
        device, folder, kind, options = [_unescaped(word) for word in line.split(" ")[:4]]
        if real.is_relative_to(folder) and len(folder) >= len(best.folder):
            best = Mount(device, folder, kind, "ro" in options.split(","))
    return best


def _unescaped(word: str) -> str:
    """PURE. /proc/self/mounts writes blanks and the like in octal."""
    return word.replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")


def _kind(mount: Mount) -> Iterator[Found]:
    if mount.kind in _FORGETFUL:
        message = f"the spool lies on {mount.kind} ({mount.folder}), which a power cut may empty"
        remedy = (
            "set spool.dir to a directory on a real disk; a read-only system image needs one small writable partition"
        )
        yield Found("note", "disk", "disk.forgetful", message, remedy)
    elif mount.kind in _REMOTE:
        message = f"the spool lies on the network ({mount.kind}), which is gone when evidence is most needed"
        yield Found("wrong", "disk", "disk.remote", message, "set spool.dir to a directory on this machine's own disk")
    if mount.read_only:
        remedy = f"look for errors with: dmesg | grep {mount.device.rpartition('/')[2]}; a worn card wants replacing"
        yield Found("wrong", "disk", "disk.read_only", f"{mount.folder} is mounted read-only", remedy)
    elif mount.device.startswith("/dev/mmcblk"):
        message = "the spool lies on an SD card or eMMC, which is written once in spool.sign_of_life_s"
        yield Found("ok", "disk", "disk.card", message)


def _writes(directory: Path) -> Found:
    """Write, sync and take away a small file."""
    trial = directory / f".doctor-{os.getpid()}"
    times_s = []
    try:
        descriptor = os.open(trial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            for _ in range(_TRIALS):
                begun_s = monotonic_s()
                os.write(descriptor, _TRIAL)
                os.fsync(descriptor)
                times_s.append(monotonic_s() - begun_s)
        finally:
            os.close(descriptor)
            trial.unlink()
    except OSError as error:
        return _refused(directory, error)
    usual_s = statistics.median(times_s)
    message = f"{directory} can be written; fsync takes {usual_s * 1000:.1f} ms"
    if usual_s > SLOW_S:
        return Found("note", "disk", "disk.slow", message, "the card is worn or overloaded: replace it soon")
    return Found("ok", "disk", "disk.writes", message)


def _refused(directory: Path, error: OSError) -> Found:
    """PURE."""
    remedies = {
        errno.ENOSPC: "make room: the agent keeps evidence in memory until then, and a power cut loses that",
        errno.EDQUOT: "raise the quota of the agent's user",
        errno.EROFS: "mount it writable: mount -o remount,rw …; if the kernel turned it read-only, replace the card",
        errno.EACCES: f"give it to the agent's user: chown signwatch {directory}",
        errno.EPERM: f"give it to the agent's user: chown signwatch {directory}",
        errno.EIO: "the disk is dying: replace it",
    }
    remedy = remedies.get(error.errno or 0, "see docs/agent.md, spool.dir")
    return Found(
        "wrong", "disk", "disk.unwritable", f"{directory} cannot be written: {error.strerror or error}", remedy
    )


def _room(directory: Path, max_bytes: int) -> Found:
    status = os.statvfs(directory)
    free = status.f_bavail * status.f_frsize
    wanted = 2 * max_bytes + SLACK_BYTES
    message = f"{free / _MIB:,.0f} MiB are free; a spool full to its bound (spool.max_bytes) takes {wanted / _MIB:,.0f}"
    if free < wanted:
        return Found("wrong", "disk", "disk.room", message, "make room, or lower spool.max_bytes")
    if not status.f_favail and status.f_files:
        return Found("wrong", "disk", "disk.inodes", "no inode is free", "delete small files")
    return Found("ok", "disk", "disk.room", message)


def _spool(journal: Journal, limit_bytes: int, *, held: bool) -> Iterator[Found]:
    try:
        if asides := journal.asides():
            message = f"{len(asides)} damaged spool file(s) were set aside, the newest {asides[-1].name}"
            remedy = "if it happens again, replace the card; the files may be deleted once looked at"
            yield Found("note", "disk", "disk.damaged_before", message, remedy)
        damage = [] if held else journal.read(4 * limit_bytes).damage
    except OSError as error:
        message = f"{journal.path} cannot be read: {error.strerror or error}"
        remedy = f"it belongs to the agent's user: chown -R signwatch {journal.directory}"
        yield Found("wrong", "disk", "disk.unreadable", message, remedy)
        return
    if damage:
        message = f"{journal.path} is damaged in {len(damage)} place(s): {damage[0]}"
        remedy = "nothing to do: the agent keeps what is intact and sets the file aside when it starts"
        yield Found("note", "disk", "disk.damaged", message, remedy)
