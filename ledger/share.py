"""A tenant's share of the ledger, and the error of a tenant that exceeds it."""

from __future__ import annotations

from typing import Any

from ledger.errors import TenantShareError


def check_share(tenant: str, answer: list[Any]) -> None:
    """Raise TenantShareError when a script answered that the tenant would store too much."""
    if answer[0] != "share":
        return
    stored, most = int(answer[1]), int(answer[2])
    raise TenantShareError(
        f"the records of tenant {tenant} take {stored:,} bytes of the ledger and may take {most:,};"
        " they count until [retention] closed_seconds after their end: drop or redrive dead"
        f" letters, delete files, or raise `max_stored_bytes` of [tenants.{tenant}]"
    )
