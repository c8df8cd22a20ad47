"""The isolation report over HTTP: have it made, read it."""
# See `remote.owner.api` for why annotations are not postponed here.

from typing import Any

from fastapi import APIRouter, Depends

from remote.owner.guard import Guard
from remote.probes.service import Proofs


def make_router(proofs: Proofs, guard: Guard) -> APIRouter:
    """Routes of the report."""
    router = APIRouter(prefix="/api", tags=["isolation"], dependencies=[Depends(guard)])

    @router.post("/probe", status_code=202)
    async def start_probe() -> dict[str, Any]:
        """Begin to try, on this machine, everything that a worker and a gate must not be able to do."""
        proofs.start()
        return proofs.view()

    @router.get("/probe")
    async def read_probe() -> dict[str, Any]:
        """How far the report has come, and the last one with every line."""
        return proofs.view()

    return router
