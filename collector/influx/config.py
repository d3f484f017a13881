"""The `[influx]` table: where points go, and how many may wait where."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec.structs import replace

from common.config import ConfigError, Finding, Section

MAX_LINE_BYTES = 64 * 1024
Url = Annotated[str, msgspec.Meta(pattern=r"^https?://[^/\s?]+[^\s?]*$")]


class InfluxConfig(Section, frozen=True):
    """`version = 1` speaks `/write?db=` (InfluxDB 1.x), `version = 2` `/api/v2/write` (2.x, 3, VictoriaMetrics)."""

    url: Url
    version: Literal[1, 2] = 2
    database: Annotated[str, msgspec.Meta(pattern=r'^[^"\\\s]{1,64}$')] = "signwatch"
    retention_policy: str = ""
    create_database: bool = False
    username: str = ""
    password: str = ""
    password_file: str = ""
    org: str = "signwatch"
    bucket: str = "signwatch"
    token: str = ""
    token_file: str = ""
    gzip: bool = True
    ca_file: str = ""
    timeout_s: Annotated[float, msgspec.Meta(gt=0, le=300)] = 10
    batch_lines: Annotated[int, msgspec.Meta(ge=1, le=50_000)] = 1_000
    flush_s: Annotated[float, msgspec.Meta(gt=0, le=3_600)] = 5
    queue_lines: Annotated[int, msgspec.Meta(ge=1, le=10_000_000)] = 50_000
    patience_s: Annotated[float, msgspec.Meta(gt=0, le=86_400)] = 600
    spool_dir: str = "influx-spool"
    spool_max_bytes: Annotated[int, msgspec.Meta(ge=64 * 1024)] = 1024**3

    def __post_init__(self) -> None:
        for key in ("password", "token"):
            if getattr(self, key) and getattr(self, f"{key}_file"):
                raise ValueError(f"has both {key} and {key}_file: keep one of them")
        if self.version == 1 and (self.token or self.token_file):
            raise ValueError("has a token, which version = 1 does not know: use username and password, or version = 2")
        if self.version == 2 and (self.username or self.create_database):  # noqa: PLR2004 - it is that version
            raise ValueError(
                "has username or create_database, which version = 2 does not know: use token, or version = 1"
            )

    def with_paths(self, at: Callable[[str], str]) -> InfluxConfig:
        """The same with every path put through `at` (which makes it absolute)."""
        names = ("password_file", "token_file", "ca_file", "spool_dir")
        return replace(self, **{name: at(getattr(self, name)) for name in names})

    def secret(self, key: Literal["password", "token"]) -> str:
        """The password or the token, from its file where one is named; ConfigError where that cannot be read."""
        value: str = getattr(self, key)
        file: str = getattr(self, f"{key}_file")
        if not file:
            return value
        try:
            return Path(file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            finding = Finding(
                "influx.secret_file",
                file,
                f"influx.{key}_file",
                f"cannot be read ({error})",
                "give a UTF-8 file that this user may read",
            )
            raise ConfigError(finding) from None
