"""Whatever a file holds, it is read or refused with findings: never a traceback."""

from contextlib import suppress
from datetime import UTC, date, datetime

import tomli_w
from hypothesis import example, given, settings
from hypothesis import strategies as st

from collector.registry.csv_files import COLUMNS, read_csv
from collector.registry.files import SourceFile, read_files
from collector.registry.model import PortalCheck, Registry
from collector.registry.plan import make_plan
from collector.registry.toml_files import CALENDAR_KEYS, OUTPUT_KEYS, PLATFORM_KEYS
from common.config import ConfigError

TABLES = ("tenants", "sites", "calendars", "devices", "platforms")
KEYS = st.sampled_from(
    [
        *{"tenant", "id", "site", "role", "outputs", *CALENDAR_KEYS, *OUTPUT_KEYS, *PLATFORM_KEYS},
        *PortalCheck.__struct_fields__,
        "other",
    ]
)
TEXTS = st.sampled_from(
    ["", "acme", "p1", "main", "always", "2026-03-01T00:00:00Z", "Europe/Madrid", "http://[::1", "09:00"]
)
PLAIN = (
    TEXTS
    | st.text(st.characters(exclude_categories=("Cs",)), max_size=10)
    | st.integers(-(2**62), 2**62)
    | st.floats(allow_nan=False)
    | st.booleans()
    | st.just(date(2026, 3, 1))
    | st.datetimes(min_value=datetime(1900, 1, 1), timezones=st.none() | st.just(UTC))
)
VALUES = st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4))
THINGS = st.fixed_dictionaries({"tenant": TEXTS, "id": TEXTS}) | st.dictionaries(KEYS, VALUES, max_size=6)
FILES = st.dictionaries(st.sampled_from(TABLES), st.lists(THINGS, max_size=4) | VALUES, max_size=5)


@settings(max_examples=200, deadline=None)
@given(FILES)
def test_any_toml_is_applied_or_refused(data: dict[str, object]) -> None:
    with suppress(ConfigError):
        make_plan(Registry(), read_files([SourceFile("any.toml", tomli_w.dumps(data))]))


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
@example("\x00")
@example('tenant,device\n"')
def test_any_text_is_read_as_rows_or_refused(text: str) -> None:
    with suppress(ConfigError):
        read_csv(text, "any.csv")


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(TEXTS | st.text(max_size=5), max_size=len(COLUMNS)), max_size=5), st.sampled_from(",;\t"))
def test_any_rows_under_the_right_columns_are_applied_or_refused(rows: list[list[str]], delimiter: str) -> None:
    text = "\n".join(delimiter.join(row) for row in [list(COLUMNS), *rows])
    with suppress(ConfigError):
        make_plan(Registry(), read_files([SourceFile("any.csv", text)]))
