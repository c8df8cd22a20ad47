"""The command line of a site, as its operator uses it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx

PROGRAM = str(Path(sys.executable).parent / "tidegate-site")


def run(*arguments: str, text: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PROGRAM, *arguments], input=text, capture_output=True, text=True, timeout=60, env={**os.environ, **environment}, check=False
    )


def test_init_serve_and_password(tmp_path: Path) -> None:
    folder = str(tmp_path / "site")
    made = run("init", "--data", folder, text="\n")
    assert made.returncode == 0, made.stderr
    password = made.stdout.strip().removeprefix("Password: ")
    assert len(password) >= 12
    assert Path(folder).stat().st_mode & 0o777 == 0o700
    again = run("init", "--data", folder, text="another one\n")
    assert again.returncode == 1
    assert "already" in again.stderr

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
            rest = server.communicate(timeout=30)[1]
            assert password not in rest
        finally:
            server.kill()
        assert server.returncode in (0, -signal.SIGTERM)

    assert run("password", "--data", folder, text="a new password\n").returncode == 0
    assert run("ledger", "verify", "--data", folder).returncode == 0
    (Path(folder) / "ledger.jsonl").write_bytes(b'{"previous": "forged"}\n')
    broken = run("ledger", "verify", "--data", folder)
    assert broken.returncode == 1
    assert "line 1" in broken.stderr
    refused = run("serve", "--data", folder, "--port", "0")
    assert refused.returncode == 1
    assert "chain is broken" in refused.stderr


def test_what_cannot_be_served_is_said_in_one_line(tmp_path: Path) -> None:
    folder = str(tmp_path / "site")
    missing = run("serve", "--data", folder)
    assert missing.returncode == 1
    assert "tidegate-site init" in missing.stderr
    assert run("init", "--data", folder, text="correct horse\n").returncode == 0
    for arguments, text in (
        (["--host", "0.0.0.0"], "loopback"),  # noqa: S104 - refused
        (["--policy", "lax"], "no built-in policy"),
        (["--port", "1000000"], "port"),
    ):
        refused = run("serve", "--data", folder, *arguments)
        assert refused.returncode == 1
        assert text in refused.stderr
        assert "Traceback" not in refused.stderr
    exposed = run("serve", "--data", folder, TIDEGATE_SITE_HOST="192.168.0.1")
    assert exposed.returncode == 1


def test_a_short_password_is_refused(tmp_path: Path) -> None:
    refused = run("init", "--data", str(tmp_path / "site"), text="short\n")
    assert refused.returncode == 1
    assert "8 to 256" in refused.stderr


def test_configuration_from_the_terminal_says_why_it_failed(tmp_path: Path) -> None:
    folder = str(tmp_path / "site")
    run("init", "--data", folder, text="correct horse\n")
    refused = run("config", "--data", folder, "--central", "https://localhost:9", "--site-id", "a", "--fingerprint", "ab" * 32)
    assert refused.returncode == 1
    assert "[central.unreachable]" in refused.stderr
    early = run("enrol", "--data", folder, "--username", "anna", text="secret\n")
    assert "[site.not_configured]" in early.stderr
