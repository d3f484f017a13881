"""Playback probes: one file a probe, one signature, one table that registers them all.

To add one: write its file (an options `Section` and a class with `read`, `close` and `silence`), name it here, and
write its page in docs/probes/. The configuration, `agent check` and `agent probe` follow from the entry.

A probe is imported when it is first asked for, so that a player holds in memory only those that watch it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from agent.probes.base import ProbeKind


class Register(Mapping[str, ProbeKind]):
    """Probes by name. A look at the names imports nothing."""

    def __init__(self, kinds: Mapping[str, Callable[[], ProbeKind]]) -> None:
        self._kinds = kinds

    def __getitem__(self, name: str) -> ProbeKind:
        return self._kinds[name]()

    def __contains__(self, name: object) -> bool:
        return name in self._kinds

    def __iter__(self) -> Iterator[str]:
        return iter(self._kinds)

    def __len__(self) -> int:
        return len(self._kinds)


def _anthias() -> ProbeKind:
    from agent.probes.anthias import AnthiasOptions, AnthiasProbe, anthias_complaints

    return ProbeKind(
        AnthiasOptions, AnthiasProbe, "asks Anthias over its API what its viewer shows", anthias_complaints
    )


def _chromium() -> ProbeKind:
    from agent.probes.chromium import ChromiumOptions, ChromiumProbe, chromium_complaints

    return ProbeKind(
        ChromiumOptions,
        ChromiumProbe,
        "asks a Chromium kiosk through its DevTools protocol",
        chromium_complaints,
        processes=lambda _: ("chromium", "chrome", "electron"),
        heals=True,
    )


def _display() -> ProbeKind:
    from agent.probes.display import LEAST_INTERVAL_S, DisplayOptions, DisplayProbe

    return ProbeKind(
        DisplayOptions,
        DisplayProbe,
        "asks the kernel and the set whether the screen is on",
        least_interval_s=LEAST_INTERVAL_S,
    )


def _mpv() -> ProbeKind:
    from agent.probes.mpv import MpvOptions, MpvProbe, mpv_complaints

    return ProbeKind(
        MpvOptions,
        MpvProbe,
        "asks mpv through its JSON IPC socket",
        mpv_complaints,
        processes=lambda _: ("mpv",),
        heals=True,
    )


def _mpris() -> ProbeKind:
    from agent.probes.mpris import MprisOptions, MprisProbe

    return ProbeKind(MprisOptions, MprisProbe, "asks a player over D-Bus (MPRIS)")


def _picture() -> ProbeKind:
    from agent.probes.picture import PictureOptions, PictureProbe, picture_complaints

    return ProbeKind(
        PictureOptions,
        PictureProbe,
        "looks at the screen: black, standing still",
        picture_complaints,
        least_interval_s=60.0,
        processes=lambda options: ("grim",) if options.source == "wayland" else ("ffmpeg",),
    )


def _process() -> ProbeKind:
    from agent.probes.process import ProcessOptions, ProcessProbe, process_complaints

    return ProbeKind(
        ProcessOptions,
        ProcessProbe,
        "sees whether a process is alive and consumes CPU",
        process_complaints,
        processes=lambda options: (options.name,) if options.name else (),
    )


def _push() -> ProbeKind:
    from agent.probes.push import PushOptions, PushProbe

    return ProbeKind(PushOptions, PushProbe, "is told by the player's own software")


def _logfile() -> ProbeKind:
    from agent.probes.logfile import LogfileOptions, LogfileProbe, logfile_complaints

    return ProbeKind(
        LogfileOptions, LogfileProbe, "watches a log or proof-of-play file that must keep growing", logfile_complaints
    )


def _systemd() -> ProbeKind:
    from agent.probes.systemd import SystemdOptions, SystemdProbe, systemd_complaints

    return ProbeKind(SystemdOptions, SystemdProbe, "asks systemd how a unit stands", systemd_complaints)


def _vlc() -> ProbeKind:
    from agent.probes.vlc import VlcOptions, VlcProbe, vlc_complaints

    return ProbeKind(
        VlcOptions, VlcProbe, "asks VLC through its HTTP interface", vlc_complaints, processes=lambda _: ("vlc",)
    )


def _xibo() -> ProbeKind:
    from agent.probes.xibo import XiboOptions, XiboProbe, xibo_complaints

    return ProbeKind(XiboOptions, XiboProbe, "sees whether Xibo's player for Windows still reports", xibo_complaints)


PROBES: Final = Register(
    {
        "anthias": _anthias,
        "chromium": _chromium,
        "display": _display,
        "logfile": _logfile,
        "mpris": _mpris,
        "mpv": _mpv,
        "picture": _picture,
        "process": _process,
        "push": _push,
        "systemd": _systemd,
        "vlc": _vlc,
        "xibo": _xibo,
    }
)
