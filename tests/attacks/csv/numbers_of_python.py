"""Numbers as only Python writes them: 1_000, 0x10, full-width digits."""


def pieces():
    yield "y,a,b\n".encode() + b"1,2,1\n3,4,0\n" * 100 + "1_000,0x10,1\n１２,1j,0\n".encode()
