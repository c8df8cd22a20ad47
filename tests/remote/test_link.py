"""The link: opened from here with a short token of the site's own, resumed after every interruption, honest about how it stands."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from remote.keys import public_pem
from remote.link.backoff import Backoff
from remote.link.client import CLOSED, Address, Link
from remote.link.status import LinkState, Reason
from remote.link.token import LIFETIME, make_token
from sandbox.errors import PeerError
from sandbox.outgoing import MAX_WAITING, Outgoing
from sandbox.wire.codec import encode
from sandbox.wire.frames import Frame, Kind
from sandbox.wire.link import CentralToSite, CloseCode, JobsOpen, SiteCancel
from sandbox.wire.session import Session
from tests.remote.standin import CENTRAL_ID, StandIn, make_stand_in, trusting, until

KEY = Ed25519PrivateKey.generate()


class Recorder:
    """A receiver that remembers."""

    def __init__(self) -> None:
        self.opened: list[bool] = []
        self.messages: list[CentralToSite] = []

    def on_opened(self, is_new: bool) -> None:
        self.opened.append(is_new)

    def on_message(self, message: CentralToSite) -> None:
        self.messages.append(message)


def make_link(central: StandIn, trust: ssl.SSLContext | None = None, proxy: str = "") -> Link:
    central.keys["site-a"] = public_pem(KEY)
    address = Address(central.url, trust or trusting(central.ca_pem), lambda: make_token(KEY, "site-a", CENTRAL_ID))
    return Link(lambda: address, ping_seconds=0.15, backoff=Backoff(0.02, 0.1), proxy=proxy, max_frame_bytes=1 << 20)


@contextlib.asynccontextmanager
async def running(link: Link, receiver: Recorder | None = None) -> AsyncIterator[Link]:
    task = asyncio.create_task(link.run(receiver or Recorder()))
    try:
        yield link
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def test_a_token_is_short_fresh_and_eddsa() -> None:
    now = datetime.now(UTC)
    tokens = [make_token(KEY, "site-a", CENTRAL_ID, now) for _ in range(2)]
    claims = [jwt.decode(token, KEY.public_key(), algorithms=["EdDSA"], audience=CENTRAL_ID) for token in tokens]
    assert jwt.get_unverified_header(tokens[0])["alg"] == "EdDSA"
    assert claims[0]["sub"] == "site-a"
    assert claims[0]["exp"] - claims[0]["iat"] == 60
    assert claims[0]["jti"] != claims[1]["jti"]
    assert timedelta(seconds=60) >= LIFETIME


def test_pauses_double_up_to_a_limit_and_are_jittered() -> None:
    backoff = Backoff(1, 8)
    pauses = [backoff.next() for _ in range(200)]
    for pause, full in zip(pauses[:3], (1, 2, 4), strict=True):
        assert full / 2 <= pause <= full
    assert all(4 <= pause <= 8 for pause in pauses[3:])
    assert len({round(pause, 6) for pause in pauses[3:]}) > 100
    backoff.reset()
    assert backoff.next() <= 1


async def test_messages_go_both_ways_and_the_status_is_online(central: StandIn) -> None:
    recorder = Recorder()
    async with running(make_link(central), recorder) as link:
        link.send(SiteCancel("sent before the link was up"))
        await until(lambda: link.status.state is LinkState.ONLINE)
        link.send(SiteCancel("j1"))
        await central.send(JobsOpen(("j1",)))
        await until(lambda: recorder.messages)
        await until(lambda: central.received)
        assert recorder.opened == [True]
        assert recorder.messages == [JobsOpen(("j1",))]
        # What was sent before a peer was known is not for this one: its sender says it again (on_opened).
        assert central.received == [SiteCancel("j1")]
        assert link.status.last_heard is not None


async def test_a_broken_connection_is_resumed_and_nothing_is_lost_or_doubled(central: StandIn) -> None:
    recorder = Recorder()
    async with running(make_link(central), recorder) as link:
        await until(lambda: link.status.state is LinkState.ONLINE)
        for number in range(40):
            if number % 8 == 7:
                await central.drop()
            if number % 3:
                link.send(SiteCancel(f"s{number}"))
            else:
                await link.write(SiteCancel(f"s{number}"))
            if number % 5 == 0:
                await until(lambda: link.status.state is LinkState.ONLINE)
            with contextlib.suppress(RuntimeError):
                await central.send(JobsOpen((f"c{number}",)))
            await asyncio.sleep(0.005)
        await until(lambda: len(central.received) == 40 and len(recorder.messages) == 40)
        assert [message.job_id for message in central.of(SiteCancel)] == [f"s{number}" for number in range(40)]
        assert recorder.messages == [JobsOpen((f"c{number}",)) for number in range(40)]
        assert recorder.opened[0] is True
        assert not any(recorder.opened[1:])
        assert central.n_connections >= 5


async def test_every_connection_has_a_token_of_its_own(central: StandIn) -> None:
    async with running(make_link(central)):
        for n_connections in (1, 2, 3):
            await until(lambda n=n_connections: len(central.opened) == n)
            await central.drop()
    assert len({claims["jti"] for claims in central.seen_tokens}) == len(central.seen_tokens) >= 3


async def test_a_restarted_central_is_noticed(central: StandIn) -> None:
    recorder = Recorder()
    async with running(make_link(central), recorder) as link:
        await until(lambda: link.status.state is LinkState.ONLINE)
        central.restart()
        await central.drop()
        await until(lambda: len(recorder.opened) == 2)
        assert recorder.opened == [True, True]


@pytest.mark.parametrize(
    ("setting", "value", "state", "reason"),
    [
        ("refuse", 401, LinkState.REFUSED, Reason.REVOKED),
        ("refuse", 403, LinkState.REFUSED, Reason.REVOKED),
        ("close_code", CloseCode.DUPLICATE, LinkState.REFUSED, Reason.DUPLICATE),
        ("close_code", CloseCode.REVOKED, LinkState.REFUSED, Reason.REVOKED),
        ("close_code", CloseCode.SILENT, LinkState.OFFLINE, Reason.SILENT),
        ("close_code", CloseCode.PROTOCOL, LinkState.OFFLINE, Reason.PROTOCOL),
        ("refuse", 503, LinkState.OFFLINE, Reason.UNREACHABLE),
        ("close_code", CloseCode.GOING_AWAY, LinkState.OFFLINE, Reason.CLOSED),
        ("close_code", 1011, LinkState.OFFLINE, Reason.CLOSED),
        ("close_code", 4999, LinkState.OFFLINE, Reason.CLOSED),
    ],
)
async def test_a_refusal_says_why_and_is_tried_again(central: StandIn, setting: str, value: int, state: LinkState, reason: Reason) -> None:
    setattr(central, setting, value)
    async with running(make_link(central)) as link:
        await until(lambda: (link.status.state, link.status.reason) == (state, reason))
        await until(lambda: central.n_connections >= 2)
        setattr(central, setting, 0)
        await until(lambda: link.status.state is LinkState.ONLINE)
        assert link.status.reason is Reason.NONE


def test_every_reason_of_central_to_close_is_understood() -> None:
    assert set(CLOSED) == set(CloseCode)


async def test_a_silent_central_is_given_up(central: StandIn) -> None:
    async with running(make_link(central)) as link:
        await until(lambda: link.status.state is LinkState.ONLINE)
        central.is_silent = True
        await until(lambda: link.status.reason is Reason.SILENT)
        central.is_silent = False
        await until(lambda: link.status.state is LinkState.ONLINE)


@pytest.mark.parametrize("garbage", [b"", b"garbage", Frame(Kind.MESSAGE, b"\xc1", 9).to_bytes(), Frame(Kind.DATA, b"x").to_bytes()])
async def test_garbage_ends_the_connection_and_not_the_link(central: StandIn, garbage: bytes) -> None:
    recorder = Recorder()
    async with running(make_link(central), recorder) as link:
        await until(lambda: link.status.state is LinkState.ONLINE)
        assert central.socket is not None
        await central.socket.send_bytes(garbage)
        await until(lambda: len(central.opened) == 2)
        await until(lambda: link.status.state is LinkState.ONLINE)
        assert recorder.messages == []


async def test_two_ends_that_disagree_begin_anew(central: StandIn) -> None:
    """A message of an unknown number: the site acknowledges what central never sent, and central would refuse every resumption."""
    recorder = Recorder()
    async with running(make_link(central), recorder) as link:
        await until(lambda: link.status.state is LinkState.ONLINE)
        assert central.socket is not None
        await central.socket.send_bytes(Frame(Kind.MESSAGE, encode(JobsOpen(())), 1).to_bytes())
        await until(lambda: recorder.messages)
        await central.drop()
        await until(lambda: len(recorder.opened) == 2)
        assert recorder.opened == [True, True]


async def test_a_message_that_is_not_in_the_protocol_is_not_delivered(central: StandIn) -> None:
    recorder = Recorder()
    async with running(make_link(central), recorder) as link:
        await until(lambda: link.status.state is LinkState.ONLINE)
        assert central.socket is not None
        for frame in central.session.send(encode(SiteCancel("central may not say this"))):
            await central.socket.send_bytes(frame)
        await until(lambda: len(central.opened) == 2)
        assert recorder.messages == []


async def test_a_frame_above_the_limit_is_not_taken(central: StandIn) -> None:
    async with running(make_link(central)) as link:
        await until(lambda: link.status.state is LinkState.ONLINE)
        assert central.socket is not None
        await central.socket.send_bytes(b"x" * ((1 << 20) + 65))
        await until(lambda: len(central.opened) == 2)


async def test_a_receiver_that_fails_does_not_end_the_link(central: StandIn) -> None:
    class Broken(Recorder):
        def on_message(self, message: CentralToSite) -> None:
            raise KeyError("a value that must not be logged")

    async with running(make_link(central), Broken()) as link:
        await until(lambda: link.status.state is LinkState.ONLINE)
        await central.send(JobsOpen(()))
        await until(lambda: len(central.opened) == 2)


async def test_a_central_of_another_authority_is_not_spoken_to(central: StandIn, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = make_stand_in(tmp_path_factory.mktemp("other"))
    async with running(make_link(central, trusting(other.ca_pem))) as link:
        await until(lambda: link.status.reason is Reason.CERTIFICATE)
    assert central.seen_tokens == []


async def test_the_environment_sets_no_proxy(central: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("WSS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    async with running(make_link(central)) as link:
        await until(lambda: link.status.state is LinkState.ONLINE)
    async with running(make_link(central, proxy="system")) as link:
        await until(lambda: link.status.reason is Reason.UNREACHABLE)


async def test_an_unconfigured_link_waits_and_starts_when_configured(central: StandIn) -> None:
    central.keys["site-a"] = public_pem(KEY)
    found: list[Address] = []
    link = Link(
        lambda: found[0] if found else LinkState.NOT_CONFIGURED,
        ping_seconds=1,
        backoff=Backoff(0.02, 0.1),
        max_frame_bytes=1 << 20,
    )
    async with running(link):
        await asyncio.sleep(0.05)
        assert link.status.state is LinkState.NOT_CONFIGURED
        found.append(Address(central.url, trusting(central.ca_pem), lambda: make_token(KEY, "site-a", CENTRAL_ID)))
        link.reconfigure()
        await until(lambda: link.status.state is LinkState.ONLINE)
        found.clear()
        link.reconfigure()
        await until(lambda: link.status.state is LinkState.NOT_CONFIGURED)


async def test_a_key_that_cannot_be_read_is_shown_as_such(central: StandIn) -> None:
    def no_key() -> str:
        raise ValueError("mode 644")

    address = Address(central.url, trusting(central.ca_pem), no_key)
    link = Link(lambda: address, ping_seconds=1, backoff=Backoff(0.02, 0.1), max_frame_bytes=1 << 20)
    async with running(link):
        await until(lambda: link.status.reason is Reason.KEY_FILE)
    assert central.n_connections == 0


async def never(_: bytes) -> None:
    raise AssertionError("nobody writes here")


def test_a_central_that_asks_and_does_not_read_is_left_before_it_takes_memory() -> None:
    link = Link(lambda: LinkState.NOT_CONFIGURED, ping_seconds=1, backoff=Backoff(0.1, 1), max_frame_bytes=1 << 20)
    central, link._outgoing = Session("central", "boot"), Outgoing(never)
    central.connect()
    for hello in link._session.connect():
        for welcome in central.receive(hello)[1]:
            link._on_data(welcome, Recorder())
    ping = central.ping()[0]

    def take(n_pings: int) -> None:
        for _ in range(n_pings):
            link._on_data(ping, Recorder())

    take(1000)
    with pytest.raises(PeerError):
        take(10 * MAX_WAITING)
    assert len(link._outgoing._waiting) == MAX_WAITING
