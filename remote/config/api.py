"""The configuration window over HTTP."""
# See `remote.owner.api` for why annotations are not postponed here.

from datetime import datetime

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from remote.config.model import CentralConfig
from remote.config.service import ConfigService
from remote.owner.guard import Guard


class ConfigIn(BaseModel):
    """What central's administrator told you."""

    central_url: str = Field(max_length=300)
    site_id: str = Field(max_length=64)
    ca_fingerprint: str = Field(max_length=200)


class ConfigOut(BaseModel):
    """The configuration; empty before it was made."""

    central_url: str = ""
    site_id: str = ""
    ca_fingerprint: str = ""
    is_enrolled: bool = False
    enrolled_at: datetime | None = None


class EnrolmentIn(BaseModel):
    """Your account at central; used once, not kept."""

    username: str = Field(max_length=256)
    password: str = Field(max_length=256)


def config_view(config: CentralConfig | None) -> ConfigOut:
    """The configuration as it is shown."""
    if config is None:
        return ConfigOut()
    return ConfigOut(
        central_url=config.url,
        site_id=config.site_id,
        ca_fingerprint=config.ca_fingerprint,
        is_enrolled=config.is_enrolled,
        enrolled_at=config.enrolled_at,
    )


def make_router(config: ConfigService, guard: Guard) -> APIRouter:
    """Routes of the configuration and the enrolment."""
    router = APIRouter(prefix="/api", tags=["configuration"], dependencies=[Depends(guard)])

    @router.get("/config")
    async def read_config() -> ConfigOut:
        """Where central is."""
        return config_view(config.current)

    @router.put("/config")
    async def write_config(body: ConfigIn) -> ConfigOut:
        """Set where central is; its certificate authority is accepted only by the fingerprint."""
        return config_view(await config.set_central(body.central_url, body.site_id, body.ca_fingerprint))

    @router.post("/enrolment", status_code=201)
    async def enrol(body: EnrolmentIn) -> ConfigOut:
        """Make a key for this site and enrol it at central."""
        return config_view(await config.enrol(body.username, body.password))

    return router
