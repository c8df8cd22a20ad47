"""A site that replies with a pickle."""

import pickle

from sandbox.wire.codec import encode
from sandbox.wire.frames import Frame, Kind
from sandbox.wire.link import Hello


def frames():
    hello = Frame(Kind.MESSAGE, encode(Hello(1, "boot", "", 0))).to_bytes()
    return [hello, Frame(Kind.MESSAGE, pickle.dumps({"rows": [1, 2]}), 1).to_bytes()]
