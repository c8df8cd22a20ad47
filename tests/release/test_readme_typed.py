"""The README is typed as it stands, on a machine where nothing is installed, by a user without root."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import signal
import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from tests.e2e.servers import CA_PATH, free_port, poll
from tests.release.conftest import README, TOLD_TO_CHANGE, Newcomer, block_with, shell_blocks


@contextlib.contextmanager
def serving(newcomer: Newcomer, block: str, log: Path) -> Iterator[None]:
    """The block runs until somebody presses Ctrl-C."""
    with log.open("wb") as out, newcomer.start(block, stdout=out, stderr=out) as process:
        try:
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGINT)
            process.wait(60)


def answer(client: httpx.Client, path: str, log: Path) -> httpx.Response:
    def read() -> httpx.Response | str:
        with contextlib.suppress(httpx.TransportError):
            return client.get(path)
        return log.read_text(errors="replace")

    response = poll(read, lambda found: isinstance(found, httpx.Response), 120, path)
    assert isinstance(response, httpx.Response)
    return response


def printed(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    assert found is not None, text
    return found[1]


def test_every_block_of_the_readme_is_typed_by_a_test() -> None:
    typed = ("pip install", "central init", "central serve", "site init", "site serve", "tidegate new")
    assert [block for block in shell_blocks(README) if not any(words in block for words in (*typed, "make demo"))] == []
    prose = re.sub(r"^```.*?^```$", "", README, flags=re.MULTILINE | re.DOTALL)
    assert [word for word in (*TOLD_TO_CHANGE, "TIDEGATE_CENTRAL_PORT") if f"`{word}`" not in prose] == []


@pytest.mark.e2e
@pytest.mark.timeout(1200)
def test_what_runs_needs_no_test_tool(installed: Newcomer) -> None:
    names = {row["name"] for row in json.loads(installed.type("~/tidegate/bin/pip list --format json"))}
    assert "tidegate" in names
    assert names & {"pytest", "hypothesis", "playwright", "mypy", "ruff", "coverage"} == set()


@pytest.mark.e2e
@pytest.mark.timeout(1200)
def test_central_serves_its_pages_and_the_first_administrator_signs_in(installed: Newcomer, tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "central.log"
    newcomer = replace(installed, settings={"TIDEGATE_CENTRAL_PORT": str(port)})
    shown = newcomer.type(block_with("central init"))
    password = printed(r"ada, password (\S+) \(shown once\)", shown)
    with serving(newcomer, block_with("central serve"), log):
        url = f"https://localhost:{port}"
        with httpx.Client(base_url=url, verify=False, trust_env=False) as stranger:  # noqa: S501 - the fingerprint is what is trusted
            pem = answer(stranger, CA_PATH, log).text
        digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest().upper()
        assert printed(r"CA fingerprint\s+([0-9A-F:]+)", shown).replace(":", "") == digest
        with httpx.Client(base_url=url, verify=ssl.create_default_context(cadata=pem), trust_env=False, timeout=60) as client:
            assert "Tidegate" in client.get("/sign-in").text
            assert client.post("/api/sessions", json={"username": "ada", "password": password}).status_code == 201
            page = client.get("/accounts")
            assert (page.status_code, "Waiting for approval" in page.text) == (200, True)


@pytest.mark.e2e
@pytest.mark.timeout(1200)
def test_a_site_serves_its_pages_and_takes_the_password_that_it_made_up(installed: Newcomer, tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "site.log"
    newcomer = replace(installed, settings={"TIDEGATE_SITE_PORT": str(port)})
    password = printed(r"Password: (\S+)", newcomer.type(block_with("site init")))
    with (
        serving(newcomer, block_with("site serve"), log),
        httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60) as client,
    ):
        assert "Tidegate" in answer(client, "/sign-in", log).text
        assert client.post("/api/sessions", json={"password": password}).status_code == 201
        page = client.get("/config")
        assert (page.status_code, "fingerprint" in page.text) == (200, True)


@pytest.mark.e2e
@pytest.mark.timeout(1200)
def test_an_author_makes_checks_and_simulates_a_pair(installed: Newcomer) -> None:
    installed.type(block_with("tidegate new"))
    run = json.loads((installed.checkout / "result" / "run.json").read_text())
    assert run["imputations"] == 10
    assert (installed.checkout / "result" / "imputed_010.csv").stat().st_size > 0
