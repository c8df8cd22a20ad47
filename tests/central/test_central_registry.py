"""Pairs: what is registered, what is refused, and that nothing of a pair runs in the host."""

from __future__ import annotations

from pathlib import Path

import pytest_asyncio

from tests.central.serving import Person, Served

ALGORITHMS = Path(__file__).parents[2] / "algorithms"


def files(version: str = "9.9.9", **changes: bytes) -> dict[str, tuple[str, bytes]]:
    """The three files of SIMI under another version."""
    folder = ALGORITHMS / "SIMI"
    parts = {
        "manifest": (folder / "manifest.toml").read_bytes().replace(b'version = "1.0.0"', f'version = "{version}"'.encode()),
        "central": (folder / "SIMICentral.py").read_bytes(),
        "remote": (folder / "SIMIRemote.py").read_bytes(),
        **changes,
    }
    return {name: (name, data) for name, data in parts.items()}


@pytest_asyncio.fixture(loop_scope="session")
async def author(served: Served, admin: Person):
    person = await served.person(admin, "alan", "author")
    yield person
    await person.http.aclose()


async def test_the_bundled_pairs_are_there_after_init(author):
    pairs = await author.call("GET", "/api/pairs")
    assert {"SIMI", "SIMICE"} <= {pair["name"] for pair in pairs}
    assert all(len(pair["digest"]) == 64 for pair in pairs)


async def test_a_pair_is_registered_by_its_digest_and_shown_with_its_source(author):
    registered = await author.call("POST", "/api/pairs", 201, files=files("2.0.0"))
    pair = await author.call("GET", f"/api/pairs/{registered['digest']}")
    assert pair["remote"] == (ALGORITHMS / "SIMI" / "SIMIRemote.py").read_text()
    assert (pair["name"], pair["version"], pair["author"]) == ("SIMI", "2.0.0", author.account["username"])
    again = await author.call("POST", "/api/pairs", 201, files=files("2.0.0"))
    assert again["digest"] == registered["digest"]


async def test_a_version_cannot_be_changed(author):
    await author.call("POST", "/api/pairs", 201, files=files("2.0.1"))
    refused = await author.call("POST", "/api/pairs", 409, files=files("2.0.1", remote=files()["remote"][1] + b"\n# changed\n"))
    assert refused["code"] == "pair.exists"


async def test_source_findings_come_back_with_module_and_line(author, tmp_path):
    canary = tmp_path / "ran"
    bad = files()["remote"][1] + f"\nimport os\nopen({str(canary)!r}, 'w')\n".encode()
    refused = await author.call("POST", "/api/pairs", 422, files=files("2.0.2", remote=bad))
    assert refused["code"] == "worker.source"
    n_lines = bad.count(b"\n")
    assert {(finding["module"], finding["line"]) for finding in refused["findings"]} >= {("SIMIRemote.py", n_lines - 1)}
    assert not canary.exists()
    versions = {pair["version"] for pair in await author.call("GET", "/api/pairs")}
    assert "2.0.2" not in versions


async def test_a_wrong_manifest_names_the_key(author):
    refused = await author.call("POST", "/api/pairs", 422, files=files("2.0.3", manifest=b'name = "X"\n'))
    assert refused["code"] == "manifest.invalid"


async def test_a_module_that_is_too_large_is_refused(author):
    refused = await author.call("POST", "/api/pairs", 422, files=files("2.0.4", central=b"#" * (262_144 + 1)))
    assert refused["code"] == "pair.source"


async def test_only_authors_register_pairs(served, admin):
    runner = await served.person(admin, "rita", "runner")
    await runner.call("POST", "/api/pairs", 403, files=files("2.0.5"))
    await runner.http.aclose()


async def test_an_unknown_digest_is_not_found(author):
    assert (await author.call("GET", f"/api/pairs/{'0' * 64}", 404))["code"] == "request.not_found"
