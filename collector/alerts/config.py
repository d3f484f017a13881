"""The `[alerts]` table: when an alarm rings, when it stops, and who is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from fnmatch import fnmatchcase
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec.structs import replace

from collector.alerts.rules import KINDS, Kind, Rules
from common.config import Section

Seconds = Annotated[float, msgspec.Meta(ge=0, le=86_400 * 31)]
Period = Annotated[float, msgspec.Meta(ge=1, le=3_600)]
Share = Annotated[Decimal, msgspec.Meta()]
Url = Annotated[str, msgspec.Meta(pattern=r"^https?://[^/\s]+\S*$")]
Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
HeaderName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9-]+$")]
HeaderValue = Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f\x7f]*$")]
LabelName = Annotated[str, msgspec.Meta(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$")]
Days = Annotated[int, msgspec.Meta(ge=0, le=365)]
Timeout = Annotated[float, msgspec.Meta(gt=0, le=300)]


class HttpChannel(Section, frozen=True):
    """What every channel that speaks HTTP can be told. Times in seconds."""

    url: Url
    timeout_s: Timeout = 10
    attempts: Annotated[int, msgspec.Meta(ge=1)] = 5  # of answers that say "not like this" (4xx)
    give_up_s: Annotated[float, msgspec.Meta(gt=0)] = 259_200  # three days of "not now"
    headers: dict[HeaderName, HeaderValue] = msgspec.field(default_factory=dict)
    username: str = ""
    password: str = ""
    ca_file: str = ""


class WebhookChannel(HttpChannel, frozen=True, tag_field="kind", tag="webhook"):
    """POST one JSON document for each opening and each closing; `secret` signs it (docs/alerts.md)."""

    name: Name = "webhook"
    secret: str = ""
    secret_file: str = ""

    def __post_init__(self) -> None:
        if self.secret and self.secret_file:
            raise ValueError("has both secret and secret_file: keep one of them")

    def signing_secret(self) -> str:
        """The secret, from the file where one is named; OSError where that cannot be read."""
        if self.secret_file:
            return Path(self.secret_file).read_text(encoding="utf-8").strip()
        return self.secret

    def with_paths(self, at: Callable[[str], str]) -> WebhookChannel:
        """The same with every path put through `at` (which makes it absolute)."""
        return replace(self, ca_file=at(self.ca_file), secret_file=at(self.secret_file))


class AlertmanagerChannel(HttpChannel, frozen=True, tag_field="kind", tag="alertmanager"):
    """POST to Alertmanager's `/api/v2/alerts`; open alerts are said again every `refresh_s` seconds."""

    name: Name = "alertmanager"
    refresh_s: Period = 60
    labels: dict[LabelName, str] = msgspec.field(default_factory=dict)

    def with_paths(self, at: Callable[[str], str]) -> AlertmanagerChannel:
        """The same with every path put through `at` (which makes it absolute)."""
        return replace(self, ca_file=at(self.ca_file))


class LogChannel(Section, frozen=True, tag_field="kind", tag="log"):
    """One structured log line for each opening and each closing."""

    name: Name = "log"

    def with_paths(self, _at: Callable[[str], str]) -> LogChannel:
        """A log has no paths."""
        return self


Channel = WebhookChannel | AlertmanagerChannel | LogChannel


class AgreementRules(Section, frozen=True):
    """Other numbers for the agreements whose `tenant/contract` fits the pattern (`acme/*`); the first that fits."""

    agreement: str
    hold_s: Seconds | None = None
    release_s: Seconds | None = None
    unknown_hold_s: Seconds | None = None
    breach_hold_s: Seconds | None = None
    burn_hold_s: Seconds | None = None
    reopen_s: Seconds | None = None
    close_margin: Share | None = None
    burn_close: Share | None = None
    down_over: Share | None = None
    kinds: tuple[Kind, ...] | None = None

    def __post_init__(self) -> None:
        _check_share("close_margin", self.close_margin)
        _check_share("burn_close", self.burn_close)
        _check_share("down_over", self.down_over)


