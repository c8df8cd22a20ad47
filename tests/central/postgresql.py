"""A PostgreSQL of the tests' own: Debian's programs, a cluster in a temporary folder, reached by a socket in it and by nothing else."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import psycopg

NOBODY: Final = 65534
SECONDS: Final = 120


def programs() -> Path | None:
    """The folder of the newest server's programs, None when there is no server on this machine."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return folders[-1].parent if folders else None


@contextlib.contextmanager
def cluster(where: Path) -> Iterator[Callable[[], str]]:
    """Serve until the block ends. What it gives makes an empty database and returns its URL."""
    # The server refuses to run as root, and no other user may enter pytest's own folder.
    user: dict[str, Any] = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.getuid() == 0 else {}
    with tempfile.TemporaryDirectory(prefix="tidegate-pg-", ignore_cleanup_errors=True) as folder:
        if user:
            shutil.chown(folder, NOBODY, NOBODY)
        data = f"{folder}/data"
        options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off -c logging_collector=off"
        made = [where / "initdb", "--pgdata", data, "--username", "tidegate", "--auth", "trust", "--no-sync", "--encoding", "UTF8"]
        subprocess.run(made, check=True, capture_output=True, timeout=SECONDS, cwd=folder, **user)
        control = [where / "pg_ctl", "--pgdata", data, "--wait", "--timeout", str(SECONDS)]
        start = [*control, "--log", f"{folder}/log", "--options", options, "start"]
        subprocess.run(start, check=True, stdout=subprocess.DEVNULL, timeout=SECONDS, cwd=folder, **user)
        try:
            yield lambda: _new_database(folder)
        finally:
            stop = [*control, "--mode", "fast", "stop"]
            subprocess.run(stop, check=True, stdout=subprocess.DEVNULL, timeout=SECONDS, cwd=folder, **user)


_numbers = itertools.count(1)


def _new_database(folder: str) -> str:
    name = f"tidegate_{next(_numbers)}"
    with psycopg.connect(host=folder, user="tidegate", dbname="postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')  # type: ignore[call-overload, unused-ignore]
    return f"postgresql+psycopg://tidegate@/{name}?host={folder}"
