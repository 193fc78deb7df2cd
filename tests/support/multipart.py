"""Bodies of STOW-RS, whole and damaged."""

import io

import pydicom

BOUNDARY = "b0undary"


def multipart(files, boundary=BOUNDARY, final=True, closing=b"\r\n"):
    """A multipart/related body of DICOM files."""
    body = b"".join(
        b"--" + boundary.encode() + b"\r\nContent-Type: application/dicom\r\n\r\n" + file + b"\r\n" for file in files
    )
    return body + (b"--" + boundary.encode() + b"--" + closing if final else b"")


def content_type(boundary=BOUNDARY, quoted=True):
    """The Content-Type of such a body."""
    kind = '"application/dicom"' if quoted else "application/dicom"
    return f"multipart/related; type={kind}; boundary={boundary}"


def with_uid(file: bytes, **attributes) -> bytes:
    """The file with other attributes and the instance UID in its header that it has in its data."""
    data = pydicom.dcmread(io.BytesIO(file))
    for name, value in attributes.items():
        setattr(data, name, value)
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    out = io.BytesIO()
    data.save_as(out)
    return out.getvalue()


def mutate(rng, body):
    """The body with one to eight bytes or stretches changed, removed, added or repeated."""
    changed = bytearray(body)
    for _ in range(rng.choice([1, 1, 2, 8])):
        at = rng.randrange(len(changed))
        kind = rng.randrange(4)
        if kind == 0:
            changed[at] = rng.randrange(256)
        elif kind == 1:
            del changed[at : at + rng.randrange(1, 40)]
        elif kind == 2:
            changed[at:at] = rng.randbytes(rng.randrange(1, 20))
        else:
            start = rng.randrange(len(changed))
            changed[at:at] = changed[start : start + rng.randrange(1, 200)]
        if not changed:
            break
    return bytes(changed)
