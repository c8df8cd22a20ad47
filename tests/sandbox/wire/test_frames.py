import io
import itertools

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sandbox.errors import Code, LimitError, PeerError
from sandbox.wire.frames import HEADER, Frame, FrameReader, Kind, data_frames, parse_frame, parse_header

FRAMES = st.builds(Frame, st.sampled_from(Kind), st.binary(max_size=60), st.integers(0, 2**32 - 1))


def whole(reader: FrameReader) -> list[Frame]:
    """The frames that have come."""
    frames = []
    while not reader.n_missing():
        frames.append(reader.take())
    return frames


@given(st.lists(FRAMES, max_size=8), st.data())
def test_any_split_of_the_stream_gives_the_same_frames_each_when_its_last_byte_has_come(frames: list[Frame], data: st.DataObject) -> None:
    stream = b"".join(frame.to_bytes() for frame in frames)
    ends = list(itertools.accumulate(len(frame.to_bytes()) for frame in frames))
    reader, found, position = FrameReader(), [], 0
    while position < len(stream):
        size = data.draw(st.integers(1, len(stream) - position))
        reader.feed(stream[position : position + size])
        position += size
        found += whole(reader)
        assert len(found) == sum(end <= position for end in ends)
        assert reader.is_between_frames == (position in ends)
    assert found == frames


@given(FRAMES, st.binary(max_size=30))
def test_whoever_reads_what_is_missing_reads_nothing_that_follows(frame: Frame, follows: bytes) -> None:
    stream, reader = io.BytesIO(frame.to_bytes() + follows), FrameReader()
    while n_missing := reader.n_missing():
        reader.feed(stream.read(n_missing))
    assert reader.take() == frame
    assert stream.read() == follows


@given(st.lists(FRAMES, max_size=3), st.binary(min_size=HEADER.size, max_size=HEADER.size), st.data())
def test_a_bad_header_is_refused_when_it_has_come_and_not_before(frames: list[Frame], bad: bytes, data: st.DataObject) -> None:
    try:
        parse_header(bad, max_length=60)
    except (PeerError, LimitError) as error:
        code = error.code
    else:
        assume(False)
    reader = FrameReader(max_length=60)
    cut = data.draw(st.integers(0, HEADER.size - 1))
    reader.feed(b"".join(frame.to_bytes() for frame in frames) + bad[:cut])
    assert whole(reader) == frames
    reader.feed(bad[cut:])
    with pytest.raises((PeerError, LimitError)) as refused:
        reader.n_missing()
    assert refused.value.code is code


def test_a_frame_that_has_not_come_cannot_be_taken() -> None:
    frame, reader = Frame(Kind.DATA, b"abc").to_bytes(), FrameReader()
    for piece in (b"", frame[:5], frame[5:-1]):
        reader.feed(piece)
        with pytest.raises(ValueError, match="no frame has come"):
            reader.take()
    reader.feed(frame[-1:])
    assert whole(reader) == [Frame(Kind.DATA, b"abc")]


@given(st.binary(max_size=64))
def test_random_bytes_are_a_frame_or_a_documented_error(data: bytes) -> None:
    try:
        parse_frame(data, max_length=32)
    except (PeerError, LimitError) as error:
        assert error.code in (Code.WIRE_FRAME, Code.LIMIT_FRAME)


def after(data: bytes, max_length: int) -> int:
    """What is missing after `data`."""
    reader = FrameReader(max_length)
    reader.feed(data)
    return reader.n_missing()


def test_a_length_above_the_limit_is_refused_before_the_payload_arrives() -> None:
    header = HEADER.pack(b"TG", 1, Kind.DATA, 0, 101)
    with pytest.raises(LimitError) as caught:
        after(header, max_length=100)
    assert caught.value.code is Code.LIMIT_FRAME
    assert after(header, max_length=101) == 101


def test_a_websocket_message_must_hold_exactly_one_frame() -> None:
    frame = Frame(Kind.MESSAGE, b"abc").to_bytes()
    assert parse_frame(frame).payload == b"abc"
    for wrong in (frame + b"x", frame[:-1], frame + frame):
        with pytest.raises(PeerError):
            parse_frame(wrong)


@given(st.binary(max_size=400_000))
def test_data_frames_carry_all_bytes_in_order(data: bytes) -> None:
    assert b"".join(frame.payload for frame in data_frames(data)) == data
