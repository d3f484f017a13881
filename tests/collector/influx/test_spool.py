from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.influx import spool as spool_module
from collector.influx.spool import LineSpool


def opened(folder: Path, max_bytes: int = 1_000_000) -> LineSpool:
    spool = LineSpool(folder, max_bytes)
    spool.open()
    return spool


def drain(spool: LineSpool) -> list[bytes]:
    lines: list[bytes] = []
    while segment := spool.oldest():
        lines += segment.lines
        spool.replace(segment.number, [])
    return lines


def test_lines_come_out_in_the_order_in_which_they_went_in(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    lines = [b"line %d" % number for number in range(50)]
    for start in range(0, 50, 7):
        assert spool.append(lines[start : start + 7]) == 0
    assert drain(spool) == lines
    assert (spool.size_bytes, spool.segments) == (0, 0)
    assert list(tmp_path.iterdir()) == []


def test_another_process_finds_what_was_left(tmp_path: Path) -> None:
    opened(tmp_path).append([b"a", b"b"])
    again = opened(tmp_path)
    again.append([b"c"])
    assert again.size_bytes == 6
    assert drain(again) == [b"a", b"b", b"c"]


def test_lines_that_come_while_the_oldest_are_being_sent_go_behind_them(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    spool.append([b"a"])
    segment = spool.oldest()
    assert segment is not None
    spool.append([b"b"])
    assert segment.lines == [b"a"]
    spool.replace(segment.number, [])
    assert drain(spool) == [b"b"]


def test_a_torn_last_line_is_left_out_and_told(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    spool.append([b"whole", b"also whole"])
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:-4])
    segment = opened(tmp_path).oldest()
    assert segment is not None
    assert (segment.lines, segment.torn) == ([b"whole"], True)


def test_the_oldest_go_when_there_is_no_room_and_they_are_counted(tmp_path: Path) -> None:
    spool = opened(tmp_path, max_bytes=1000)
    lines = [b"%09d" % number for number in range(500)]  # ten bytes each with the newline
    dropped = sum(spool.append(lines[start : start + 10]) for start in range(0, 500, 10))
    assert spool.size_bytes <= 1000
    kept = drain(spool)
    assert kept == lines[dropped:]
    assert len(kept) >= 80


def test_a_segment_can_be_shortened(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    spool.append([b"a", b"b", b"c"])
    segment = spool.oldest()
    assert segment is not None
    spool.replace(segment.number, [b"c"])
    assert spool.size_bytes == 2
    assert drain(opened(tmp_path)) == [b"c"]


def test_strange_files_in_the_folder_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "refused-2026-03-01.lp").write_bytes(b"# why\nbad\n")
    (tmp_path / "notes.txt").write_bytes(b"hello")
    spool = opened(tmp_path)
    spool.append([b"a"])
    assert drain(spool) == [b"a"]
    assert {file.name for file in tmp_path.iterdir()} == {"refused-2026-03-01.lp", "notes.txt"}


def test_a_segment_that_cannot_be_read_does_not_stand_in_the_way_for_ever(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    spool.append([b"a"])
    assert spool.oldest() is not None
    (file,) = tmp_path.iterdir()
    spool.append([b"b"])
    file.unlink()
    file.mkdir()  # reading it now fails
    with pytest.raises(OSError, match="Is a directory"):
        spool.oldest()
    segment = spool.oldest()
    assert segment is not None
    assert segment.lines == [b"b"]


@given(st.lists(st.lists(st.binary(min_size=1, max_size=30).filter(lambda line: b"\n" not in line), max_size=20)))
def test_nothing_is_lost_or_changed_below_the_limit(batches: list[list[bytes]]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        spool = opened(Path(folder))
        for batch in batches:
            spool.append(batch)
        assert drain(opened(Path(folder))) == [line for batch in batches for line in batch]


def test_the_number_of_files_is_bounded_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_module, "SEGMENTS_MAX", 3)
    for number in range(5):  # a process that starts again and again
        spool = LineSpool(tmp_path, 1024**2)
        spool.open()
        assert spool.append([f"m value={number}i".encode()]) == (1 if number >= 3 else 0)
    segment = spool.oldest()
    assert (spool.segments, segment and segment.lines) == (3, [b"m value=2i"])
