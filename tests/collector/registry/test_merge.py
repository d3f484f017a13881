"""What files want, put over what there is: fields stay, references lead somewhere, endings follow the evidence."""

import pytest

from collector.registry.files import SourceFile, read_files
from collector.registry.merge import merge, prune
from collector.registry.model import Device, Registry, Site, Subject, Tenant
from collector.registry.records import Records, Ref, to_records

BASE = """
[[tenants]]
id = "acme"
[[sites]]
tenant = "acme"
id = "bcn"
[[calendars]]
tenant = "acme"
id = "shop"
timezone = "Europe/Madrid"
[[devices]]
tenant = "acme"
id = "p1"
site = "bcn"
name = "Window"
[[devices.outputs]]
id = "main"
contract = "admira"
emission = "shop"
active_from = 2026-03-01T00:00:00Z
"""
UNTIL = 1_775_001_600_000  # 2026-04-01T00:00:00Z
OUTPUT = Ref("output", "acme/p1/main")


def put(current: Records, text: str) -> tuple[Records, list[str]]:
    wanted, findings = merge(current, read_files([SourceFile("f.toml", text)]))
    return wanted, [str(finding) for finding in findings]


def base() -> Records:
    wanted, findings = put({}, BASE)
    assert findings == []
    return wanted


def pruned(current: Records, text: str, evidence: set[str]) -> Records:
    return prune(current, read_files([SourceFile("f.toml", text)]), UNTIL, evidence)


def test_a_name_that_is_not_given_is_the_id() -> None:
    assert base()[Ref("tenant", "acme")] == {"id": "acme", "name": "acme"}


def test_what_a_file_does_not_mention_stays_as_it_is() -> None:
    wanted, findings = put(base(), '[[devices]]\ntenant = "acme"\nid = "p1"\nname = "Door"')
    assert findings == []
    assert wanted == {**base(), Ref("device", "acme/p1"): {**base()[Ref("device", "acme/p1")], "name": "Door"}}


def test_an_empty_text_clears_a_field() -> None:
    text = '[[devices]]\ntenant = "acme"\nid = "p1"\nsite = ""\nname = ""\n[[devices.outputs]]\nid = "main"\n'
    wanted, _ = put(base(), text + 'contract = ""\nactive_from = ""\nemission = ""')
    assert wanted[Ref("device", "acme/p1")]["site"] is None
    assert wanted[Ref("device", "acme/p1")]["name"] == "p1"
    assert (wanted[OUTPUT]["contract"], wanted[OUTPUT]["active_from_ms"], wanted[OUTPUT]["emission"]) == (
        None,
        None,
        "always",
    )


P1_MAIN = '[[devices]]\ntenant = "acme"\nid = "p1"\n[[devices.outputs]]\nid = "main"\n'
UNKNOWN = {
    "tenant": (
        '[[devices]]\ntenant = "acne"\nid = "p2"',
        "f.toml: devices[0].tenant: there is no tenant acne; did you mean 'acme'? [registry.tenant.unknown]",
    ),
    "site": (
        '[[devices]]\ntenant = "acme"\nid = "p2"\nsite = "bnc"',
        "f.toml: devices[0].site: there is no site acme/bnc; did you mean 'bcn'? [registry.site.unknown]",
    ),
    "emission": (
        P1_MAIN + 'emission = "shops"',
        (
            "f.toml: devices[0].outputs[0].emission: there is no calendar acme/shops; "
            "did you mean 'shop'? [registry.emission.unknown]"
        ),
    ),
    "end before start": (
        P1_MAIN + "active_until = 2026-02-01T00:00:00Z",
        (
            "f.toml: devices[0].outputs[0].active_until: 2026-02-01T00:00:00.000Z is before active_from, "
            "2026-03-01T00:00:00.000Z; correct one of the two [registry.active]"
        ),
    ),
    "platform named as a device": (
        '[[platforms]]\ntenant = "acme"\nid = "p1"',
        "f.toml: platforms[0].id: acme/p1 is a device already; choose another id [registry.id.taken]",
    ),
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_a_reference_that_leads_nowhere_is_refused(case: str) -> None:
    text, finding = UNKNOWN[case]
    assert put(base(), text)[1] == [finding]


def test_a_site_of_another_tenant_is_none_of_ours() -> None:
    text = '[[tenants]]\nid = "other"\n[[devices]]\ntenant = "other"\nid = "p1"\nsite = "bcn"'
    assert put(base(), text)[1] == [
        "f.toml: devices[0].site: there is no site other/bcn; add it to [[sites]] [registry.site.unknown]"
    ]


MENTIONS_NOTHING_ELSE = '[[tenants]]\nid = "acme"'


def test_an_output_with_evidence_is_ended_and_everything_it_needs_stays() -> None:
    wanted = pruned(base(), MENTIONS_NOTHING_ELSE, {"acme/p1"})
    assert wanted == {**base(), OUTPUT: {**base()[OUTPUT], "active_until_ms": UNTIL}}


def test_an_output_that_was_active_is_ended_even_if_it_never_reported() -> None:
    assert pruned(base(), MENTIONS_NOTHING_ELSE, set())[OUTPUT]["active_until_ms"] == UNTIL


def test_what_was_never_active_and_never_reported_goes_with_its_device_its_site_and_its_calendar() -> None:
    later = put(base(), BASE.replace("2026-03-01", "2026-05-01"))[0]
    assert set(pruned(later, MENTIONS_NOTHING_ELSE, set())) == {Ref("tenant", "acme")}


def test_what_was_never_active_but_reported_stays_and_never_counts() -> None:
    later = put(base(), BASE.replace("2026-03-01", "2026-05-01"))[0]
    ended = pruned(later, MENTIONS_NOTHING_ELSE, {"acme/p1"})[OUTPUT]
    assert ended["active_until_ms"] == ended["active_from_ms"]


def test_an_earlier_end_is_not_put_off() -> None:
    ended = put(base(), BASE + "active_until = 2026-03-10T00:00:00Z")[0]
    assert pruned(ended, MENTIONS_NOTHING_ELSE, {"acme/p1"}) == ended


def test_pruning_leaves_other_tenants_and_what_is_mentioned_alone() -> None:
    other = put(base(), BASE.replace("acme", "other"))[0]
    assert pruned(other, '[[tenants]]\nid = "third"', {"acme/p1"}) == other
    assert pruned(base(), BASE, set()) == base()


def test_a_platform_with_evidence_is_ended_and_never_deleted() -> None:
    portal = Subject("acme", "", "portal", "platform", "Portal", "admira", active_from_ms=UNTIL + 1)
    current = to_records(Registry(tenants={"acme": Tenant("acme", "Acme")}, subjects={portal.key: portal}))
    kept = pruned(current, MENTIONS_NOTHING_ELSE, {"acme/portal"})
    assert kept[Ref("platform", "acme/portal")]["active_until_ms"] == UNTIL + 1
    assert Ref("platform", "acme/portal") not in pruned(current, MENTIONS_NOTHING_ELSE, set())


def test_a_server_without_outputs_stays_once_it_reported() -> None:
    server = Device("acme", "cache", "bcn", "Cache", "server")
    sites = {"acme/bcn": Site("acme", "bcn", "Barcelona")}
    current = to_records(Registry({"acme": Tenant("acme", "Acme")}, sites, devices={"acme/cache": server}))
    assert pruned(current, MENTIONS_NOTHING_ELSE, {"acme/cache"}) == current
    assert set(pruned(current, MENTIONS_NOTHING_ELSE, set())) == {Ref("tenant", "acme")}
