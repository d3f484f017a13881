"""What the registry writes back, applied again, makes no difference: for any registry."""

from hypothesis import given, settings
from hypothesis import strategies as st

from collector.registry.entries import LATEST_MS
from collector.registry.export import to_csv, to_toml
from collector.registry.files import SourceFile, read_files
from collector.registry.model import Calendar, Device, PortalCheck, Registry, Site, Subject, Tenant
from collector.registry.plan import make_plan
from collector.registry.records import to_records, to_registry

IDS = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,8}", fullmatch=True)
NAMES = (
    st.text(st.characters(exclude_categories=("Cs", "Cc", "Cn", "Co", "Cf")), min_size=1, max_size=30)
    .map(str.strip)
    .filter(lambda text: text != "" and text.isprintable())
)
INSTANTS = st.none() | st.integers(0, LATEST_MS)
CALENDARS = st.sampled_from(
    [
        {"timezone": "Europe/Madrid"},
        {"timezone": "Europe/Madrid", "holidays": "ES-Barcelona", "closed": ["2026-03-16"]},
        {"timezone": "UTC", "rules": [{"days": "all", "hours": ["18:00-03:00"]}], "open": {"2026-03-29": []}},
    ]
)
CHECKS = st.none() | st.builds(
    PortalCheck,
    url=st.just("https://portal.example.com/?a=b&c"),
    expect_status=st.integers(100, 599),
    expect_text=st.text(st.characters(exclude_categories=("Cs",)), max_size=20),
    timeout_s=st.integers(1, 600).map(lambda tenths: tenths / 10),
    interval_s=st.floats(0.125, 86_400, allow_subnormal=False).map(lambda seconds: round(seconds, 6)),
    failures=st.integers(1, 100),
)


@st.composite
def registries(draw: st.DrawFn) -> Registry:
    tenants = {tenant: Tenant(tenant, draw(NAMES)) for tenant in draw(st.sets(IDS, min_size=1, max_size=2))}
    sites, calendars, devices, subjects = {}, {}, {}, {}
    for tenant in tenants:
        own_sites = sorted(draw(st.sets(IDS, max_size=3)))
        own_calendars = sorted(draw(st.sets(IDS.filter(lambda text: text != "always"), max_size=2)))
        sites |= {f"{tenant}/{site}": Site(tenant, site, draw(NAMES)) for site in own_sites}
        calendars |= {f"{tenant}/{name}": Calendar(tenant, name, draw(CALENDARS)) for name in own_calendars}
        names = sorted(draw(st.sets(IDS, max_size=5)))
        for number, name in enumerate(names):
            if number % 3 == 2:
                platform = draw(players(tenant, "", name, []))
                subjects[platform.key] = platform
                continue
            site = draw(st.none() | st.sampled_from(own_sites)) if own_sites else None
            role = draw(st.sampled_from(["player", "server"]))
            devices[f"{tenant}/{name}"] = Device(tenant, name, site, draw(NAMES), role)
            for output in draw(st.sets(IDS, max_size=3)):
                player = draw(players(tenant, name, output, own_calendars))
                subjects[player.key] = player
    return Registry(tenants, sites, calendars, devices, subjects)


@st.composite
def players(draw: st.DrawFn, tenant: str, device: str, name: str, calendars: list[str]) -> Subject:
    start, end = draw(INSTANTS), draw(INSTANTS)
    if start is not None and end is not None and end < start:
        start, end = end, start
    return Subject(
        tenant,
        device,
        name,
        "player" if device else "platform",
        draw(NAMES),
        draw(st.none() | IDS),
        draw(st.sampled_from(["always", *calendars])),
        start,
        end,
        None if device else draw(CHECKS),
    )


@settings(max_examples=60, deadline=None)
@given(registries())
def test_an_export_in_toml_applied_again_makes_no_difference(registry: Registry) -> None:
    plan = make_plan(registry, read_files([SourceFile("export.toml", to_toml(registry))]))
    assert plan.changes == []


@settings(max_examples=60, deadline=None)
@given(registries())
def test_an_export_in_toml_makes_the_same_registry_from_nothing(registry: Registry) -> None:
    plan = make_plan(Registry(), read_files([SourceFile("export.toml", to_toml(registry))]))
    assert plan.wanted == registry


@settings(max_examples=60, deadline=None)
@given(registries())
def test_an_export_in_csv_applied_again_makes_no_difference(registry: Registry) -> None:
    plan = make_plan(registry, read_files([SourceFile("export.csv", to_csv(registry))]))
    assert plan.changes == []


@settings(max_examples=60, deadline=None)
@given(registries())
def test_an_export_in_csv_brings_back_every_device_and_output(registry: Registry) -> None:
    bare = Registry(registry.tenants, registry.sites, registry.calendars)
    plan = make_plan(bare, read_files([SourceFile("export.csv", to_csv(registry))]))
    players = {key: subject for key, subject in registry.subjects.items() if subject.kind == "player"}
    assert plan.wanted.devices == registry.devices
    assert plan.wanted.subjects == players


@settings(max_examples=60, deadline=None)
@given(registries(), registries())
def test_applying_one_registry_over_another_leaves_nothing_to_apply(one: Registry, other: Registry) -> None:
    entries = read_files([SourceFile("one.toml", to_toml(one))])
    shared = {key for key in one.subjects.keys() | one.devices.keys() if key in other.subjects or key in other.devices}
    if shared:  # a platform may not become a device
        return
    wanted = make_plan(other, entries).wanted
    assert make_plan(wanted, entries).changes == []


@given(registries())
def test_records_and_registry_say_the_same(registry: Registry) -> None:
    assert to_registry(to_records(registry).items()) == registry
