"""How this site stands: link, isolation, policy. For the status page and the API; answers questions, changes nothing."""
# See `remote.owner.api` for why annotations are not postponed here.

from importlib.metadata import version
from typing import Any

import msgspec
from fastapi import APIRouter, Depends

from policies import Policy
from remote.config.service import ConfigService
from remote.link.client import Link
from remote.owner.guard import Guard
from remote.probes.service import Proofs
from remote.runs.isolation import Isolator


class Status:
    """Collects the state of the site's parts."""

    def __init__(self, config: ConfigService, link: Link, isolator: Isolator, policy: Policy, proofs: Proofs) -> None:
        self._config = config
        self._link = link
        self._isolator = isolator
        self._policy = policy
        self._proofs = proofs

    def view(self) -> dict[str, Any]:
        """The status as the API answers it."""
        link, config = self._link.status, self._config.current
        return {
            "version": version("tidegate"),
            "central_url": config.url if config else "",
            "site_id": config.site_id if config else "",
            "link": {
                "state": link.state.value,
                "code": link.code.value if link.code else "",
                "reason": link.reason.value,
                "last_heard": link.last_heard.isoformat(timespec="seconds") if link.last_heard else None,
            },
            "isolation": self._isolation(),
            "proof": self._proofs.named(),
            "policy": msgspec.to_builtins(self._policy),
        }

    def _isolation(self) -> dict[str, Any]:
        trial = self._isolator.trial
        if trial is None:
            return {"state": "checking", "tier": "", "sentence": "", "remedy": "", "found": None}
        if trial.error is not None:
            return {"state": "missing", "tier": "", "sentence": trial.error.sentence, "remedy": trial.error.remedy, "found": None}
        found = trial.isolation
        return {"state": "found", "tier": found.tier if found else "", "sentence": "", "remedy": "", "found": msgspec.to_builtins(found)}


def make_router(status: Status, guard: Guard) -> APIRouter:
    """The route of the status."""
    router = APIRouter(prefix="/api", tags=["status"], dependencies=[Depends(guard)])

    @router.get("/status")
    async def read_status() -> dict[str, Any]:
        """Link, isolation, policy."""
        return status.view()

    return router
