"""Names that pages, paths and formats would choke on; they are names."""


def pieces():
    yield b'y,a,b,<script>alert(1)</script>,../../etc/passwd,{0.__class__},"x""y"\n'
    for number in range(300):
        yield b"%d,%d,%d,1,2,3,4\n" % (number % 7, number % 13, number % 2)
