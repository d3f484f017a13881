"""Modules that are executed when somebody first uses them, not when somebody imports them.

Libraries import at their top what only some of their users need. On a player each megabyte counts, and these were
measured (x86-64, Python 3.11): `ssl` with libcrypto 4.4 MB, `urllib.request` with `http` and `email` 1.6 MB.

`importlib.util.LazyLoader` is not used: a second `import` of the same name executes its module (CPython 3.11 looks at
`__spec__`, and that class answers nothing without executing first), and it costs 0.7 MB itself.
"""

from __future__ import annotations

import sys
import threading
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from importlib.abc import Loader

_executing = threading.RLock()


class _Deferred(ModuleType):
    """A module that has been found and not executed."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the module has under that name
        if name.startswith("__"):  # the import machinery looks around; a module that was executed has these
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        with _executing:  # another thread waits here until the module is whole
            spec = self.__spec__
            loader: object = spec.loader if spec is not None else None
            if spec is not None and isinstance(loader, _Later):
                loader.execute(self, spec)
        if name in self.__dict__:
            return self.__dict__[name]
        # Its own `__getattr__`, if it has one, has come to light; or it is just being executed by this thread.
        return ModuleType.__getattribute__(self, name)


class _Later:
    """A loader that leaves the execution to whoever uses the module."""

    def __init__(self, loader: Loader, nobody: Iterable[str]) -> None:
        self._loader = loader
        self._nobody = nobody

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = _Deferred(spec.name)
        for name in self._nobody:
            setattr(module, name, type(name, (Exception,), {"__module__": spec.name}))
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Not yet."""

    def execute(self, module: ModuleType, spec: ModuleSpec) -> None:
        spec.loader = module.__loader__ = self._loader
        try:
            self._loader.exec_module(module)
        except BaseException:  # the next use tries again, and says again what is wrong
            spec.loader = module.__loader__ = self  # type: ignore[assignment]  # it has what a loader needs
            raise
        module.__class__ = ModuleType


class _Finder:
    def __init__(self, names: Mapping[str, Iterable[str]]) -> None:
        self._names = names

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in self._names:
            return None
        spec = PathFinder.find_spec(name, path)
        if spec is not None and spec.loader is not None:
            spec.loader = _Later(spec.loader, self._names[name])  # type: ignore[assignment]  # it has what a loader needs
        return spec


def defer(names: Mapping[str, Iterable[str]]) -> None:
    """From now on, execute these modules (full names) when they are first used; those already imported stay.

    A module may come with names of classes that are looked at without anybody needing the module: `except
    ssl.SSLWantReadError` around a plain socket. Until the module has been executed there can be no instance of them, so
    a class of that name that nothing is an instance of answers as the real one would. It is there only until then.
    """
    sys.meta_path.insert(0, _Finder(names))


def is_deferred(name: str) -> bool:
    """Whether that module was imported and not yet executed."""
    return isinstance(sys.modules.get(name), _Deferred)
