"""Registration, approval, sign-in, sessions, roles, mail."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import NoneType

import jwt
import pytest
from aiosmtpd.controller import Controller
from argon2 import Parameters, PasswordHasher, extract_parameters

from central.accounts import store
from central.accounts.attempts import NAMES_PER_ADDRESS, SignInAttempts
from central.accounts.mail import Mailer
from central.accounts.service import AccountService, Identity
from central.accounts.tokens import AUDIENCE, Tokens
from central.db import open_database
from central.settings import read_secret
from sandbox.errors import InputError, LimitError
from sandbox.host.passwords import Passwords
from tests.central.serving import PASSWORD, quick_passwords, serve


async def _sign_in(served, username, password=PASSWORD):
    async with served.client() as http:
        return await http.post("/api/sessions", json={"username": username, "password": password})


async def test_a_registered_user_cannot_sign_in_before_approval(served, admin):
    account = await served.register("bob")
    refused = await _sign_in(served, account["username"])
    assert (refused.status_code, refused.json()["code"]) == (403, "access.not_approved")
    await admin.call("POST", f"/api/accounts/{account['id']}/approve", json={"roles": ["runner"]})
    assert (await _sign_in(served, account["username"])).status_code == 201


async def test_a_wrong_password_and_an_unknown_user_look_alike(served):
    wrong, unknown = await _sign_in(served, "ada", "not the password"), await _sign_in(served, "nobody", "not the password")
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json() == unknown.json()


class WatchedHasher(PasswordHasher):
    """Remembers what each check costs: the parameters of the hash it was done with."""

    costs: list[Parameters]

    def verify(self, hash: str | bytes, password: str | bytes) -> bool:
        self.costs.append(extract_parameters(str(hash)))
        return super().verify(hash, password)


def test_an_unknown_user_costs_as_much_as_a_wrong_password():
    hasher = WatchedHasher()
    hasher.costs = []
    passwords = Passwords(hasher)
    known = passwords.hash("the password")
    assert not passwords.matches(None, "another one")
    assert not passwords.matches(known, "another one")
    unknown, wrong = hasher.costs
    assert unknown == wrong
    assert wrong.memory_cost * wrong.time_cost >= 2**16


async def test_a_revoked_session_is_worth_nothing(served, admin):
    person = await served.person(admin, "bob", "runner")
    await person.call("GET", "/api/jobs")
    assert (await person.http.delete("/api/sessions/current")).status_code == 204
    assert (await person.http.get("/api/jobs")).json()["code"] == "access.sign_in"
    await person.http.aclose()


async def test_revoking_an_account_ends_its_sessions_and_its_sign_in(served, admin):
    person = await served.person(admin, "bob", "runner")
    await admin.call("POST", f"/api/accounts/{person.account['id']}/revoke")
    assert (await person.http.get("/api/jobs")).status_code == 401
    assert (await _sign_in(served, person.account["username"])).json()["code"] == "access.not_approved"
    await person.http.aclose()


async def test_the_last_administrator_keeps_role_and_access(settings):
    async with serve(settings) as served:
        ada = await served.sign_in("ada")
        (account,) = await ada.call("GET", "/api/accounts")
        for deed, body in (("approve", {"roles": ["runner"]}), ("approve", {"roles": []}), ("revoke", None)):
            refused = await ada.call("POST", f"/api/accounts/{account['id']}/{deed}", 409, json=body)
            assert refused["code"] == "account.last_admin"
            assert "'ada'" in refused["sentence"]
            assert "role admin first" in refused["remedy"]
        assert await ada.call("GET", "/api/accounts") == [account]
        bob = await served.person(ada, "bob", "admin")
        assert (await ada.call("POST", f"/api/accounts/{account['id']}/approve", json={"roles": ["runner"]}))["roles"] == ["runner"]
        assert (await bob.call("POST", f"/api/accounts/{bob.account['id']}/revoke", 409))["code"] == "account.last_admin"
        await bob.call("POST", f"/api/accounts/{account['id']}/revoke")
        for person in (ada, bob):
            await person.http.aclose()


async def test_an_administrator_who_is_revoked_or_waits_does_not_count(settings):
    async with serve(settings) as served:
        ada = await served.sign_in("ada")
        bob = await served.person(ada, "bob", "admin")
        await ada.call("POST", f"/api/accounts/{bob.account['id']}/revoke")
        await served.register("carl")
        own = next(account for account in await ada.call("GET", "/api/accounts") if account["username"] == "ada")
        assert (await ada.call("POST", f"/api/accounts/{own['id']}/revoke", 409))["code"] == "account.last_admin"
        for person in (ada, bob):
            await person.http.aclose()


def test_two_administrators_who_revoke_each_other_at_once_leave_one(of_each_kind, monkeypatch):
    both_have_asked = threading.Barrier(2, timeout=2)
    has_admin = store.has_admin

    def ask_and_meet(session):
        found = has_admin(session)
        # Nobody comes while this one is here: whoever does has seen an administrator who is about to go, and both would.
        with contextlib.suppress(threading.BrokenBarrierError):
            both_have_asked.wait()
        return found

    monkeypatch.setattr(store, "has_admin", ask_and_meet)
    tokens = Tokens(read_secret(of_each_kind.data_dir / "session.key"), "central")
    with contextlib.closing(open_database(of_each_kind.database)) as database:
        service = AccountService(of_each_kind, database, tokens, Mailer(of_each_kind, database), quick_passwords(), "central")
        bob = service.make_administrator("bob", PASSWORD)
        ada = next(account for account in service.accounts() if account.username == "ada")
        identity = Identity(ada.id, "ada", frozenset(), "")
        with ThreadPoolExecutor(2) as pool:
            outcomes = [future.exception() for future in [pool.submit(service.revoke, account.id, identity) for account in (ada, bob)]]
        assert [type(outcome) for outcome in sorted(outcomes, key=repr)] == [InputError, NoneType]
        assert [account.is_admin for account in service.accounts()].count(True) == 1


async def test_a_token_signed_with_another_key_or_without_a_session_is_refused(served, admin):
    key = (served.settings.data_dir / "session.key").read_bytes()
    claims = {"iss": served.central_id, "aud": AUDIENCE, "sub": "x", "sid": "0" * 16, "iat": int(time.time()), "exp": int(time.time()) + 60}
    tokens = [jwt.encode(claims, b"k" * 32, "HS256"), jwt.encode(claims, key, "HS256"), jwt.encode(claims, None, "none"), "nonsense"]
    async with served.client() as http:
        for token in tokens:
            answer = await http.get("/api/jobs", headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code == 401


async def test_an_expired_token_is_refused(served):
    key = (served.settings.data_dir / "session.key").read_bytes()
    async with served.client() as http:
        token = (await http.post("/api/sessions", json={"username": "ada", "password": PASSWORD})).json()["token"]
        claims = jwt.decode(token, key, algorithms=["HS256"], audience=AUDIENCE)
        old = jwt.encode({**claims, "exp": int(time.time()) - 1}, key, "HS256")
        http.cookies.clear()
        assert (await http.get("/api/jobs", headers={"Authorization": f"Bearer {old}"})).status_code == 401
        assert (await http.get("/api/jobs", headers={"Authorization": f"Bearer {token}"})).status_code == 200


async def test_too_many_attempts_are_refused_even_with_the_right_password(settings):
    async with serve(settings.model_copy(update={"sign_ins_per_minute": 3})) as served:
        for _ in range(3):
            assert (await _sign_in(served, "ada", "not the password")).status_code == 401
        refused = await _sign_in(served, "ada")
        assert (refused.status_code, refused.json()["code"]) == (429, "access.too_many")
        assert refused.headers["retry-after"] == "60"


def test_attempts_at_one_name_from_one_address_lock_nobody_else_out():
    attempts = SignInAttempts(per_minute=2)
    for _ in range(2):
        attempts.count("ada", "10.0.0.1")
    with pytest.raises(LimitError):
        attempts.count("ada", "10.0.0.1")
    attempts.count("ada", "10.0.0.2")
    attempts.count("bob", "10.0.0.1")


def test_names_at_one_address_are_limited_together():
    attempts = SignInAttempts(per_minute=2)
    for number in range(2 * NAMES_PER_ADDRESS):
        attempts.count(f"name {number}", "10.0.0.1")
    with pytest.raises(LimitError):
        attempts.count("another name", "10.0.0.1")
    attempts.count("another name", "10.0.0.2")


@pytest.mark.parametrize("role", ["site", "runner", "author"])
async def test_only_an_admin_approves_revokes_and_reads_mail(served, admin, role):
    person = await served.person(admin, "bob", role)
    for method, path in (
        ("GET", "/api/accounts"),
        ("GET", "/api/mails"),
        ("POST", f"/api/accounts/{person.account['id']}/approve"),
        ("POST", f"/api/accounts/{person.account['id']}/revoke"),
        ("POST", "/api/sites/x/revoke"),
    ):
        answer = await person.http.request(method, path, json={"roles": ["admin"]} if method == "POST" else None)
        assert (answer.status_code, answer.json()["code"]) == (403, "access.forbidden")
    await person.http.aclose()


@pytest.mark.parametrize("path", ["/api/jobs", "/api/pairs", "/api/sites", "/api/accounts", "/api/mails", "/api/ledger/verdict"])
async def test_nothing_is_read_without_signing_in(served, path):
    async with served.client() as http:
        assert (await http.get(path)).status_code == 401


async def test_approval_with_the_role_site_gives_a_site_id_and_mails_it(served, admin):
    account = await served.register("bob")
    approved = await admin.call("POST", f"/api/accounts/{account['id']}/approve", json={"roles": ["site"]})
    assert len(approved["site_id"]) == 10
    mails = await admin.call("GET", "/api/mails")
    assert not mails["has_server"]
    (mail,) = [mail for mail in mails["mails"] if mail["recipient"] == account["email"]]
    assert approved["site_id"] in mail["body"]
    page = (await admin.http.get("/mail")).text
    assert "No mail server is configured" in page
    assert approved["site_id"] in page
    again = await admin.call("POST", f"/api/accounts/{account['id']}/approve", json={"roles": ["site", "runner"]})
    assert again["site_id"] == approved["site_id"]


async def test_with_a_mail_server_mails_are_delivered_and_not_kept(settings):
    received = []

    class Handler:
        async def handle_DATA(self, server, session, envelope):
            received.append(envelope)
            return "250 OK"

    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    controller = Controller(Handler(), hostname="127.0.0.1", port=port)
    controller.start()
    try:
        database = open_database(settings.database)
        configured = settings.model_copy(update={"smtp_host": "127.0.0.1", "smtp_port": port, "smtp_starttls": False})
        await asyncio.to_thread(Mailer(configured, database).send, "bob@example.org", "Subject", "Body\n")
        assert received[0].rcpt_tos == ["bob@example.org"]
        controller.stop()
        mailer = Mailer(configured, database)
        await asyncio.to_thread(mailer.send, "bob@example.org", "Not delivered", "Body\n")
        assert [mail.subject for mail in await database.run(store.mails)] == ["Not delivered"]
        database.close()
    finally:
        if controller.server is not None:
            controller.stop()


@pytest.mark.parametrize(
    "change", [{"username": "a b"}, {"password": "short"}, {"email": "nobody"}, {"institution": ""}, {"username": "../x"}]
)
async def test_a_bad_registration_is_refused_without_repeating_it(served, change):
    body = {"username": "bob", "password": PASSWORD, "email": "bob@example.org", "institution": "H", **change}
    async with served.client() as http:
        answer = await http.post("/api/accounts", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "request.invalid")
    assert next(iter(change)) in answer.json()["sentence"]
    assert "short" not in answer.text.replace("shorter", "")


async def test_a_user_name_is_taken_once(served):
    account = await served.register("bob")
    async with served.client() as http:
        body = {"username": account["username"], "password": PASSWORD, "email": "b@example.org", "institution": "H"}
        assert (await http.post("/api/accounts", json=body)).json()["code"] == "account.exists"


async def test_the_cookie_is_strict_secure_and_hidden_from_scripts(served):
    answer = await _sign_in(served, "ada")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-tidegate=")
    for attribute in ("HttpOnly", "SameSite=strict", "Secure", "Path=/"):
        assert attribute in cookie


async def test_a_cookie_without_the_servers_own_origin_changes_nothing(served):
    async with served.client() as http:
        await http.post("/api/sessions", json={"username": "ada", "password": PASSWORD})
        assert (await http.get("/api/accounts")).status_code == 200
        assert (await http.delete("/api/sessions/current")).status_code == 403
        assert (await http.delete("/api/sessions/current", headers={"Origin": "https://evil.example"})).status_code == 403
        assert (await http.get("/api/accounts")).status_code == 200
        assert (await http.delete("/api/sessions/current", headers={"Origin": served.url})).status_code == 204
