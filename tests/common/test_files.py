"""A file is put in its place whole, or what stood there stays."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from common.files import put_in_place


def test_a_new_file_is_whole_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    put_in_place(tmp_path / "new", b"all of it")
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("new", b"all of it")]


def test_a_file_keeps_its_permissions_and_a_secret_has_its_own(tmp_path: Path) -> None:
    (old := tmp_path / "old").write_bytes(b"before")
    old.chmod(0o640)
    put_in_place(old, b"after")
    put_in_place(tmp_path / "secret", b"after", 0o600)
    assert (old.read_bytes(), old.stat().st_mode & 0o777) == (b"after", 0o640)
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600


def test_a_link_stays_and_the_file_that_it_leads_to_is_replaced(tmp_path: Path) -> None:
    (real := tmp_path / "real").mkdir()
    (real / "file").write_bytes(b"before")
    (link := tmp_path / "link").symlink_to(real / "file")
    put_in_place(link, b"after")
    assert link.is_symlink()
    assert [(file.name, file.read_bytes()) for file in real.iterdir()] == [("file", b"after")]


@pytest.mark.parametrize("kind", ["fifo", "folder"])
def test_what_is_no_ordinary_file_is_never_replaced_by_one(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "place"
    os.mkfifo(place) if kind == "fifo" else place.mkdir()
    with pytest.raises(OSError, match="is no ordinary file, and would be replaced by one"):
        put_in_place(place, b"anything")
    assert not place.is_file()
    assert [file.name for file in tmp_path.iterdir()] == ["place"]


def test_where_no_file_can_be_nothing_is_left(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        put_in_place(tmp_path / "no" / "folder", b"anything")
    assert list(tmp_path.iterdir()) == []
