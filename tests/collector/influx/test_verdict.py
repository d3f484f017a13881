from __future__ import annotations

import pytest

from collector.influx.verdict import Answer, judge, read_body


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        (400, b'{"error":"partial write: points beyond retention policy dropped=2"}', "expired"),
        (422, b'{"code":"x","message":"partial write: points beyond retention policy dropped=2"}', "expired"),
        (400, b'{"error":"partial write: points beyond retention policy dropped=1"}', "halve"),
        (400, b'{"error":"partial write: max-series-per-database limit exceeded: (5) dropped=2"}', "refused"),
        (500, b'{"error":"partial write: points beyond retention policy dropped=2"}', "expired"),
        (500, b'{"error":"partial write: field type conflict: input field \\"v\\" dropped=1"}', "halve"),
        (500, b'{"error":"engine: error writing WAL entry: write x: no space left on device"}', "later"),
        (307, b"", "misconfigured"),
        (400, b"[" * 100_000, "misconfigured"),
        (204, b"", "landed"),
        (200, b"", "landed"),
        (400, b'{"error":"partial write: field type conflict dropped=1"}', "halve"),
        (400, b'{"code":"invalid","message":"unable to parse \'x\'"}', "halve"),
        (422, b'{"code":"unprocessable entity","message":"outside retention"}', "halve"),
        (400, b"<html>nginx</html>", "misconfigured"),
        (400, b"[]", "misconfigured"),
        (413, b"", "halve"),
        (401, b'{"code":"unauthorized"}', "misconfigured"),
        (403, b"", "misconfigured"),
        (404, b'{"error":"database not found: \\"noc\\""}', "misconfigured"),
        (301, b"", "misconfigured"),
        (405, b"", "misconfigured"),
        (408, b"", "later"),
        (429, b"", "later"),
        (500, b'{"error":"timeout"}', "later"),
        (503, b"", "later"),
        (0, b"", "later"),
    ],
)
def test_each_answer_has_its_meaning(status: int, body: bytes, verdict: str) -> None:
    assert judge(read_body(status, body, None), 2) == verdict


def test_an_answer_reads_as_one_short_line() -> None:
    assert str(read_body(400, b'{"error":"bad\\nline"}', None)) == "HTTP 400: bad\nline"
    assert (
        str(read_body(502, b"<html>\n  <b>Bad   gateway</b>\n</html>", 5))
        == "HTTP 502: <html> <b>Bad gateway</b> </html>"
    )
    assert len(read_body(500, b"x" * 10_000, None).message) == 500
    assert str(Answer(0, "connection refused")) == "connection refused"
    assert str(Answer(503)) == "HTTP 503"


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        (400, b'{"error":"unable to parse"}', "refused"),
        (413, b"", "refused"),
        (400, b'{"error":"partial write: points beyond retention policy dropped=1"}', "expired"),
        (500, b"", "later"),
    ],
)
def test_a_line_that_is_alone_cannot_be_halved(status: int, body: bytes, verdict: str) -> None:
    assert judge(read_body(status, body, None), 1) == verdict
