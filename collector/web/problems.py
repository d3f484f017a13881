"""What can go wrong with a request, said in one shape: a stable id, what is wrong, and how to mend it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class RequestError(Exception):
    """A request that cannot be answered. `id` is stable: programs may rely on it."""

    def __init__(
        self, status: int, problem: str, message: str, remedy: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.id = problem
        self.message = message
        self.remedy = remedy
        self.headers = dict(headers or {})

    def as_json(self) -> dict[str, dict[str, str]]:
        """Give the body of an API error."""
        return {"error": {"id": self.id, "message": self.message, "remedy": self.remedy}}


def bad_request(problem: str, message: str, remedy: str) -> RequestError:
    """400: the request itself is wrong."""
    return RequestError(400, problem, message, remedy)


def not_found(message: str, remedy: str) -> RequestError:
    """404: there is nothing of that name."""
    return RequestError(404, "not_found", message, remedy)
