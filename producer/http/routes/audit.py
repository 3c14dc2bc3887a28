"""Route to the audit log. Its entries are described in schemas/audit.py."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import Field

from producer.http.dependencies import Administers, ClientOfApp
from producer.http.pages import ApiPage, PageQuery, page_response
from producer.http.problem import EVERYWHERE, documented
from schemas.audit import AuditEntry
from schemas.job import TenantName

audit = APIRouter(prefix="/v1/audit", tags=["keys"], responses=EVERYWHERE)


class AuditQuery(PageQuery):
    """Filter and page of audit entries."""

    tenant: TenantName | None = Field(
        default=None, description="Only what was done to this tenant's."
    )


class AuditPage(ApiPage[AuditEntry]):
    """A page of the audit log, the newest entries first."""


@audit.get(
    "",
    operation_id="listAudit",
    summary="Who did what with keys, endpoints and dead letters, the newest first",
    response_model=AuditPage,
    responses=documented(HTTPStatus.UNPROCESSABLE_ENTITY),
)
async def list_audit(
    query: Annotated[AuditQuery, Query()], client: ClientOfApp, asker: Administers
) -> Response:
    """List what was done to a tenant's things; only a key of the fleet sees refused keys."""
    tenant = asker.narrowed(query.tenant)
    page = await client.audit_log.page(tenant, after=query.cursor, limit=query.limit)
    return page_response(page)
