"""The command line of a site, as its operator uses it. One test runs real processes; the others call the same commands in this one."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
import structlog
import uvicorn
from click.testing import Result
from typer.testing import CliRunner

from remote.cli import app

PROGRAM = str(Path(sys.executable).parent / "tidegate-site")


@pytest.fixture(autouse=True)
def log_as_before() -> Iterator[None]:
    """A command that ran in this process leaves its log on a closed stream."""
    yield
    structlog.reset_defaults()


def run(*arguments: str, text: str = "") -> Result:
    return CliRunner().invoke(app, arguments, input=text)


@pytest.fixture
def folder(tmp_path: Path) -> str:
    """The data directory of a site whose password is `correct horse`."""
    made = run("init", "--data", str(tmp_path / "site"), text="correct horse\n")
    assert made.exit_code == 0, made.output
    return str(tmp_path / "site")


def test_a_served_site_takes_the_password_that_init_made_up(tmp_path: Path) -> None:
    folder = tmp_path / "site"
    made = subprocess.run([PROGRAM, "init", "--data", folder], input="\n", capture_output=True, text=True, timeout=240, check=True)
    password = made.stdout.strip().removeprefix("Password: ")
    assert len(password) >= 12
    assert folder.stat().st_mode & 0o777 == 0o700

    with subprocess.Popen([PROGRAM, "serve", "--data", folder, "--port", "0"], stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stderr is not None
            listening = json.loads(server.stderr.readline())
            assert listening["event"] == "site.listening"
            assert listening["url"].startswith("http://127.0.0.1:")
            with httpx.Client(base_url=listening["url"], trust_env=False, timeout=30) as client:
                assert client.post("/api/sessions", json={"password": password}).status_code == 201
                client.cookies.clear()
                assert client.post("/api/sessions", json={"password": "another one"}).status_code == 401
            server.send_signal(signal.SIGTERM)
            assert password not in server.communicate(timeout=240)[1]
        finally:
            server.kill()
    assert server.returncode in (0, -signal.SIGTERM)


def test_the_address_in_the_log_takes_connections_before_the_server_runs(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    reached = []

    def connects_first(_self: uvicorn.Server, sockets: list[socket.socket]) -> None:
        with sockets[0] as listener, socket.create_connection(listener.getsockname(), timeout=30) as client:
            reached.append(client.getpeername())

    monkeypatch.setattr(uvicorn.Server, "run", connects_first)
    # The log would go on to where this call's errors went, for every later test.
    monkeypatch.setattr("remote.cli.set_up_logging", lambda: None)
    assert run("serve", "--data", folder, "--port", "0").exit_code == 0
    assert len(reached) == 1


def test_a_connection_that_an_api_client_still_keeps_is_not_closed(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[int] = []

    def looks(server: uvicorn.Server, sockets: list[socket.socket]) -> None:
        kept.append(server.config.timeout_keep_alive)
        sockets[0].close()

    monkeypatch.setattr(uvicorn.Server, "run", looks)
    assert run("serve", "--data", folder, "--port", "0").exit_code == 0
    assert kept[0] > (httpx.Limits().keepalive_expiry or 0)


def test_init_does_not_overwrite_a_site(folder: str) -> None:
    again = run("init", "--data", folder, text="another one\n")
    assert again.exit_code == 1
    assert "already" in again.output
    assert run("password", "--data", folder, text="a new password\n").exit_code == 0


def test_a_short_password_is_refused(tmp_path: Path) -> None:
    refused = run("init", "--data", str(tmp_path / "site"), text="short\n")
    assert refused.exit_code == 1
    assert "10 to 256" in refused.output


def test_a_forged_ledger_is_found_and_not_served(folder: str) -> None:
    ledger = Path(folder) / "ledger.jsonl"
    assert run("ledger", "verify", "--data", folder).exit_code == 1
    ledger.write_bytes(b"")
    assert run("ledger", "verify", "--data", folder).exit_code == 0
    ledger.write_bytes(b'{"previous": "forged"}\n')
    broken = run("ledger", "verify", "--data", folder)
    assert (broken.exit_code, "line 1" in broken.output) == (1, True)
    refused = run("serve", "--data", folder, "--port", "0")
    assert (refused.exit_code, "chain is broken" in refused.output) == (2, True)


def test_what_cannot_be_served_is_said_in_one_line(folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = run("serve", "--data", str(tmp_path / "nothing"))
    assert (missing.exit_code, "tidegate-site init" in missing.output) == (2, True)
    for arguments, text in (
        (["--host", "0.0.0.0"], "loopback"),  # noqa: S104 - refused
        (["--policy", "lax"], "no built-in policy"),
        (["--port", "1000000"], "port"),
    ):
        refused = run("serve", "--data", folder, *arguments)
        assert (refused.exit_code, text in refused.output, refused.output.count("\n")) == (2, True, 1)
    monkeypatch.setenv("TIDEGATE_SITE_HOST", "192.168.0.1")
    assert run("serve", "--data", folder).exit_code == 2


def test_a_key_file_that_others_can_read_is_not_used(folder: str) -> None:
    (Path(folder) / "row-secret").chmod(0o644)
    refused = run("serve", "--data", folder, "--port", "0")
    assert (refused.exit_code, "others" in refused.output) == (2, True)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda folder: (folder / "row-secret").unlink(), ["row-secret", "backup"]),
        (lambda folder: (folder / "site.db").write_bytes(b"no database" * 999), ["not a database", "backup"]),
    ],
)
def test_what_is_lost_or_broken_is_said_in_one_line(folder: str, spoil: Callable[[Path], None], words: list[str]) -> None:
    spoil(Path(folder))
    refused = run("serve", "--data", folder, "--port", "0")
    assert (refused.exit_code, refused.output.count("\n")) == (2, 1)
    assert [word for word in words if word not in refused.output] == []


def test_a_port_in_use_is_said_in_one_line(folder: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        refused = run("serve", "--data", folder, "--port", str(taken.getsockname()[1]))
    assert (refused.exit_code, refused.output.count("\n"), "--port" in refused.output) == (2, 1, True)


def test_a_place_that_cannot_be_written_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    refused = run("init", "--data", str(tmp_path / "file" / "site"))
    assert (refused.exit_code, refused.output.count("\n"), "--data" in refused.output) == (2, 1, True)


def test_init_says_what_comes_next(tmp_path: Path) -> None:
    made = run("init", "--data", str(tmp_path / "site"), text="correct horse\n")
    assert f"tidegate-site serve --data {tmp_path / 'site'}" in made.output
    assert "http://127.0.0.1:8471" in made.output
    assert "fingerprint" in made.output


def test_configuration_from_the_terminal_says_why_it_failed(folder: str) -> None:
    where = ["--central", "https://localhost:9", "--site-id", "a", "--fingerprint", "ab" * 32]
    refused = run("config", "--data", folder, *where)
    assert (refused.exit_code, "[central.unreachable]" in refused.output) == (1, True)
    early = run("enrol", "--data", folder, "--username", "anna", text="secret\n")
    assert (early.exit_code, "[site.not_configured]" in early.output) == (1, True)
