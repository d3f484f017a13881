"""Trees of small files that stand for /sys and /proc of another machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

Plant = Callable[[Mapping[str, str]], Path]
"""Paths below the root and what the files hold → the root. Each call makes a new tree."""


def plant_in(root: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{text}\n", encoding="utf-8")
    return root
