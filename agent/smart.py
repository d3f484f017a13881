"""PURE. What `smartctl --json` says of a drive → what of it tells that the drive will fail.

Read from smartmontools 7.3: `smart_status` is the drive's own verdict; of an NVMe the health log (NVMe 1.4, 5.14.1.2),
of ATA the attributes that vendors agree on. Everything is optional: a USB bridge, a RAID controller or a lack of
privilege leaves it out, and what is not there is never "fine".
"""

from __future__ import annotations

from typing import Annotated, Any, Final, NamedTuple

import msgspec

_REASON_CHARS: Final = 120
_SLEEPS: Final = "STANDBY"  # of smartctl's own words: it left the drive asleep

# ATA attribute → what its raw value counts. By number: names differ between vendors, these numbers do not.
_COUNTS: Final = {5: "reallocated_sectors", 197: "pending_sectors", 198: "uncorrectable_sectors"}
# Attributes whose normalised value is the life that is left, in percent, by the names of smartmontools' data base.
_LIFE_LEFT: Final = frozenset(
    {
        "Media_Wearout_Indicator",
        "SSD_Life_Left",
        "Percent_Lifetime_Remain",
        "Percent_Life_Remaining",
        "Wear_Leveling_Count",
    }
)

Count = Annotated[int, msgspec.Meta(ge=0)]


class Drive(NamedTuple):
    """One drive. `failing`: by its own verdict; None: it could not be asked, and `reason` says why.

    `used_percent`: of the rated endurance, over 100 is possible; `spare_percent`: spare blocks that are left.
    """

    failing: bool | None = None
    reason: str = ""
    used_percent: int | None = None
    spare_percent: int | None = None
    temperature_c: int | None = None
    power_on_hours: int | None = None
    reallocated_sectors: int | None = None
    pending_sectors: int | None = None
    uncorrectable_sectors: int | None = None
    media_errors: int | None = None

    @property
    def asleep(self) -> bool:
        """Whether it was left alone because it has spun down: what it said before still holds."""
        return self.failing is None and _SLEEPS in self.reason.upper()


class _Message(msgspec.Struct, frozen=True):
    string: str = ""


class _Run(msgspec.Struct, frozen=True):
    messages: list[_Message] = []


class _Status(msgspec.Struct, frozen=True):
    passed: bool | None = None


class _Current(msgspec.Struct, frozen=True):
    current: int | None = None


class _Hours(msgspec.Struct, frozen=True):
    hours: Count | None = None


class _Nvme(msgspec.Struct, frozen=True):
    percentage_used: Count | None = None
    available_spare: Count | None = None
    media_errors: Count | None = None


class _Raw(msgspec.Struct, frozen=True):
    value: int = 0


class _Attribute(msgspec.Struct, frozen=True):
    id: int
    name: str = ""
    value: int | None = None
    raw: _Raw = _Raw()


class _Attributes(msgspec.Struct, frozen=True):
    table: list[_Attribute] = []


class _Endurance(msgspec.Struct, frozen=True):
    current_percent: Count | None = None


class _Told(msgspec.Struct, frozen=True):
    """The part of smartctl's answer that is read; everything else is ignored."""

    smartctl: _Run = msgspec.field(default_factory=_Run)
    smart_status: _Status | None = None
    temperature: _Current | None = None
    power_on_time: _Hours | None = None
    endurance_used: _Endurance | None = None  # smartctl 7.4 and newer
    nvme_smart_health_information_log: _Nvme | None = None
    ata_smart_attributes: _Attributes | None = None


_DECODER: Final = msgspec.json.Decoder(_Told)


def read_drive(answer: str) -> Drive:
    """One answer of `smartctl --json` → what it says. An answer that is none is a drive that could not be asked."""
    try:
        told = _DECODER.decode(answer)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        return Drive(reason=f"smartctl answers what is not its JSON: {error}"[:_REASON_CHARS])
    verdict = told.smart_status.passed if told.smart_status else None
    if verdict is None:
        said = [message.string for message in told.smartctl.messages if message.string]
        return Drive(reason=(said[-1] if said else "the drive gives no verdict on itself")[:_REASON_CHARS])
    nvme = told.nvme_smart_health_information_log or _Nvme()
    table = told.ata_smart_attributes.table if told.ata_smart_attributes else []
    counts: dict[str, Any] = {_COUNTS[one.id]: one.raw.value for one in table if one.id in _COUNTS}
    return Drive(
        failing=not verdict,
        used_percent=_used_percent(told, nvme, table),
        spare_percent=nvme.available_spare,
        temperature_c=told.temperature.current if told.temperature else None,
        power_on_hours=told.power_on_time.hours if told.power_on_time else None,
        media_errors=nvme.media_errors,
        **counts,
    )


def _used_percent(told: _Told, nvme: _Nvme, table: list[_Attribute]) -> int | None:
    if nvme.percentage_used is not None:
        return nvme.percentage_used
    if told.endurance_used is not None and told.endurance_used.current_percent is not None:
        return told.endurance_used.current_percent
    left = [one.value for one in table if one.name in _LIFE_LEFT and one.value is not None]
    return max(0, 100 - min(left)) if left else None
