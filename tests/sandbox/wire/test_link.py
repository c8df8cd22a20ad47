"""Closed words between central and a site: a state, a code or a message that is not one of them is refused."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.errors import Code, PeerError
from sandbox.wire.codec import encode
from sandbox.wire.link import (
    BoardUpdate,
    CloseCode,
    JobEnded,
    JobState,
    SiteBegun,
    SiteFailed,
    SiteReply,
    central_to_site,
    site_to_central,
)
from sandbox.wire.messages import Message


@pytest.mark.parametrize("state", JobState)
def test_a_state_arrives_as_the_state_it_is(state: JobState) -> None:
    for message in (JobEnded("j", state), BoardUpdate("j", state, ())):
        assert central_to_site.decode(encode(message)).state is state


@given(st.text(max_size=20).filter(lambda text: text not in set(JobState)))
def test_a_state_that_is_none_is_refused(state: str) -> None:
    for body in ({"type": "JobEnded", "job_id": "j"}, {"type": "BoardUpdate", "job_id": "j", "board": []}):
        with pytest.raises(PeerError) as caught:
            central_to_site.decode(msgspec.msgpack.encode({**body, "state": state}))
        assert caught.value.code is Code.WIRE_MESSAGE


@pytest.mark.parametrize("message", [SiteBegun("j"), SiteReply("j", 4, b"body"), SiteFailed("j", Code.GATE_DIED)])
def test_an_answer_of_a_site_survives_the_round_trip_and_is_none_of_central(message: Message) -> None:
    assert site_to_central.decode(encode(message)) == message
    with pytest.raises(PeerError):
        central_to_site.decode(encode(message))


@pytest.mark.parametrize(
    "body",
    [
        {"type": "SiteFailed", "job_id": "j", "code": "no such code"},
        {"type": "SiteFailed", "job_id": "j"},
        {"type": "SiteReply", "job_id": "j", "number": -1},
        {"type": "SiteReply", "job_id": "j", "number": 1, "body": b"", "failed": "gate.died"},
        {"type": "SiteBegun", "job_id": "j", "number": -1},
    ],
    ids=["unknown code", "no code", "a reply without a body", "a failure of version 2", "a number for the constants"],
)
def test_an_answer_that_is_not_whole_is_refused(body: dict[str, object]) -> None:
    with pytest.raises(PeerError) as caught:
        site_to_central.decode(msgspec.msgpack.encode(body))
    assert caught.value.code is Code.WIRE_MESSAGE


@pytest.mark.parametrize("code", [0, 1000, 4000, 4401, 4999])
def test_a_number_that_is_no_close_code_is_none(code: int) -> None:
    with pytest.raises(ValueError, match=str(code)):
        CloseCode(code)
