from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from sandbox.errors import Code, PeerError
from sandbox.wire.codec import encode
from sandbox.wire.frames import Frame, Kind
from sandbox.wire.link import PROTOCOL, Ack, Hello, Welcome
from sandbox.wire.session import ACK_BYTES, ACK_EVERY, TRANSITIONS, Alive, Input, Opened, Received, Session, State


def control_frame(message: object) -> bytes:
    return Frame(Kind.MESSAGE, encode(message)).to_bytes()  # type: ignore[arg-type]


def opened_pair() -> tuple[Session, Session]:
    site, central = Session("site", "S1"), Session("central", "C1")
    central.connect()
    for hello in site.connect():
        _, answers = central.receive(hello)
        for answer in answers:
            site.receive(answer)
    return site, central


def test_site_and_central_open_after_one_greeting_each() -> None:
    site, central = opened_pair()
    assert site.state is central.state is State.OPEN


def test_a_reply_lost_with_the_connection_is_sent_again_and_delivered_once() -> None:
    site, central = opened_pair()
    [frame] = site.send(b"reply")
    site.disconnect()
    central.disconnect()
    central.connect()
    [hello] = site.connect()
    events, answers = central.receive(hello)
    assert events == [Opened(is_new=False)]
    events, resent = site.receive(answers[0])
    assert events == [Opened(is_new=False)]
    assert resent == [frame]
    assert central.receive(frame)[0] == [Received(b"reply")]
    assert central.receive(frame)[0] == []


def test_a_restarted_site_is_new_to_central_and_central_to_it() -> None:
    _, central = opened_pair()
    central.send(b"old")
    central.disconnect()
    central.connect()
    restarted = Session("site", "S2")
    [hello] = restarted.connect()
    events, answers = central.receive(hello)
    assert events == [Opened(is_new=True)]
    assert len(answers) == 1, "nothing meant for the old process is sent to the new one"
    assert restarted.receive(answers[0])[0] == [Opened(is_new=True)]


def test_a_lost_welcome_of_a_restarted_central_does_not_wedge_the_link() -> None:
    site, _ = opened_pair()
    for _ in range(3):
        site.send(b"x")
    site.disconnect()
    restarted = Session("central", "C2")
    for attempt in range(2):
        restarted.connect()
        [hello] = site.connect()
        events, answers = restarted.receive(hello)
        assert events == [Opened(is_new=True)]
        if attempt == 0:
            site.disconnect()
            restarted.disconnect()
    assert site.receive(answers[0])[0] == [Opened(is_new=True)]


def test_a_gap_in_the_sequence_is_an_error() -> None:
    site, central = opened_pair()
    site.send(b"lost")
    [second] = site.send(b"second")
    with pytest.raises(PeerError) as caught:
        central.receive(second)
    assert caught.value.code is Code.WIRE_SEQUENCE


@pytest.mark.parametrize("protocol", [1, 2, 99])
def test_another_protocol_version_is_refused_with_both_numbers(protocol: int) -> None:
    for side, greeting in (("central", Hello(protocol, "S1", "", 0)), ("site", Welcome(protocol, "C1", True, 0))):
        session = Session(side, "X")
        session.connect()
        with pytest.raises(PeerError) as caught:
            session.receive(control_frame(greeting))
        assert caught.value.code is Code.WIRE_VERSION
        assert f"protocol {protocol}, this end {PROTOCOL}" in str(caught.value)


@pytest.mark.parametrize(
    "frame",
    [
        control_frame(Welcome(1, "C1", False, 0)),
        control_frame(Ack(1)),
        Frame(Kind.DATA, b"").to_bytes(),
        Frame(Kind.MESSAGE, b"x", 1).to_bytes(),
    ],
    ids=["central's greeting", "ack before greeting", "data", "message before greeting"],
)
def test_central_accepts_nothing_but_a_hello_first(frame: bytes) -> None:
    central = Session("central", "C1")
    central.connect()
    with pytest.raises(PeerError):
        central.receive(frame)


def test_an_acknowledgement_of_what_was_never_sent_is_an_error() -> None:
    _, central = opened_pair()
    with pytest.raises(PeerError):
        central.receive(control_frame(Ack(1)))


