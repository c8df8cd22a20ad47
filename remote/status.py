"""How this site stands: link, isolation, policy. For the status page and the API; answers questions, changes nothing."""

from __future__ import annotations

from datetime import datetime
from importlib.metadata import version
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Depends
from pydantic import BaseModel

from policies import Policy
from remote.config.service import ConfigService
from remote.link.client import Link
from remote.owner.access import signed_in
from remote.probes.service import Proofs
from remote.runs.view import LayersView
from sandbox.host.isolation import Isolator
from sandbox.host.parts import part

router = APIRouter(prefix="/api", tags=["status"], dependencies=[Depends(signed_in)])


class LinkView(BaseModel):
    """The link to central: its state in a word, why it is not online, and when central was last heard."""

    state: str
    code: str
    reason: str
    last_heard: datetime | None


class IsolationView(BaseModel):
    """What locks gates and workers in on this machine, as a trial found, or what is missing."""

    state: Literal["checking", "missing", "found"]
    tier: str = ""
    sentence: str = ""
    remedy: str = ""
    found: LayersView | None = None


class StatusView(BaseModel):
    """How this site stands. `proof` names the last isolation report, `policy` has the keys of a policy file."""

    version: str
    central_url: str
    site_id: str
    link: LinkView
    isolation: IsolationView
    proof: dict[str, Any] | None
    policy: dict[str, Any]


class Status:
    """Collects the state of the site's parts."""

    def __init__(self, config: ConfigService, link: Link, isolator: Isolator, policy: Policy, proofs: Proofs) -> None:
        self._config = config
        self._link = link
        self._isolator = isolator
        self._policy = policy
        self._proofs = proofs

    def view(self) -> StatusView:
        """The status as the API answers it."""
        link, config = self._link.status, self._config.current
        return StatusView(
            version=version("tidegate"),
            central_url=config.url if config else "",
            site_id=config.site_id if config else "",
            link=LinkView(
                state=link.state.value, code=link.code.value if link.code else "", reason=link.reason.value, last_heard=link.last_heard
            ),
            isolation=self._isolation(),
            proof=self._proofs.named(),
            policy=msgspec.to_builtins(self._policy),
        )

    def _isolation(self) -> IsolationView:
        trial = self._isolator.trial
        if trial is None:
            return IsolationView(state="checking")
        if trial.isolation is None:
            error = trial.error
            return IsolationView(state="missing", sentence=error.sentence if error else "", remedy=error.remedy if error else "")
        return IsolationView(state="found", tier=trial.isolation.tier, found=LayersView.model_validate(trial.isolation))


@router.get("/status")
async def read_status(status: Annotated[Status, Depends(part(Status))]) -> StatusView:
    """Link, isolation, policy."""
    return status.view()
