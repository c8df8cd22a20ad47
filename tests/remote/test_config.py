"""Central's certificate authority is believed by its fingerprint only, and the key is enrolled over verified TLS only."""

from __future__ import annotations

import contextlib
from pathlib import Path

import httpx
import pytest

from remote.config.authority import fetch_authority, parse_fingerprint, parse_url
from remote.config.service import ConfigService
from remote.db import open_database
from remote.keys import Keys
from sandbox.errors import Code, InputError, PeerError, TidegateError
from tests.remote.standin import StandIn, make_stand_in, served

HEX = "ab" * 32


@pytest.mark.parametrize(
    "typed", [HEX, HEX.upper(), ":".join(["ab"] * 32), " " + ":".join(["AB"] * 32) + "\n", f"SHA256:{HEX}", f"sha256={HEX}"]
)
def test_a_fingerprint_may_be_typed_with_or_without_colons(typed: str) -> None:
    assert parse_fingerprint(typed) == HEX


@pytest.mark.parametrize("typed", ["", HEX[:-1], HEX + "0", "g" * 64, HEX[:40]])
def test_half_a_fingerprint_is_refused(typed: str) -> None:
    with pytest.raises(InputError):
        parse_fingerprint(typed)


@pytest.mark.parametrize(
    ("typed", "url"),
    [
        ("https://central.example.org:8443", "https://central.example.org:8443"),
        ("central.example.org:8443/", "https://central.example.org:8443"),
        (" https://[::1]:8443 ", "https://[::1]:8443"),
    ],
)
def test_an_address_is_brought_into_one_form(typed: str, url: str) -> None:
    assert parse_url(typed) == url


@pytest.mark.parametrize(
    "typed", ["http://central:1", "ftp://x", "https://", "https://a/b", "https://u:p@a", "https://a:99999", "https://a?x=1"]
)
def test_an_address_that_is_not_https_and_bare_is_refused(typed: str) -> None:
    with pytest.raises(InputError):
        parse_url(typed)


async def test_the_right_fingerprint_is_accepted(central: StandIn) -> None:
    assert await fetch_authority(central.url, central.fingerprint, "") == central.ca_pem


async def test_another_fingerprint_is_refused(central: StandIn) -> None:
    with pytest.raises(InputError) as caught:
        await fetch_authority(central.url, HEX, "")
    assert caught.value.code is Code.SITE_FINGERPRINT


async def test_somebody_in_between_with_the_real_authority_but_a_foreign_certificate_is_refused(central: StandIn, tmp_path: Path) -> None:
    """The authority's certificate is public: an impostor can hand it out, but cannot prove to have been certified by it."""
    impostor = make_stand_in(tmp_path / "impostor")
    impostor.ca_pem = central.ca_pem
    async with served(impostor.app(), impostor.tls) as port:
        with pytest.raises(PeerError) as caught:
            await fetch_authority(f"https://localhost:{port}", central.fingerprint, "")
    assert caught.value.code is Code.CENTRAL_UNREACHABLE


async def test_a_certificate_for_another_name_is_refused(tmp_path: Path) -> None:
    other = make_stand_in(tmp_path / "other", "central.example.org")
    async with served(other.app(), other.tls) as port:
        with pytest.raises(PeerError):
            await fetch_authority(f"https://localhost:{port}", other.fingerprint, "")


async def test_a_redirect_is_not_followed(central: StandIn) -> None:
    central.redirect_to = central.url
    with pytest.raises(PeerError):
        await fetch_authority(central.url, central.fingerprint, "")


async def test_two_certificates_or_none_are_refused(central: StandIn) -> None:
    good = central.ca_pem
    for pem in (good + good, "", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "x" * 100_000):
        central.ca_pem = pem
        with pytest.raises(PeerError):
            await fetch_authority(central.url, HEX, "")


async def test_a_central_that_is_not_there_is_reported(tmp_path: Path) -> None:
    with pytest.raises(PeerError) as caught:
        await fetch_authority("https://localhost:9", HEX, "")
    assert caught.value.code is Code.CENTRAL_UNREACHABLE


async def test_a_proxy_of_the_environment_is_ignored_unless_asked_for(central: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    assert await fetch_authority(central.url, central.fingerprint, "")
    for proxy in ("system", "http://127.0.0.1:9"):
        with pytest.raises(PeerError):
            await fetch_authority(central.url, central.fingerprint, proxy)


async def test_enrolment_binds_a_fresh_key_and_keeps_no_password(enrolled: httpx.AsyncClient, central: StandIn, tmp_path: Path) -> None:
    view = (await enrolled.get("/api/config")).json()
    assert view["is_enrolled"]
    assert central.keys["site-a"].startswith("-----BEGIN PUBLIC KEY-----")
    for path in (tmp_path / "site").rglob("*"):
        if path.is_file():
            assert b"secret of anna" not in path.read_bytes()


async def test_a_refused_enrolment_keeps_the_old_key(enrolled: httpx.AsyncClient, central: StandIn, tmp_path: Path) -> None:
    before = (tmp_path / "site" / "site-key.pem").read_bytes()
    answer = await enrolled.post("/api/enrolment", json={"username": "anna", "password": "wrong"})
    assert (answer.status_code, answer.json()["code"]) == (403, "site.enrolment")
    assert "<b>" not in answer.text
    assert (tmp_path / "site" / "site-key.pem").read_bytes() == before
    assert (await enrolled.get("/api/config")).json()["is_enrolled"]


async def test_enrolment_needs_a_configuration(owner: httpx.AsyncClient) -> None:
    answer = await owner.post("/api/enrolment", json={"username": "anna", "password": "secret of anna"})
    assert (answer.status_code, answer.json()["code"]) == (409, "site.not_configured")


async def test_the_password_goes_to_nobody_but_the_pinned_central(tmp_path: Path) -> None:
    """After pinning, a server with another certificate gets nothing."""
    real, impostor = make_stand_in(tmp_path / "real"), make_stand_in(tmp_path / "impostor")
    with contextlib.closing(open_database(tmp_path / "site.db")) as database:
        service = ConfigService(database, Keys(tmp_path))
        async with served(real.app(), real.tls) as port:
            await service.set_central(f"https://localhost:{port}", "site-a", real.fingerprint)
        assert service.current is not None
        async with served(impostor.app(), impostor.tls) as port:
            service.current.url = f"https://localhost:{port}"
            with pytest.raises(TidegateError) as caught:
                await service.enrol("anna", "secret of anna")
    assert caught.value.code is Code.CENTRAL_UNREACHABLE
    assert impostor.keys == {}


async def test_a_wrong_fingerprint_changes_nothing(enrolled: httpx.AsyncClient, central: StandIn) -> None:
    before = (await enrolled.get("/api/config")).json()
    config = {"central_url": central.url, "site_id": "site-b", "ca_fingerprint": HEX}
    answer = await enrolled.put("/api/config", json=config)
    assert (answer.status_code, answer.json()["code"]) == (422, "site.fingerprint")
    assert (await enrolled.get("/api/config")).json() == before


async def test_another_site_id_needs_a_new_enrolment(enrolled: httpx.AsyncClient, central: StandIn) -> None:
    config = {"central_url": central.url, "site_id": "site-b", "ca_fingerprint": central.fingerprint}
    assert not (await enrolled.put("/api/config", json=config)).json()["is_enrolled"]
