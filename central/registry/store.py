"""Rows of pairs."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from central.registry.model import PairVersion
from sandbox.errors import Code, InputError
from sandbox.manifest import Pair


def get(session: Session, digest: str) -> PairVersion | None:
    """The version with a digest."""
    return session.get(PairVersion, digest)


def all_versions(session: Session) -> Sequence[PairVersion]:
    """Every version, by name, the newest first."""
    return session.scalars(select(PairVersion).order_by(PairVersion.name, PairVersion.created_at.desc())).all()


def add(session: Session, pair: Pair, author: str) -> PairVersion:
    """Keep a pair; the same bytes twice are the same version. Raises :class:`InputError` when the version has other bytes already."""
    digest = pair.digest
    known = get(session, digest)
    if known is not None:
        return known
    name, version = pair.manifest.name, pair.manifest.version
    if session.scalar(select(PairVersion.digest).where(PairVersion.name == name, PairVersion.version == version)):
        raise InputError(Code.PAIR_EXISTS, name=name, version=version)
    row = PairVersion(
        digest=digest,
        name=name,
        version=version,
        manifest=pair.manifest_bytes,
        central_source=pair.central_source,
        remote_source=pair.remote_source,
        author=author,
    )
    session.add(row)
    return row
