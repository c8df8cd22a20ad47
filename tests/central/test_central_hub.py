"""Links: resume, duplicates, silence, hostile frames."""

from __future__ import annotations

import asyncio
import secrets

import pytest
from websockets.exceptions import ConnectionClosed

from sandbox.wire.frames import Frame, Kind
from sandbox.wire.link import CloseCode, JobsOpen
from sandbox.wire.session import Session
from tests.central.site_client import SiteClient


async def _online(admin, client) -> bool:
    sites = await admin.call("GET", "/api/sites")
    return next(site["online"] for site in sites if site["site_id"] == client.site_id)


async def test_a_site_is_online_while_its_link_is_open(admin, make_site):
    client = await make_site("bern")
    assert not await _online(admin, client)
    await client.connect()
    assert await _online(admin, client)
    await client.break_off()
    while await _online(admin, client):
        await asyncio.sleep(0.05)


async def test_a_link_that_opens_is_told_which_jobs_are_open(make_site):
    client = await make_site("bern")
    await client.connect()
    assert await client.expect(JobsOpen) == JobsOpen(())


async def test_a_broken_connection_is_resumed_as_the_same_link(make_site):
    client = await make_site("bern")
    await client.connect()
    await client.break_off()
    await client.connect()
    assert [opened.is_new for opened in client.opened] == [True, False]


async def test_a_new_process_of_a_site_is_a_new_link(make_site):
    client = await make_site("bern")
    await client.connect()
    await client.break_off()
    client.session = Session("site", secrets.token_hex(4))
    await client.connect()
    assert [opened.is_new for opened in client.opened] == [True, True]


async def test_a_second_link_is_refused_while_the_first_one_answers(served, make_site):
    client = await make_site("bern")
    await client.connect()
    twin = SiteClient(served, client.username, client.site_id)
    twin.key = client.key
    socket = await twin.dial()
    with pytest.raises(ConnectionClosed):
        await socket.recv()
    assert socket.close_code == CloseCode.DUPLICATE
    # The control: the first link still works.
    client.inbox.clear()
    for frame in client.session.ping():
        await client.socket.send(frame)
    assert client.socket.close_code is None


async def test_a_second_link_replaces_one_that_does_not_answer(served, make_site):
    client = await make_site("bern")
    await client.connect()
    client.is_silent = True
    twin = SiteClient(served, client.username, client.site_id)
    twin.key = client.key
    await twin.connect()
    await client.stop_reading()
    assert client.socket.close_code in (CloseCode.PROTOCOL, CloseCode.SILENT)
    assert twin.socket.close_code is None
    await twin.close()


async def test_a_silent_site_is_closed(admin, make_site):
    client = await make_site("bern")
    await client.connect()
    client.is_silent = True
    await client.stop_reading()
    assert client.socket.close_code == CloseCode.SILENT


@pytest.mark.parametrize(
    "data",
    [
        b"nonsense",
        Frame(Kind.DATA, b"x").to_bytes(),
        Frame(Kind.MESSAGE, b"x", 1).to_bytes(),
        Frame(Kind.MESSAGE, b"\x80", 5).to_bytes(),
        "text",
    ],
    ids=["nonsense", "data frame", "message before the greeting", "out of sequence", "text"],
)
async def test_bytes_that_are_no_protocol_close_the_link(make_site, data):
    client = await make_site("bern")
    socket = await client.dial()
    await socket.send(data)
    with pytest.raises(ConnectionClosed):
        await socket.recv()
    assert socket.close_code == CloseCode.PROTOCOL


async def test_a_message_that_is_not_a_sites_closes_the_link(make_site):
    client = await make_site("bern")
    await client.connect()
    await client.send(JobsOpen(()))
    await client.stop_reading()
    assert client.socket.close_code == CloseCode.PROTOCOL


async def test_central_is_served_without_compression(make_site):
    client = await make_site("bern")
    socket = await client.dial()
    assert socket.response.headers.get("Sec-WebSocket-Extensions") is None
    await socket.close()
