import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.errors import Code, PeerError
from sandbox.wire import link, messages
from sandbox.wire.codec import encode
from sandbox.wire.values import floats
from tests.one_chain import asks

DECODERS = {
    name: getattr(module, name)
    for module, names in (
        (messages, ("host_to_gate", "gate_to_host", "host_to_worker", "worker_to_host", "worker_to_gate", "round_reply")),
        (link, ("control", "central_to_site", "site_to_central")),
    )
    for name in names
}
ROUND = messages.RunRound(7, asks(messages.StepCall("score", {"target": 3, "beta": floats([0.5, -1.0])})))


def test_a_message_survives_the_round_trip() -> None:
    assert messages.host_to_gate.decode(encode(ROUND)) == ROUND


@given(st.binary(max_size=200), st.sampled_from(sorted(DECODERS)))
def test_random_bytes_raise_the_documented_error_only(data: bytes, decoder: str) -> None:
    try:
        DECODERS[decoder].decode(data)
    except PeerError as error:
        assert error.code is Code.WIRE_MESSAGE


@given(st.data())
def test_a_truncated_or_flipped_message_is_accepted_or_raises_the_documented_error(data: st.DataObject) -> None:
    encoded = bytearray(encode(ROUND))
    if data.draw(st.booleans()):
        encoded = encoded[: data.draw(st.integers(0, len(encoded) - 1))]
    else:
        encoded[data.draw(st.integers(0, len(encoded) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        messages.host_to_gate.decode(bytes(encoded))
    except PeerError as error:
        assert error.code is Code.WIRE_MESSAGE


def round_with(argument: dict[str, object]) -> bytes:
    call = {"step": "a", "request": {"b": {"type": "array", **argument}}}
    return msgspec.msgpack.encode({"type": "RunRound", "number": 1, "chains": [{"chain": 0, "calls": [call]}]})


@pytest.mark.parametrize(
    "hostile",
    [
        b"\x91" * 100_000,
        b"\xdf\xff\xff\xff\xff",
        b"\xc6\xff\xff\xff\xff",
        msgspec.msgpack.encode({"type": "RunRound", "number": 1, "chains": [], "extra": 1}),
        msgspec.msgpack.encode({"type": "Wiped", "n_bytes": 1, "entry": b""}),
        round_with({"dtype": "|O", "shape": [1], "data": b"8" * 8}),
        round_with({"dtype": "<f8", "shape": [9], "data": b"8" * 8}),
    ],
    ids=["deep", "huge map", "huge bytes", "unknown field", "other direction", "object dtype", "lying shape"],
)
def test_hostile_messages_are_refused(hostile: bytes) -> None:
    with pytest.raises(PeerError):
        messages.host_to_gate.decode(hostile)
