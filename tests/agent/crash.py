"""What a power cut could leave of a directory, worked out from a recording of the real program's calls.

The model knows what is durable: a file's bytes as of its last fsync(2), a folder's names as of its last fsync(2) of the
folder. Everything since is at the mercy of the cut:

- names: created, renamed, linked and removed names arrive in order, and the cut may fall between any two of them
  (journaling file systems keep that order; nothing here relies on fsync of a file making its name durable);
- bytes: of the writes since the last fsync nothing arrived, all of them, all but a part of the last one (torn early,
  midway and late), only the last one (with zeros where the others should be), or the length and no bytes (zeros; ext4
  and XFS may leave that).

`Disk.after` takes in one call; `Disk.left` gives every folder that a cut right then could leave.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import PurePath
from typing import Final

from tests.fixtures.shim import Call


@dataclass
class Inode:
    """A file: its durable bytes, and the writes that nobody has synced."""

    durable: bytes = b""
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)  # None: cut off there

    def sync(self) -> None:
        self.durable, self.pending = everything(self), []


def put(content: bytes, offset: int, data: bytes | None) -> bytes:
    """Write there; what lies between the old end and the offset is zeros. Without data: cut or fill up to there."""
    if data is None:
        return content[:offset].ljust(offset, b"\0")
    return content[:offset].ljust(offset, b"\0") + data + content[offset + len(data) :]


def nothing(inode: Inode) -> bytes:
    return inode.durable


def everything(inode: Inode) -> bytes:
    content = inode.durable
    for offset, data in inode.pending:
        content = put(content, offset, data)
    return content


def torn(inode: Inode, eighths: int) -> bytes:
    content = inode.durable
    for number, (offset, data) in enumerate(inode.pending, start=1):
        if number == len(inode.pending) and data is not None:
            data = data[: len(data) * eighths // 8]  # noqa: PLW2901
        content = put(content, offset, data)
    return content


def only_the_last(inode: Inode) -> bytes:
    return put(inode.durable, *inode.pending[-1]) if inode.pending else inode.durable


def only_the_length(inode: Inode) -> bytes:
    return inode.durable.ljust(len(everything(inode)), b"\0")


FATES: Final[tuple[Callable[[Inode], bytes], ...]] = (
    nothing,
    everything,
    *(partial(torn, eighths=eighths) for eighths in (1, 4, 7)),
    only_the_last,
    only_the_length,
)
Names = dict[str, Inode]


class Disk:
    """One folder. `names` is what programs see; `durable` and the steps since are what a cut would leave."""

    def __init__(self, folder: PurePath) -> None:
        self._folder = folder
        self.names: Names = {}
        self.durable: Names = {}
        self._steps: list[Callable[[Names], None]] = []

    def after(self, call: Call) -> None:
        """Take in what was called."""
        one, other = PurePath(call.one).name, PurePath(call.other).name
        match call.what:
            case "create":
                if one not in self.names:
                    self._name({one: Inode()}, ())
            case "write":
                self.names[one].pending.append((int(call.other), call.data))
            case "truncate":
                self.names[one].pending.append((int(call.other), None))
            case "fsync" if PurePath(call.one) == self._folder:
                self.durable, self._steps = dict(self.names), []
            case "fsync":
                self.names[one].sync()
            case "rename":
                self._name({other: self.names[one]}, (one,))
            case "link":
                self._name({other: self.names[one]}, ())
            case "unlink":
                self._name({}, (one,))
            case _:
                assert call.what == "send", call.what

    def left(self) -> Iterator[dict[str, bytes]]:
        """Every content of the folder that a power cut now could leave, each once."""
        seen: list[dict[str, bytes]] = []
        for steps in range(len(self._steps) + 1):
            names = dict(self.durable)
            for step in self._steps[:steps]:
                step(names)
            for fate in FATES:
                folder = {name: fate(inode) for name, inode in names.items()}
                if folder not in seen:
                    seen.append(folder)
                    yield folder

    def _name(self, given: Names, taken: tuple[str, ...]) -> None:
        def step(names: Names) -> None:
            for name in taken:
                names.pop(name, None)
            names.update(given)

        step(self.names)
        self._steps.append(step)
