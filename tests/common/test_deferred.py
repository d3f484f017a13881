"""Modules are executed when they are first used, and then they are like any other."""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from common.deferred import defer, is_deferred

Make = Callable[[str], str]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Write a module with that text; gives its name, which is deferred."""
    before = list(sys.meta_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    made: list[str] = []

    def write(text: str) -> str:
        name = f"deferred_{tmp_path.name}_{len(made)}".replace("-", "_")
        made.append(name)
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
        defer({name: ("NobodyError",)})
        return name

    yield write
    sys.meta_path[:] = before
    for name in made:
        sys.modules.pop(name, None)


def test_a_deferred_module_is_not_executed_by_being_imported_however_often(make: Make) -> None:
    name = make("raise RuntimeError('executed')")
    importlib.import_module(name)
    __import__(name)
    assert is_deferred(name)


def test_it_is_executed_once_when_something_of_it_is_used(make: Make) -> None:
    name = make("import sys\nsys.modules.setdefault('counted', []).append(1)\nanswer = 42")
    sys.modules["counted"] = executions = []  # type: ignore[assignment]  # a mailbox
    try:
        module = importlib.import_module(name)
        assert (module.answer, module.answer) == (42, 42)
    finally:
        del sys.modules["counted"]
    assert executions == [1]
    assert not is_deferred(name)
    assert type(module) is ModuleType
    assert importlib.reload(module).answer == 42


def test_a_class_without_instances_is_caught_without_executing_the_module(make: Make) -> None:
    name = make("class NobodyError(Exception): pass\nanswer = 42")
    module = importlib.import_module(name)
    with pytest.raises(BlockingIOError):  # noqa: PT012 - what is tested is which clause catches
        try:
            raise BlockingIOError
        except module.NobodyError:
            pytest.fail("nobody can have raised it")
    assert is_deferred(name)
    before = module.NobodyError
    assert module.answer == 42
    assert module.NobodyError is not before  # the real one


def test_its_names_can_be_imported_from_it(make: Make) -> None:
    name = make("answer = 42")
    scope: dict[str, object] = {}
    exec(f"from {name} import answer", scope)  # noqa: S102 - the statement is what is tested
    assert scope["answer"] == 42


def test_a_name_that_it_does_not_have_is_an_attribute_error(make: Make) -> None:
    module = importlib.import_module(make("answer = 42"))
    with pytest.raises(AttributeError, match="has no attribute 'question'"):
        _ = module.question


def test_a_module_that_answers_for_names_itself_goes_on_doing_so(make: Make) -> None:
    module = importlib.import_module(make("def __getattr__(name):\n    return name.upper()"))
    assert (module.first, module.second) == ("FIRST", "SECOND")


def test_an_error_in_it_comes_to_each_who_uses_it(make: Make) -> None:
    module = importlib.import_module(make("raise ValueError('broken')"))
    for _ in range(2):
        with pytest.raises(ValueError, match="broken"):
            _ = module.answer


def test_threads_that_use_it_at_once_all_see_the_whole_module(make: Make) -> None:
    module = importlib.import_module(make("first = 1\nimport time\ntime.sleep(0.05)\nlast = 2"))
    seen: list[int] = []
    threads = [threading.Thread(target=lambda: seen.append(module.last)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=100)
    assert seen == [2] * 8


def test_a_module_that_does_not_exist_is_missing_as_ever() -> None:
    before = list(sys.meta_path)
    defer({"no_such_module_at_all": ()})
    try:
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module("no_such_module_at_all")
    finally:
        sys.meta_path[:] = before
