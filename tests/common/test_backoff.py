from common.backoff import STABLE_S, attempts_after, back_off_s


def test_pauses_grow_to_a_limit_and_are_drawn_from_all_of_it() -> None:
    most = [back_off_s(attempt, 1, 60, lambda _, most: most) for attempt in range(8)]
    assert most == [1, 2, 4, 8, 16, 32, 60, 60]
    assert back_off_s(5, 1, 60, lambda least, _: least) == 0
    assert back_off_s(10_000, 1, 60, lambda _, most: most) == 60


def test_only_a_session_that_lasted_starts_the_back_off_anew() -> None:
    assert attempts_after(0, None) == 1
    assert attempts_after(7, None) == 8
    assert attempts_after(7, STABLE_S - 1) == 8
    assert attempts_after(7, STABLE_S) == 1
