"""Enrolment of keys, and what a site's token must be."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import time
from hashlib import sha256

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from websockets.exceptions import InvalidStatus

from central.sites.tokens import MAX_SECONDS, SiteTokens
from sandbox.errors import InputError
from tests.central.site_client import SiteClient


async def refused(client: SiteClient, token: str) -> int:
    """The status of a refused link."""
    with pytest.raises(InvalidStatus) as caught:
        await client.dial(token)
    return caught.value.response.status_code


async def test_an_enrolled_key_opens_a_link(make_site):
    client = await make_site("bern")
    await client.connect()
    assert client.opened[0].is_new


async def test_enrolment_needs_the_owner_of_the_site_id(served, admin, make_site):
    bern, basel = await make_site("bern"), await make_site("basel")
    await bern.enrol(status=403, site_id=basel.site_id)
    await bern.enrol(status=401, password="not the password")
    runner = await served.person(admin, "carl", "runner")
    await bern.enrol(status=403, username=runner.account["username"])
    await runner.http.aclose()


async def test_enrolment_takes_ed25519_keys_only(make_site):
    client = await make_site("bern")
    other = generate_private_key(SECP256R1()).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    await client.enrol(status=422, public_key=other)
    await client.enrol(status=422, public_key="nonsense")


async def test_a_foreign_key_is_refused(make_site):
    client = await make_site("bern")
    assert await refused(client, client.token(key=Ed25519PrivateKey.generate())) == 401


async def test_a_key_of_another_site_does_not_open_this_sites_link(make_site):
    bern, basel = await make_site("bern"), await make_site("basel")
    assert await refused(bern, bern.token(key=basel.key)) == 401


@pytest.mark.parametrize(
    "change",
    [
        {"exp": int(time.time()) - 60, "iat": int(time.time()) - 120},
        {"aud": "central-of-somebody-else"},
        {"aud": None},
        {"jti": None},
        {"exp": None},
        {"iat": None},
        {"sub": "0000000000"},
        {"iat": int(time.time()) + 600, "exp": int(time.time()) + 630},
    ],
    ids=["expired", "wrong aud", "no aud", "no jti", "no exp", "no iat", "unknown site", "issued in the future"],
)
async def test_a_token_with_a_wrong_claim_is_refused(make_site, change):
    client = await make_site("bern")
    assert await refused(client, client.token(**change)) == 401


async def test_a_token_that_lives_longer_than_a_minute_is_refused(make_site):
    client = await make_site("bern")
    now = int(time.time())
    assert await refused(client, client.token(iat=now, exp=now + MAX_SECONDS + 1)) == 401


async def test_the_public_key_as_an_hmac_secret_is_refused(make_site):
    client = await make_site("bern")

    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")

    claims = jwt.decode(client.token(), options={"verify_signature": False})
    signed = part({"alg": "HS256", "typ": "JWT"}) + b"." + part(claims)
    signature = base64.urlsafe_b64encode(hmac.new(client.public_key.encode(), signed, sha256).digest()).rstrip(b"=")
    assert await refused(client, (signed + b"." + signature).decode()) == 401
    unsigned = part({"alg": "none"}) + b"." + part(claims) + b"."
    assert await refused(client, unsigned.decode()) == 401


async def test_a_token_is_good_once(make_site):
    client = await make_site("bern")
    token = client.token()
    socket = await client.dial(token)
    assert await refused(client, token) == 401
    await socket.close()


def test_used_tokens_are_remembered_until_they_expire_and_then_forgotten():
    key = Ed25519PrivateKey.generate()
    clock = [time.time()]
    tokens = SiteTokens("central", lambda: clock[0])
    now = int(clock[0])
    token = jwt.encode({"sub": "s", "aud": "central", "iat": now, "exp": now + 30, "jti": "x"}, key, "EdDSA")
    tokens.verify(token, "s", key.public_key())
    clock[0] += 35
    with pytest.raises(InputError):
        tokens.verify(token, "s", key.public_key())
    clock[0] += 10
    fresh = jwt.encode({"sub": "s", "aud": "central", "iat": now, "exp": now + 30, "jti": "y"}, key, "EdDSA")
    tokens.verify(fresh, "s", key.public_key())
    assert list(tokens._used) == ["y"]


async def test_no_token_no_link(served, make_site):
    client = await make_site("bern")
    assert await refused(client, "nonsense") == 401


async def test_revoking_a_site_closes_its_link_and_refuses_its_key(admin, make_site):
    client = await make_site("bern")
    await client.connect()
    assert (await admin.http.post(f"/api/sites/{client.site_id}/revoke")).status_code == 204
    await client.stop_reading()
    assert client.socket.close_code == 4403
    assert await refused(client, client.token()) == 401
    sites = await admin.call("GET", "/api/sites")
    assert {"site_id": client.site_id, "institution": "Hospital", "online": False} in sites


async def test_taking_the_role_site_away_closes_the_link(admin, make_site):
    client = await make_site("bern")
    await client.connect()
    accounts = await admin.call("GET", "/api/accounts")
    account = next(account for account in accounts if account["username"] == client.username)
    await admin.call("POST", f"/api/accounts/{account['id']}/approve", json={"roles": ["runner"]})
    await client.stop_reading()
    assert client.socket.close_code == 4403
    assert await refused(client, client.token()) == 401
    assert client.site_id not in [site["site_id"] for site in await admin.call("GET", "/api/sites")]


async def test_revoking_the_account_closes_the_sites_link(admin, make_site):
    client = await make_site("bern")
    await client.connect()
    accounts = await admin.call("GET", "/api/accounts")
    account = next(account for account in accounts if account["username"] == client.username)
    await admin.call("POST", f"/api/accounts/{account['id']}/revoke")
    await client.stop_reading()
    assert client.socket.close_code == 4403
    assert await refused(client, client.token()) == 401


async def test_another_key_closes_the_link_of_the_old_one(served, make_site):
    client = await make_site("bern")
    await client.connect()
    other = SiteClient(served, client.username, client.site_id)
    await other.enrol()
    await client.stop_reading()
    assert client.socket.close_code == 4403
    assert await refused(client, client.token()) == 401
    await other.connect()
    await other.close()


async def test_a_link_that_waited_while_its_key_was_revoked_is_not_let_in(served, admin, make_site):
    client = await make_site("bern")
    await client.connect()
    client.is_silent = True
    twin = SiteClient(served, client.username, client.site_id)
    twin.key = client.key
    connecting = asyncio.create_task(twin.connect())
    while twin.socket is None:
        await asyncio.sleep(0.01)
    assert (await admin.http.post(f"/api/sites/{client.site_id}/revoke")).status_code == 204
    await twin.socket.wait_closed()
    assert twin.opened == []
    connecting.cancel()
    await asyncio.gather(connecting, return_exceptions=True)
