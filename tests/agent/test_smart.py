"""What smartctl says of drives, in the form that smartmontools 7.3 prints, and what of it is told."""

from __future__ import annotations

import json

import pytest

from agent.smart import Drive, read_drive


def attribute(number: int, name: str, raw: int, value: int = 100) -> dict[str, object]:
    raw_text = {"value": raw, "string": str(raw)}
    return {
        "id": number,
        "name": name,
        "value": value,
        "worst": value,
        "thresh": 10,
        "when_failed": "",
        "raw": raw_text,
    }


def ata(*attributes: dict[str, object], passed: bool = True, **more: object) -> str:
    return json.dumps(
        {
            "smartctl": {"version": [7, 3], "exit_status": 0},
            "device": {"name": "/dev/sda", "info_name": "/dev/sda [SAT]", "type": "sat", "protocol": "ATA"},
            "smart_status": {"passed": passed},
            "ata_smart_attributes": {"revision": 16, "table": attributes},
            "power_on_time": {"hours": 21_213},
            "temperature": {"current": 47},
            **more,
        }
    )


def test_a_hard_disk_tells_of_its_sectors() -> None:
    answer = ata(
        attribute(1, "Raw_Read_Error_Rate", 4_294_967_295),
        attribute(5, "Reallocated_Sector_Ct", 12),
        attribute(197, "Current_Pending_Sector", 3),
        attribute(198, "Offline_Uncorrectable", 1),
    )
    assert read_drive(answer) == Drive(
        failing=False,
        temperature_c=47,
        power_on_hours=21_213,
        reallocated_sectors=12,
        pending_sectors=3,
        uncorrectable_sectors=1,
    )


def test_a_drive_that_says_it_will_fail_is_failing() -> None:
    assert read_drive(ata(passed=False)).failing is True


@pytest.mark.parametrize(
    ("answer", "used_percent"),
    [
        (ata(attribute(177, "Wear_Leveling_Count", 2_020, value=37)), 63),
        (ata(attribute(245, "Percent_Life_Remaining", 100)), 0),
        (ata(attribute(233, "Total_LBAs_Written", 129_493)), None),  # the same number means another thing elsewhere
        (ata(endurance_used={"current_percent": 4}), 4),
        (ata(), None),
    ],
)
def test_the_wear_of_an_ata_drive_is_told_where_it_says_so_by_name(answer: str, used_percent: int | None) -> None:
    assert read_drive(answer).used_percent == used_percent


def test_an_nvme_drive_tells_of_its_wear_its_spare_and_its_errors() -> None:
    log = {"critical_warning": 0, "temperature": 35, "available_spare": 98, "percentage_used": 104, "media_errors": 7}
    answer = json.dumps(
        {
            "smart_status": {"passed": True, "nvme": {"value": 0}},
            "nvme_smart_health_information_log": log,
            "temperature": {"current": 35},
            "power_on_time": {"hours": 3149},
        }
    )
    assert read_drive(answer) == Drive(
        failing=False, used_percent=104, spare_percent=98, temperature_c=35, power_on_hours=3149, media_errors=7
    )


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("", "smartctl answers what is not its JSON"),
        ("[]", "smartctl answers what is not its JSON"),
        ('{"smart_status": {"passed": "yes"}}', "smartctl answers what is not its JSON"),
        ("{}", "the drive gives no verdict on itself"),
        (
            '{"smartctl": {"messages": [{"string": "Smartctl open device: /dev/sda failed: Permission denied"}]}}',
            "Smartctl open device: /dev/sda failed: Permission denied",
        ),
    ],
)
def test_a_drive_that_cannot_be_asked_is_no_failing_drive(answer: str, reason: str) -> None:
    drive = read_drive(answer)
    assert drive.failing is None
    assert reason in drive.reason
    assert not drive.asleep


def test_a_drive_that_sleeps_is_told_from_one_that_does_not_answer() -> None:
    message = {"string": "Device is in STANDBY mode, exit(2)", "severity": "information"}
    assert read_drive(json.dumps({"smartctl": {"messages": [message]}})).asleep