def test_a_ping_is_answered_and_brings_the_acknowledgement_forward() -> None:
    site, central = opened_pair()
    [frame] = site.send(b"reply")
    central.receive(frame)
    [ping] = site.ping()
    _, answers = central.receive(ping)
    events = [event for answer in answers for event in site.receive(answer)[0]]
    assert events == [Alive()]
    assert site.n_unacknowledged == 0


@pytest.mark.parametrize(("payload", "n_messages"), [(b"reply", ACK_EVERY), (bytes(ACK_BYTES // 2), 2), (bytes(ACK_BYTES), 1)])
def test_many_messages_or_many_bytes_are_acknowledged(payload: bytes, n_messages: int) -> None:
    site, central = opened_pair()
    for _ in range(2):
        answers = [central.receive(frame)[1] for _ in range(n_messages) for frame in site.send(payload)]
        assert [len(frames) for frames in answers] == [0] * (n_messages - 1) + [1]
        site.receive(answers[-1][0])
        assert site.n_unacknowledged == 0


def test_every_state_has_a_way_down_and_nothing_leads_past_the_greeting() -> None:
    for state in State:
        assert TRANSITIONS[state, Input.DISCONNECT] is State.DOWN
    ways_to_open = [start for (start, _), end in TRANSITIONS.items() if end is State.OPEN and start is not State.OPEN]
    assert ways_to_open == [State.GREETING]


class TwoEnds(RuleBasedStateMachine):
    """Both ends, a connection that loses a suffix of what was sent when it breaks, and no restarts: exactly once, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.ends = {"site": Session("site", "S"), "central": Session("central", "C")}
        self.sent: dict[str, list[bytes]] = {"site": [], "central": []}
        self.got: dict[str, list[bytes]] = {"site": [], "central": []}
        self.flight: dict[str, list[bytes]] = {"site": [], "central": []}
        self.connected = False

    @precondition(lambda self: not self.connected)
    @rule()
    def connect(self) -> None:
        self.ends["central"].connect()
        self.flight = {"site": self.ends["site"].connect(), "central": []}
        self.connected = True

    @precondition(lambda self: self.connected)
    @rule()
    def disconnect(self) -> None:
        for end in self.ends.values():
            end.disconnect()
        self.flight = {"site": [], "central": []}
        self.connected = False

    # Before the first greeting nothing may be queued: a first opening is new and starts from nothing.
    @precondition(lambda self: all(end.peer_boot_id for end in self.ends.values()))
    @rule(side=st.sampled_from(["site", "central"]))
    def send(self, side: str) -> None:
        payload = f"{side}{len(self.sent[side])}".encode()
        self.sent[side].append(payload)
        self.flight[side] += self.ends[side].send(payload)

    @precondition(lambda self: self.connected)
    @rule(side=st.sampled_from(["site", "central"]))
    def ping(self, side: str) -> None:
        self.flight[side] += self.ends[side].ping()

    @precondition(lambda self: self.connected)
    @rule(side=st.sampled_from(["site", "central"]), count=st.integers(1, 20))
    def deliver(self, side: str, count: int) -> None:
        other = "central" if side == "site" else "site"
        for _ in range(min(count, len(self.flight[side]))):
            events, answers = self.ends[other].receive(self.flight[side].pop(0))
            self.got[other] += [event.payload for event in events if isinstance(event, Received)]
            self.flight[other] += answers

    @invariant()
    def everything_arrives_once_and_in_order(self) -> None:
        for side, other in (("site", "central"), ("central", "site")):
            assert self.got[other] == self.sent[side][: len(self.got[other])]

    @invariant()
    def nothing_is_forgotten_before_it_arrived(self) -> None:
        for side, other in (("site", "central"), ("central", "site")):
            assert len(self.got[other]) + self.ends[side].n_unacknowledged >= len(self.sent[side])


TwoEnds.TestCase.settings = settings(max_examples=60, stateful_step_count=40)
test_two_ends_deliver_exactly_once_in_order = TwoEnds.TestCase