class CertificateRule(Section, frozen=True):
    """Another number of days for the certificates of the checks whose `tenant/part` fits; the first that fits."""

    check: str
    days: Days


class AlertsConfig(Section, frozen=True):
    """When an alarm rings, when it stops, and who is told. Times in seconds, margin and limit shares of 1.

    `burn_close`: the part of its limit to which a burn rate must fall before its alarm stops.
    `down_over`: the share of active players down above which the alarm rings, strictly; None: the contract's own
    (its `eligibility.players_affected_over`), and a fifth where it names none.
    """

    hold_s: Seconds = 60
    release_s: Seconds = 60
    unknown_hold_s: Seconds = 300
    breach_hold_s: Seconds = 60
    burn_hold_s: Seconds = 0
    reopen_s: Seconds = 300
    close_margin: Share = Decimal("0.05")
    burn_close: Share = Decimal("0.8")
    down_over: Share | None = None
    kinds: tuple[Kind, ...] = KINDS
    page_url: Annotated[str, msgspec.Meta(pattern=r"^(https?://\S+)?$")] = ""
    certificate_days: Days = 14
    certificates: tuple[CertificateRule, ...] = ()
    agreements: tuple[AgreementRules, ...] = ()
    channels: tuple[Channel, ...] = (LogChannel(),)

    def __post_init__(self) -> None:
        _check_share("close_margin", self.close_margin)
        _check_share("burn_close", self.burn_close)
        _check_share("down_over", self.down_over)
        twice = [name for name, count in Counter(channel.name for channel in self.channels).items() if count > 1]
        if twice:
            raise ValueError(f"has two channels named {twice[0]!r}: give each channel its own name")

    def with_paths(self, at: Callable[[str], str]) -> AlertsConfig:
        """The same with every path put through `at` (which makes it absolute)."""
        return replace(self, channels=tuple(channel.with_paths(at) for channel in self.channels))

    def rules_for(self, agreement: str) -> Rules:
        """The numbers for one agreement, `tenant/contract`."""
        own = self._own_rules(agreement)

        def number(name: str) -> Decimal | float:
            value: Decimal | float | None = getattr(own, name, None)
            general: Decimal | float = getattr(self, name)
            return general if value is None else value

        return Rules(
            hold_ms=_ms(number("hold_s")),
            release_ms=_ms(number("release_s")),
            unknown_hold_ms=_ms(number("unknown_hold_s")),
            breach_hold_ms=_ms(number("breach_hold_s")),
            burn_hold_ms=_ms(number("burn_hold_s")),
            reopen_ms=_ms(number("reopen_s")),
            close_margin=Fraction(number("close_margin")),
            burn_close=Fraction(number("burn_close")),
            kinds=frozenset(self.kinds if own is None or own.kinds is None else own.kinds),
        )

    def certificate_days_for(self, part: str) -> int:
        """How many days before a certificate ends the warning begins, for one `tenant/part`; 0: there is none."""
        return next((rule.days for rule in self.certificates if fnmatchcase(part, rule.check)), self.certificate_days)

    def down_over_for(self, agreement: str) -> Fraction | None:
        """The configured share of active players down above which the alarm rings; None: the contract's own."""
        own = self._own_rules(agreement)
        share = own.down_over if own is not None and own.down_over is not None else self.down_over
        return None if share is None else Fraction(share)

    def _own_rules(self, agreement: str) -> AgreementRules | None:
        return next((rules for rules in self.agreements if fnmatchcase(agreement, rules.agreement)), None)


def _ms(seconds: Decimal | float) -> int:
    return round(seconds * 1000)


def _check_share(name: str, share: Decimal | None) -> None:
    if share is not None and not 0 <= share <= 1:
        raise ValueError(f"has {name} = {share}: it is a share, write 0.05 for 5 %")
