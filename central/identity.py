"""Central's own name, which site tokens are made out to: random, made once, no secret."""

from __future__ import annotations

import secrets
from pathlib import Path

FILE_NAME = "central_id"


def central_id_of(data_dir: Path) -> str:
    """The id of the central in a data directory; made on the first call."""
    path = data_dir / FILE_NAME
    if not path.exists():
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.write_text(f"central-{secrets.token_hex(6)}", encoding="ascii")
    return path.read_text(encoding="ascii").strip()
