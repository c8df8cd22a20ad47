import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.errors import Code, LimitError, PeerError
from sandbox.wire.frames import HEADER, Frame, FrameReader, Kind, data_frames, parse_frame

FRAMES = st.builds(Frame, st.sampled_from(Kind), st.binary(max_size=60), st.integers(0, 2**32 - 1))


@given(st.lists(FRAMES, max_size=8), st.data())
def test_any_split_of_the_stream_gives_the_same_frames(frames: list[Frame], data: st.DataObject) -> None:
    stream = b"".join(frame.to_bytes() for frame in frames)
    reader, found, position = FrameReader(), [], 0
    while position < len(stream):
        size = data.draw(st.integers(1, len(stream) - position))
        found += list(reader.feed(stream[position : position + size]))
        position += size
    assert found == frames
    assert reader.is_between_frames


@given(st.binary(max_size=64))
def test_random_bytes_are_a_frame_or_a_documented_error(data: bytes) -> None:
    try:
        parse_frame(data, max_length=32)
    except (PeerError, LimitError) as error:
        assert error.code in (Code.WIRE_FRAME, Code.LIMIT_FRAME)


def test_a_length_above_the_limit_is_refused_before_the_payload_arrives() -> None:
    header = HEADER.pack(b"TG", 1, Kind.DATA, 0, 101)
    with pytest.raises(LimitError) as caught:
        list(FrameReader(max_length=100).feed(header))
    assert caught.value.code is Code.LIMIT_FRAME
    assert not list(FrameReader(max_length=101).feed(header))


def test_a_websocket_message_must_hold_exactly_one_frame() -> None:
    frame = Frame(Kind.MESSAGE, b"abc").to_bytes()
    assert parse_frame(frame).payload == b"abc"
    for wrong in (frame + b"x", frame[:-1], frame + frame):
        with pytest.raises(PeerError):
            parse_frame(wrong)


@given(st.binary(max_size=400_000))
def test_data_frames_carry_all_bytes_in_order(data: bytes) -> None:
    assert b"".join(frame.payload for frame in data_frames(data)) == data
