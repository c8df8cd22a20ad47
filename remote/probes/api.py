"""The isolation report over HTTP: have it made, read it."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Depends

from remote.owner.access import signed_in
from remote.probes.service import Proofs
from sandbox.host.parts import part
from sandbox.host.problems import Explanation
from sandbox.host.views import View

router = APIRouter(prefix="/api", tags=["isolation"], dependencies=[Depends(signed_in)])
TheseProofs = Annotated[Proofs, Depends(part(Proofs))]


class ProofProgress(View):
    """How many deeds were tried, and which one is."""

    done: int
    total: int
    title: str


class ProofView(View):
    """State, progress, and the last report with every line (as `tidegate probe --json` prints it)."""

    state: Literal["none", "running", "failed", "done"]
    progress: ProofProgress
    error: Explanation | None
    report: dict[str, Any] | None

    @classmethod
    def of(cls, proofs: Proofs) -> Self:
        """How the report stands."""
        error, report = proofs.error, proofs.report
        return cls(
            state="running" if proofs.is_running else "failed" if error else "done" if report else "none",
            progress=ProofProgress.model_validate(proofs.progress),
            error=Explanation.of(error.code, error.details) if error else None,
            report=report,
        )


@router.post("/probe", status_code=202)
async def start_probe(proofs: TheseProofs) -> ProofView:
    """Begin to try, on this machine, everything that a worker and a gate must not be able to do."""
    proofs.start()
    return ProofView.of(proofs)


@router.get("/probe")
async def read_probe(proofs: TheseProofs) -> ProofView:
    """How far the report has come, and the last one with every line."""
    return ProofView.of(proofs)
