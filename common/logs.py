"""Structured log lines: JSON for machines, short text on a terminal. One call at start; rich is never used."""

from __future__ import annotations

import io
import logging
import sys
from typing import Final, Literal, TextIO, cast

import structlog


class _Stderr(io.TextIOBase):
    """Whatever standard error is at the moment of writing: it may be replaced or closed after the set-up."""

    def write(self, text: str, /) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


_STDERR: Final = cast("TextIO", _Stderr())
Format = Literal["auto", "json", "text"]
Level = Literal["debug", "info", "warning", "error"]


def set_up(level: Level = "info", style: Format = "auto") -> None:
    """Send structlog's and the standard library's records to stderr as one line each."""
    text = style == "text" or (style == "auto" and sys.stderr.isatty())
    renderer: structlog.types.Processor = (
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if text
        else structlog.processors.JSONRenderer()
    )
    exceptions: list[structlog.types.Processor] = [] if text else [structlog.processors.format_exc_info]
    before: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        *exceptions,
    ]
    threshold = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*before, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.WriteLoggerFactory(file=_STDERR),
        cache_logger_on_first_use=False,  # so that a second call reaches loggers that have spoken already
    )
    handler = logging.StreamHandler(_STDERR)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=before, processors=[_drop_meta, renderer]),
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(threshold, logging.WARNING))  # libraries: only what an operator must know


def _drop_meta(_logger: object, _name: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
    event.pop("_record", None)
    event.pop("_from_structlog", None)
    return event
