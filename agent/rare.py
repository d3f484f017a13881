"""What libraries import for others than an agent that watches a player: loaded when it is first used, if ever.

Measured (x86-64, Python 3.11): 1.2 MB besides the 6 MB that `common.deferred` names. The command line calls `defer_all`
before it imports anything else, since some of this is imported with the first line of ours.
"""

from __future__ import annotations

from typing import Final

from common.deferred import defer

RARE: Final[dict[str, tuple[str, ...]]] = {
    # TLS. paho asks after the first two whenever a socket has nothing to read, asyncio after the last when it connects.
    "ssl": ("SSLWantReadError", "SSLWantWriteError", "SSLSocket"),
    "asyncio.sslproto": (),
    # HTTP, as paho and our own checks speak it.
    "urllib.request": (),
    "hmac": (),
    "hashlib": (),
    # shutil's archives (argparse asks shutil how wide the terminal is).
    "bz2": (),
    "lzma": (),
    "zlib": (),
    # structlog names an error of the first; the others are for Windows' paths, addresses in URLs, source code, schemas.
    "pickle": ("PicklingError",),
    "ipaddress": (),
    "msgspec.inspect": (),
    "ntpath": (),
    "textwrap": (),
    "tokenize": (),
}


def defer_all() -> None:
    """From now on."""
    defer(RARE)
