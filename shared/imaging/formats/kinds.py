"""Tells the kind of a file from its first bytes, and names formats that are not read."""

from __future__ import annotations

from shared.imaging.formats.members import Member

HEAD = 512
"""Bytes that tell the kind of a file."""
ARCHIVES = {
    b"7z\xbc\xaf\x27\x1c": "a 7z archive; unpack it and send a zip",
    b"Rar!\x1a\x07": "a RAR archive; unpack it and send a zip",
    b"PK\x03\x04": "a zip within the upload; send that zip itself",
    b"\xfd7zXZ\0": "an xz archive; send a zip or tar.gz",
    b"BZh": "a bzip2 archive; send a zip or tar.gz",
    b"\x28\xb5\x2f\xfd": "a Zstandard archive; send a zip or tar.gz",
}
PICTURES = {
    b"\xff\xd8\xff": "a JPEG picture; send the DICOM, NIfTI or PNG slices",
    b"II*\0": "a TIFF picture; save its slices as PNG, or the volume as NIfTI",
    b"MM\0*": "a TIFF picture; save its slices as PNG, or the volume as NIfTI",
    b"GIF8": "a GIF picture; send the DICOM, NIfTI or PNG slices",
    b"%PDF": "a PDF document; send the scan itself",
}
_FIRST_GROUPS, _FIRST_ELEMENTS = (b"\x08\x00", b"\x02\x00"), (b"\x00\x00", b"\x01\x00", b"\x05\x00", b"\x16\x00")
"""Groups and elements with which a DICOM data set without preamble starts."""
META_IMAGE = "a MetaImage (MHA, MHD); save it as NIfTI, for example with 3D Slicer or SimpleITK"


def kind_of(member: Member) -> str | None:
    """Return png, dicom, nifti, pair, voxels (of a pair), nrrd, mgh, headless, or None for what is not read.

    `headless` is a DICOM data set without the 128-byte preamble.
    """
    head = member.head(HEAD)
    content = member.content_head(HEAD) if head.startswith(b"\x1f\x8b") else head
    name = member.name.lower().removesuffix(".gz")
    matches = {
        "png": head.startswith(b"\x89PNG\r\n\x1a\n"),
        "dicom": head[128:132] == b"DICM",
        "nifti": content[344:348] == b"n+1\0" or content[4:8] == b"n+2\0",
        "pair": content[344:348] == b"ni1\0" or content[4:8] == b"ni2\0" or _is_analyze(name, content),
        "voxels": name.endswith(".img"),
        "nrrd": content.startswith(b"NRRD000"),
        "mgh": content[:4] == b"\0\0\0\x01" and name.endswith((".mgh", ".mgz")),
        "headless": head[:2] in _FIRST_GROUPS and head[2:4] in _FIRST_ELEMENTS,
    }
    return next((kind for kind, matched in matches.items() if matched), None)


def _is_analyze(name: str, content: bytes) -> bool:
    return content[:4] in (b"\x5c\x01\0\0", b"\0\0\x01\x5c") and name.endswith(".hdr")


def describe_unread(members: list[Member]) -> str:
    """Return a sentence about files none of which is read: what they are and what to do, where that is known."""
    for member in members[:50]:
        content = member.content_head(HEAD)
        for start, sentence in (ARCHIVES | PICTURES).items():
            if content.startswith(start):
                return f"It is {sentence}."
        if content[257:262] == b"ustar":
            return "It is a tar archive within the upload; send that archive itself."
        if content.lstrip()[:10] in (b"ObjectType", b"NDims = 3\n") or content.startswith((b"NDims", b"ElementType")):
            return f"It is {META_IMAGE}."
    return "There is no DICOM, NIfTI, NRRD, MGH or PNG image in it."
