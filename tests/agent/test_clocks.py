from agent.clocks import FACTS_MAX, SAID_MAX, Clocks
from agent.records import ClockFact
from wire.messages import BootClock

NOW = 1_772_323_200_000


def test_a_good_clock_is_noted_once_and_a_step_again() -> None:
    clocks = Clocks()
    assert clocks.note("a", 1000, NOW) == ClockFact("a", NOW - 1000, 1000)
    assert clocks.note("a", 61_000, NOW + 60_005) is None
    assert clocks.note("a", 121_000, NOW + 3_720_000) is not None
    assert clocks.told(["a"]) == [
        BootClock(boot="a", offset_ms=NOW - 1000, mono_ms=1000),
        BootClock(boot="a", offset_ms=NOW + 3_599_000, mono_ms=121_000),
    ]


def test_a_clock_that_drifts_for_a_year_takes_a_few_facts_the_first_and_the_last_among_them() -> None:
    clocks = Clocks()
    for number in range(1, 63_000):
        clocks.note("a", number * 500_000, NOW + number * 500_251)
    facts = clocks.facts()
    assert 16 <= len(facts) <= FACTS_MAX
    assert facts[0].mono_ms == 500_000
    assert facts[-1].mono_ms == 62_999 * 500_000
    assert [fact.mono_ms for fact in facts] == sorted(fact.mono_ms for fact in facts)


def test_a_hello_has_room_for_the_newest_boots_and_for_as_much_of_each_as_fits() -> None:
    clocks = Clocks(
        ClockFact(f"boot-{number}", NOW + step * 1000, step) for number in range(10) for step in range(1, 9)
    )
    said = clocks.told([f"boot-{number}" for number in range(10)])
    assert len(said) <= SAID_MAX
    assert [told.mono_ms for told in said if told.boot == "boot-9"][-1] == 8
    many = Clocks(ClockFact(f"boot-{number}", NOW, 5) for number in range(100))
    assert [told.boot for told in many.told([f"boot-{number}" for number in range(100)])][-1] == "boot-99"
    assert len(many.told([f"boot-{number}" for number in range(100)])) == SAID_MAX


def test_only_what_is_asked_for_is_kept_and_told() -> None:
    clocks = Clocks([ClockFact("a", NOW), ClockFact("b", NOW, 7)])
    assert clocks.told(["a"]) == [BootClock(boot="a", offset_ms=NOW)]  # an older agent noted no moment
    clocks.keep(["b"])
    assert clocks.facts() == [ClockFact("b", NOW, 7)]
    assert clocks.offsets() == {"b": NOW}
