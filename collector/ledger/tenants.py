"""SQL of the customers that the ledger knows: registered, heard of, or only in closed months."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import select, union

from collector.ledger.schema import devices, revisions, tenants, windows
from collector.sla.reading import nearest
from common.config import ConfigError, Finding

if TYPE_CHECKING:
    from sqlalchemy import Connection

T = TypeVar("T")


def known_tenants(connection: Connection) -> list[str]:
    """Their ids, in order."""
    columns = (tenants.c.id, devices.c.tenant, revisions.c.tenant, windows.c.tenant)
    return sorted(connection.execute(union(*map(select, columns))).scalars())


def of_tenant(tenant: str | None, work: Callable[[Connection], T]) -> Callable[[Connection], T]:
    """`work`, but ConfigError where a tenant is named that the ledger does not know."""

    def checked(connection: Connection) -> T:
        known = known_tenants(connection) if tenant else []
        if tenant and tenant not in known:
            remedy = nearest(tenant, known) if known else "the ledger knows none yet: register one first"
            raise ConfigError(Finding("tenant.unknown", "--tenant", "", f"there is no tenant {tenant!r}", remedy))
        return work(connection)

    return checked
