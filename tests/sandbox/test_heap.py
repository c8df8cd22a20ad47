"""What a server holds for good is not looked through again."""

from __future__ import annotations

import gc
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from typer import Typer
from typer.testing import CliRunner

from central.cli import app as central
from remote.cli import app as site
from sandbox.heap import settle


@pytest.fixture(autouse=True)
def _thaw() -> Iterator[None]:
    yield
    gc.unfreeze()


def test_what_lives_is_collected_no_more_and_what_comes_later_is() -> None:
    settle()
    assert gc.get_freeze_count() > 10_000
    assert len(gc.get_objects()) < 1_000
    gc.unfreeze()
    assert len(gc.get_objects()) > 10_000


@pytest.mark.parametrize(("program", "password"), [(central, "a long password"), (site, "correct horse")])
def test_a_server_has_settled_before_it_serves(program: Typer, password: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frozen: list[int] = []

    def looks(_server: uvicorn.Server, sockets: list[socket.socket]) -> None:
        frozen.append(gc.get_freeze_count())
        sockets[0].close()

    monkeypatch.setattr(uvicorn.Server, "run", looks)
    # The log would go on to where this call's errors went, for every later test.
    monkeypatch.setattr("central.cli.set_up_logging", lambda: None)
    monkeypatch.setattr("remote.cli.set_up_logging", lambda: None)
    folder = str(tmp_path / "server")
    arguments = ["--admin", "ada", "--host", "localhost"] if program is central else []
    made = CliRunner().invoke(program, ["init", "--data", folder, *arguments], input=f"{password}\n")
    assert made.exit_code == 0, made.output
    gc.unfreeze()
    served = CliRunner().invoke(program, ["serve", "--data", folder, "--port", "0"])
    assert served.exit_code == 0, served.output
    assert frozen[0] > 10_000
