"""Playback probes: one file a probe, one signature, one dict that registers them all.

To add one: write its file (an options `Section` and a class with `read`, `close` and `silence`), name it here, and
write its page in docs/probes/. The configuration, `agent check` and `agent probe` follow from the entry.
"""

from __future__ import annotations

from typing import Final

from agent.probes.anthias import AnthiasOptions, AnthiasProbe, anthias_complaints
from agent.probes.base import ProbeKind
from agent.probes.chromium import ChromiumOptions, ChromiumProbe, chromium_complaints
from agent.probes.display import LEAST_INTERVAL_S, DisplayOptions, DisplayProbe
from agent.probes.logfile import LogfileOptions, LogfileProbe, logfile_complaints
from agent.probes.mpris import MprisOptions, MprisProbe
from agent.probes.mpv import MpvOptions, MpvProbe, mpv_complaints
from agent.probes.picture import PictureOptions, PictureProbe, picture_complaints
from agent.probes.process import ProcessOptions, ProcessProbe, process_complaints
from agent.probes.push import PushOptions, PushProbe
from agent.probes.systemd import SystemdOptions, SystemdProbe, systemd_complaints
from agent.probes.vlc import VlcOptions, VlcProbe, vlc_complaints
from agent.probes.xibo import XiboOptions, XiboProbe, xibo_complaints

PROBES: Final[dict[str, ProbeKind]] = {
    "anthias": ProbeKind(
        AnthiasOptions, AnthiasProbe, "asks Anthias over its API what its viewer shows", anthias_complaints
    ),
    "chromium": ProbeKind(
        ChromiumOptions,
        ChromiumProbe,
        "asks a Chromium kiosk through its DevTools protocol",
        chromium_complaints,
        processes=lambda _: ("chromium", "chrome", "electron"),
    ),
    "display": ProbeKind(
        DisplayOptions,
        DisplayProbe,
        "asks the kernel and the set whether the screen is on",
        least_interval_s=LEAST_INTERVAL_S,
    ),
    "mpv": ProbeKind(
        MpvOptions,
        MpvProbe,
        "asks mpv through its JSON IPC socket",
        mpv_complaints,
        processes=lambda _: ("mpv",),
        heals=True,
    ),
    "mpris": ProbeKind(MprisOptions, MprisProbe, "asks a player over D-Bus (MPRIS)"),
    "picture": ProbeKind(
        PictureOptions,
        PictureProbe,
        "looks at the screen: black, standing still",
        picture_complaints,
        least_interval_s=60.0,
        processes=lambda options: ("grim",) if options.source == "wayland" else ("ffmpeg",),
    ),
    "process": ProbeKind(
        ProcessOptions,
        ProcessProbe,
        "sees whether a process is alive and consumes CPU",
        process_complaints,
        processes=lambda options: (options.name,) if options.name else (),
    ),
    "push": ProbeKind(PushOptions, PushProbe, "is told by the player's own software"),
    "logfile": ProbeKind(
        LogfileOptions, LogfileProbe, "watches a log or proof-of-play file that must keep growing", logfile_complaints
    ),
    "systemd": ProbeKind(SystemdOptions, SystemdProbe, "asks systemd how a unit stands", systemd_complaints),
    "vlc": ProbeKind(
        VlcOptions, VlcProbe, "asks VLC through its HTTP interface", vlc_complaints, processes=lambda _: ("vlc",)
    ),
    "xibo": ProbeKind(XiboOptions, XiboProbe, "sees whether Xibo's player for Windows still reports", xibo_complaints),
}
