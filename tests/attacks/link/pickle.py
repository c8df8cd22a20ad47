"""A site that replies with a pickle."""

import pickle

from sandbox.wire.codec import encode
from sandbox.wire.frames import Frame, Kind
from sandbox.wire.link import PROTOCOL, Hello


def frames():
    hello = Frame(Kind.MESSAGE, encode(Hello(PROTOCOL, "boot", "", 0))).to_bytes()
    return [hello, Frame(Kind.MESSAGE, pickle.dumps({"rows": [1, 2]}), 1).to_bytes()]
