"""A compressed archive that would unpack to gigabytes, should anything unpack it."""

import io
import zipfile


def pieces():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data.csv", b"0" * (32 << 20))
    yield buffer.getvalue()
