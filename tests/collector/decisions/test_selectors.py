import pytest

from collector.decisions.selectors import UnknownSubjectError, canonical, expand, subject_key
from tests.collector.decisions.samples import registry

REGISTRY = registry()
P1 = {"acme/p1/main"}
P2 = {"acme/p2/left", "acme/p2/right"}


@pytest.mark.parametrize(
    ("written", "kept", "selected"),
    [
        ("*", "*", {"*"}),
        ("kind:player", "kind:player", {"kind:player"}),
        ("kind:platform", "kind:platform", {"kind:platform"}),
        ("site:bcn-01", "site:bcn-01", P1 | P2),
        ("site:empty", "site:empty", set()),
        ("p2", "device:p2", P2),
        ("device:p2", "device:p2", P2),
        ("acme/p2", "device:p2", P2),
        ("p2/left", "acme/p2/left", {"acme/p2/left"}),
        ("acme/p2/left", "acme/p2/left", {"acme/p2/left"}),
        ("portal", "acme/portal", {"acme/portal"}),
    ],
)
def test_what_is_written_is_kept_in_one_form_and_selects(written: str, kept: str, selected: set[str]) -> None:
    assert canonical(written, "acme", REGISTRY) == kept
    assert expand(kept, "acme", REGISTRY) == selected


@pytest.mark.parametrize(
    ("written", "message", "remedy"),
    [
        (
            "p3",
            "'p3' is no player, device or platform of acme",
            "use one of: p1, p1/main, p2, p2/left, p2/right, portal; or select by *",
        ),
        ("kind:server", "'kind:server' is no player, device or platform of acme", "kind:player, kind:platform"),
        ("site:bcn-02", "acme has no site 'bcn-02'", "did you mean 'bcn-01'?"),
        ("device:p9", "acme has no device 'p9'", "use one of: p1, p2"),
        ("site:", "'site:' is no player", "site:ID"),
        ("other/p1", "'other/p1' is no player", "use one of: p1"),
    ],
)
def test_what_selects_nothing_is_refused_with_a_remedy(written: str, message: str, remedy: str) -> None:
    with pytest.raises(UnknownSubjectError) as caught:
        canonical(written, "acme", REGISTRY)
    assert message in str(caught.value)
    assert remedy in caught.value.remedy


def test_another_tenant_is_not_selected() -> None:
    assert expand("device:p1", "other", REGISTRY) == set()
    assert expand("site:bcn-01", "other", REGISTRY) == set()


def test_a_device_stands_for_its_only_output() -> None:
    assert subject_key("p1", "acme", REGISTRY) == "acme/p1/main"
    assert subject_key("acme/p1/main", "acme", REGISTRY) == "acme/p1/main"
    assert subject_key("portal", "acme", REGISTRY) == "acme/portal"


def test_a_device_with_two_outputs_stands_for_neither() -> None:
    with pytest.raises(UnknownSubjectError, match="several outputs") as caught:
        subject_key("p2", "acme", REGISTRY)
    assert caught.value.remedy == "name one of: acme/p2/left, acme/p2/right"
    with pytest.raises(UnknownSubjectError, match="'p7' is no player or platform"):
        subject_key("p7", "acme", REGISTRY)
