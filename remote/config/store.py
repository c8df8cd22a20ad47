"""Queries about the configuration."""

from __future__ import annotations

from sqlalchemy.orm import Session

from remote.config.model import ONLY_ROW, CentralConfig


def get(session: Session) -> CentralConfig | None:
    """The configuration, None before it was made."""
    return session.get(CentralConfig, ONLY_ROW)


def put(session: Session, config: CentralConfig) -> CentralConfig:
    """Replace the configuration."""
    config.id = ONLY_ROW
    return session.merge(config)
