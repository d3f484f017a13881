"""A real Chromium as a kiosk, and the pages that it shows."""

from __future__ import annotations

import itertools
import subprocess
from pathlib import Path
from typing import Final

from agent.probes.base import Around
from agent.probes.chromium import ChromiumOptions, ChromiumProbe
from agent.probes.chromium_tab import Tab
from common.clock import SystemClock
from tests.fixtures.chromium import CHROMIUM, FLAGS
from tests.fixtures.processes import Process, Processes
from tests.fixtures.waiting import LOOPBACK, accepts, free_port, wait_until

PAGES: Final = {
    "playing": "<video src=clip.webm autoplay muted loop></video>",
    "short": "<video src=short.webm autoplay muted loop></video>",
    "paused": "<video src=clip.webm preload=auto></video>",
    "ended": "<video src=short.webm autoplay muted></video>",
    "missing": "<video src=nowhere.webm autoplay muted></video>",
    "broken": "<video src=broken.webm autoplay muted></video>",
    "sources": "<video autoplay muted><source src=nowhere.webm></video>",
    "still": "<h1>Menu of the day</h1>",
    "picture": "<img src=still.png>",
    "backdrop": "<style>body{background:url(still.png);margin:0;height:100vh}</style>",
    "animated": "<style>@keyframes k{to{margin-left:300px}}p{animation:k 1s infinite}</style><p>moves",
    "canvas": "<canvas id=c></canvas><script>const draw=()=>{requestAnimationFrame(draw);"
    "c.getContext('2d').fillRect(0,0,9,9)};draw()</script>",
    "empty": "<title>white</title><div></div><script>let unused</script><p style='opacity:0'>unseen",
    "throws": "<h1>Menu</h1><script>setTimeout(()=>{throw new Error('boom')})</script>",
    "hangs": "<h1>Menu</h1><script>setTimeout(()=>{for(;;){}},1500)</script>",
    "double": "<video src=clip.webm autoplay muted loop></video><video src=clip.webm preload=auto width=900></video>",
    "shadow": "<x-p></x-p><script>document.querySelector('x-p').attachShadow({mode:'open'}).innerHTML="
    "'<video src=clip.webm preload=auto></video>'</script>",
    "framed": "<iframe srcdoc='<video src=clip.webm preload=auto></video>'></iframe>",
    "behind": "<style>video{position:fixed;inset:0;width:100vw;height:100vh}</style>"
    "<video src=clip.webm autoplay muted loop></video><video src=clip.webm preload=auto></video>",
    "curtain": "<video src=clip.webm autoplay muted loop></video><h1>Menu</h1>"
    "<div style='position:fixed;inset:0;background:#000'></div>",
    "clipped": "<video src=clip.webm autoplay muted loop style='clip-path:inset(100%)'></video>",
    "tiny": "<video src=clip.webm autoplay muted loop style='width:0;height:0'></video>",
    "logo": "<video src=clip.webm autoplay muted loop width=600></video>"
    "<b style='position:fixed;left:0;top:0;background:red'>Logo</b>",
    "untouchable": "<video src=clip.webm autoplay muted loop style='pointer-events:none'></video>",
    "zoomed": "<body style='zoom:5'><video src=clip.webm autoplay muted loop></video>",
    "frame": "<iframe src=still.html style='width:100vw;height:100vh'></iframe>",
    "frame-missing": "<iframe src=gone.html style='width:100vw;height:100vh'></iframe>",
    "frame-aside": "<h1>Menu</h1><iframe src=gone.html width=50 height=50></iframe>",
    "hidden-film": "<h1>Menu</h1><video src=clip.webm preload=auto style='display:none'></video>",
    "slides": "<body><script>let n=0;const next=()=>{const v=document.createElement('video');v.muted=true;"
    "v.src='short.webm?'+n++;v.onended=next;document.body.replaceChildren(v);v.play()};next()</script>",
}


def make_site(folder: Path) -> Path:
    """Write the pages, and the films and pictures in them."""
    picture = ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i"]
    film = ["-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8"]
    for name, length_s in (("clip", 4), ("short", 1)):
        source = f"testsrc=s=64x64:r=10:d={length_s}"
        subprocess.run([*picture, source, *film, folder / f"{name}.webm"], check=True, stdin=subprocess.DEVNULL)
    still = [*picture, "testsrc=s=64x64:d=1:r=1", "-frames:v", "1", folder / "still.png"]
    subprocess.run(still, check=True, stdin=subprocess.DEVNULL)
    (folder / "broken.webm").write_bytes(b"this is no film" * 100)
    for name, body in PAGES.items():
        (folder / f"{name}.html").write_text(f"<!doctype html><meta charset=utf-8>{body}\n", encoding="utf-8")
    return folder


class Kiosk:
    """A Chromium with its DevTools port, and a fresh profile."""

    def __init__(self, processes: Processes, site: Path) -> None:
        self._processes = processes
        self._profiles = itertools.count()
        self.site = site
        self.port = free_port()
        self.url = f"http://{LOOPBACK}:{self.port}/"

    def address(self, page: str) -> str:
        """The URL of one of the pages; any other is taken as it is."""
        return (self.site / f"{page}.html").as_uri() if page in PAGES else page

    def start(self, page: str = "about:blank") -> Process:
        """Start it with a page, and wait for its port."""
        profile = self._processes.folder / f"profile-{next(self._profiles)}"
        argv = [CHROMIUM, *FLAGS, f"--remote-debugging-port={self.port}", f"--user-data-dir={profile}"]
        process = self._processes.start(
            [*argv, "--autoplay-policy=no-user-gesture-required", "--noerrdialogs", self.address(page)],
            "chromium",
            env={"XDG_CONFIG_HOME": str(profile)},
        )
        wait_until(lambda: accepts(self.port), "Chromium opens its port")
        return process

    def probe(self, **options: object) -> ChromiumProbe:
        """A probe of it."""
        return ChromiumProbe(ChromiumOptions(url=self.url, **options), Around("main", SystemClock()))  # type: ignore[arg-type]

    async def go(self, tab: Tab, page: str) -> None:
        """Let a tab show another page."""
        await tab._call("Page.navigate", {"url": self.address(page)})
