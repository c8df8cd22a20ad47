"""The configuration window over HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from remote.config.model import CentralConfig
from remote.config.service import ConfigService
from remote.owner.access import signed_in
from sandbox.host.parts import part

router = APIRouter(prefix="/api", tags=["configuration"], dependencies=[Depends(signed_in)])
Config = Annotated[ConfigService, Depends(part(ConfigService))]


class NewConfig(BaseModel):
    """What central's administrator told you."""

    central_url: str = Field(max_length=300)
    site_id: str = Field(max_length=64)
    ca_fingerprint: str = Field(max_length=200)


class ConfigView(BaseModel):
    """The configuration; empty before it was made."""

    central_url: str = ""
    site_id: str = ""
    ca_fingerprint: str = ""
    is_enrolled: bool = False
    enrolled_at: datetime | None = None

    @classmethod
    def of(cls, config: CentralConfig | None) -> Self:
        """The view of a configuration, or of none."""
        if config is None:
            return cls()
        return cls(
            central_url=config.url,
            site_id=config.site_id,
            ca_fingerprint=config.ca_fingerprint,
            is_enrolled=config.is_enrolled,
            enrolled_at=config.enrolled_at,
        )


class Credentials(BaseModel):
    """Your account at central; used once, not kept."""

    username: str = Field(max_length=256)
    password: str = Field(max_length=256)


@router.get("/config")
async def read_config(config: Config) -> ConfigView:
    """Where central is."""
    return ConfigView.of(config.current)


@router.put("/config")
async def write_config(new: NewConfig, config: Config) -> ConfigView:
    """Set where central is; its certificate authority is accepted only by the fingerprint."""
    return ConfigView.of(await config.set_central(new.central_url, new.site_id, new.ca_fingerprint))


@router.post("/enrolment", status_code=201)
async def enrol(credentials: Credentials, config: Config) -> ConfigView:
    """Make a key for this site and enrol it at central."""
    return ConfigView.of(await config.enrol(credentials.username, credentials.password))
