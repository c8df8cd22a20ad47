"""Surrogates in UTF-8, which lenient decoders let through and strict encoders break on."""


def pieces():
    yield b"y,a,b\n1,\xed\xa0\x80,1\n4,5,0\n"
