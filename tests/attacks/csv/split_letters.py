"""Letters of several bytes, cut between pieces at every byte: nothing is wrong with them."""

FILE = ("y,a,b\n" + "".join(f"{number % 7},{number % 13},{'größer' if number % 2 else 'kleiner'}\n" for number in range(300))).encode()


def pieces():
    for byte in FILE:
        yield bytes([byte])
