"""HTTP API of pairs."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Self

import msgspec
from fastapi import APIRouter, Depends, UploadFile
from pydantic import BaseModel

from central.accounts.access import Author, SignedIn
from central.registry.model import PairVersion
from central.registry.service import Registry
from sandbox.errors import Code, InputError
from sandbox.host.parts import part
from sandbox.manifest import make_pair

router = APIRouter(prefix="/api", tags=["pairs"])


Pairs = Annotated[Registry, Depends(part(Registry))]


class PairSummary(BaseModel):
    """One version of a pair. `parameters` is a JSON Schema."""

    digest: str
    name: str
    version: str
    title: str
    reference: str
    access: str
    author: str
    created_at: datetime
    capabilities: dict[str, Any]
    parameters: dict[str, Any]

    @classmethod
    def of(cls, version: PairVersion) -> Self:
        """The view of a row."""
        manifest = version.pair().manifest
        return cls(
            digest=version.digest,
            name=version.name,
            version=version.version,
            title=manifest.title,
            reference=manifest.reference,
            access=manifest.access,
            author=version.author,
            created_at=version.created_at,
            capabilities=msgspec.to_builtins(manifest.capabilities),
            parameters=manifest.parameters.schema(),
        )


class PairView(PairSummary):
    """A version with its three files."""

    manifest: str
    central: str
    remote: str

    @classmethod
    def of(cls, version: PairVersion) -> Self:
        """The view of a row."""
        return cls(
            **PairSummary.of(version).model_dump(),
            manifest=version.manifest.decode(),
            central=version.central_source.decode(),
            remote=version.remote_source.decode(),
        )


@router.get("/pairs")
async def list_pairs(_: SignedIn, pairs: Pairs) -> list[PairSummary]:
    """Every version of every pair."""
    return [PairSummary.of(version) for version in await pairs.versions()]


@router.get("/pairs/{digest}")
async def get_pair(digest: str, _: SignedIn, pairs: Pairs) -> PairView:
    """One version with its source."""
    return PairView.of(await pairs.get(digest))


@router.post("/pairs", status_code=201)
async def register_pair(manifest: UploadFile, central: UploadFile, remote: UploadFile, identity: Author, pairs: Pairs) -> PairSummary:
    """Register a pair: the three files. It is compiled in a locked worker first; findings come back with their lines."""
    files = [await _read(file, pairs.max_source_bytes) for file in (manifest, central, remote)]
    return PairSummary.of(await pairs.register(make_pair(*files), identity.username))


async def _read(file: UploadFile, max_bytes: int) -> bytes:
    data = await file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise InputError(Code.PAIR_SOURCE, module=file.filename or "a file", reason=f"is larger than {max_bytes} bytes")
    return data
