"""Files that were made to harm: bombs, liars, tricks with names, damage. None of them is a scan that could be used."""

from __future__ import annotations

import gzip
import io
import pickle
import random
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, JPEG2000Lossless, RLELossless

from shared.imaging.phantoms import abdomen
from tests.support.scans import small_grid, write_dicom, write_nifti, write_png, write_zip

File = tuple[str, bytes]
ZEROS = 64 * 2**20


def corpus(folder: Path) -> list[File]:
    """(name, content) of every file; `folder` is for what must be written first. The same files every time."""
    volume = abdomen(small_grid(shape=(6, 24, 24))).volume
    nifti = write_nifti(folder / "good.nii", volume).read_bytes()
    pictures = write_zip(folder / "png.zip", write_png(folder / "png", volume)).read_bytes()
    dicom = write_dicom(folder / "dicom", volume)
    series = write_zip(folder / "dicom.zip", dicom).read_bytes()
    picture = next((folder / "png").rglob("*.png"))
    made = [
        *_plain(), *_zips(picture), *_pngs(picture), *_niftis(nifti), *_dicoms(sorted(dicom.iterdir())), *_pickles(),
        *_cut("nifti", nifti), *_cut("nifti-gz", gzip.compress(nifti)), *_cut("png-zip", pictures),
        *_cut("dicom-zip", series), *_noise("nifti-header", nifti[:348], nifti[348:400]),
    ]  # fmt: skip
    assert len({name for name, _ in made}) == len(made)
    return made


def _plain() -> Iterator[File]:
    yield "one-byte", b"\0"
    yield "random", random.Random(1).randbytes(4096)
    yield "html", b"<!doctype html><script>alert(1)</script>"
    yield "entities", b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "' + b"x" * 100 + b'">]><l>&a;&a;</l>'
    yield "pdf", b"%PDF-1.7\n%%EOF"
    yield "elf", b"\x7fELF" + b"\0" * 200
    yield "tar", b"scan.nii" + b"\0" * 504
    yield "gzip-bomb", gzip.compress(b"\0" * ZEROS, 9)
    yield "gzip-of-gzip-bomb", gzip.compress(gzip.compress(b"\0" * ZEROS, 9))
    yield "gzip-header-only", gzip.compress(b"")[:10]
    yield "text-that-says-dicm", b" " * 128 + b"DICM" + b"hello" * 50


def _zips(picture: Path) -> Iterator[File]:
    bomb = _zip({"slice_0001_8192_8192_1.00_1.00.png": b"\0" * ZEROS})
    yield "zip-empty", _zip({})
    yield "zip-of-folders", _zip({"a/": b"", "b/c/": b""})
    yield "zip-bomb", bomb
    nested = bomb
    for depth in range(1, 4):
        nested = _zip({f"inner{depth}.zip": nested})
        yield f"zip-bomb-nested-{depth}", nested
    yield "zip-many-entries", _zip({f"{n}.png": b"" for n in range(20_001)})
    for trick in (
        "../../../../tmp/escaped.png", "/etc/passwd", "C:\\windows\\x.png", "..\\..\\x.png", "a/../../b.png",
        "nul\0byte.png", "x" * 5000 + ".png", "\u202egnp.exe", ".hidden.png", "__MACOSX/x.png", "scans/../../x.png",
        "CON",
    ):  # fmt: skip
        yield f"zip-name-{len(trick)}-{trick[:4]!r}", _zip({trick: b"not an image"})
    link = zipfile.ZipInfo("slice_0001_4_4_1.00_1.00.png")
    link.external_attr = 0o120777 << 16
    yield "zip-symlink", _zip({link: b"/etc/passwd"})
    for size in (0, 1, 2**31, 2**32 - 2):
        yield f"zip-lies-about-size-{size}", _lying(picture.name, picture.read_bytes(), size)
    yield "zip-overlapping", _overlapping(picture.name, picture.read_bytes(), 200)
    yield "zip-encrypted", _flagged(_zip({picture.name: picture.read_bytes()}), 1)
    yield "zip-unknown-method", _method(_zip({picture.name: picture.read_bytes()}), 97)
    whole = _zip({picture.name: picture.read_bytes()})
    yield "zip-wrong-crc", whole.replace(struct.pack("<I", zlib.crc32(picture.read_bytes())), b"\1\2\3\4")
    yield "zip-duplicate-names", _twice(picture.name, picture.read_bytes())
    yield "zip-end-record-alone", b"PK\5\6" + b"\0" * 18
    yield "zip-end-record-that-claims", b"PK\5\6" + b"\0\0\0\0\xff\xff\xff\xff" + b"\xff" * 8 + b"\0\0"
    yield "zip-two-kinds", _zip({picture.name: picture.read_bytes(), "scan.nii": b"\x5c\x01\0\0" + b"\0" * 400})


def _pngs(picture: Path) -> Iterator[File]:
    whole = picture.read_bytes()
    for width, height in ((2**31 - 1, 2**31 - 1), (65535, 65535), (0, 8), (8, 0), (2**31, 1), (30000, 30000)):
        yield f"png-claims-{width}x{height}", _stack(lambda w=width, h=height: _header(whole, w, h))
        sizes = f"_{width}_{height}_1.00_1.00.png"
        yield f"png-and-name-claim-{width}x{height}", _stack(lambda w=width, h=height: _header(whole, w, h), sizes)
    for depth, colour in ((16, 2), (8, 3), (8, 6), (3, 0), (255, 255), (1, 4)):
        yield f"png-depth-{depth}-colour-{colour}", _stack(lambda d=depth, c=colour: _kind(whole, d, c))
    yield "png-data-bomb", _stack(lambda: _png(8, 8, zlib.compress(b"\0" * ZEROS, 9)))
    yield "png-too-little-data", _stack(lambda: _png(64, 64, zlib.compress(b"\0" * 10)))
    yield (
        "png-text-bomb",
        _stack(
            lambda: _png(
                8, 8, zlib.compress(b"\0" * 72), _chunk(b"zTXt", b"k\0\0" + zlib.compress(b"\0" * ZEROS, 9)), junk=True
            )
        ),
    )
    yield "png-wrong-crc", _stack(lambda: whole[:40] + bytes([whole[40] ^ 255]) + whole[41:])
    yield (
        "png-no-data",
        _stack(lambda: b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0))),
    )
    yield "png-signature-alone", _stack(lambda: b"\x89PNG\r\n\x1a\n")
    yield "png-chunk-that-claims-4-gib", _stack(lambda: whole[:33] + b"\xff\xff\xff\xffIDAT")
    yield "png-alone", whole
    yield "png-gap-in-numbers", _zip({f"slice_000{n}_24_24_7.00_6.00.png": whole for n in (1, 3)})
    for spacing in ("0.00", "-1.00", "nan", "inf", "1e999", "9" * 400):
        yield f"png-spacing-{spacing[:6]}", _zip({f"slice_000{n}_24_24_{spacing}_{spacing}.png": whole for n in (1, 2)})


def _niftis(good: bytes) -> Iterator[File]:
    def changed(name: str, at: int, form: str, *values: float) -> File:
        return f"nifti-{name}", good[:at] + struct.pack(form, *values) + good[at + struct.calcsize(form) :]

    yield changed("claims-giga", 40, "<8h", 3, 32767, 32767, 32767, 1, 1, 1, 1)
    for count in (-1, 0, 1, 2, 4, 7, 8, 32767):
        yield changed(f"dimensions-{count}", 40, "<h", count)
    for size in (-5, 0, 32767):
        yield changed(f"size-{size}", 42, "<h", size)
    yield changed("four-volumes", 40, "<8h", 4, 24, 24, 6, 9, 1, 1, 1)
    for kind in (0, 1, 32, 128, 1280, 1536, 2048, 2304, -1):
        yield changed(f"type-{kind}", 70, "<h", kind)
    for name, value in (
        ("nan", float("nan")),
        ("huge", 1e30),
        ("negative", -5.0),
        ("inside", 10.0),
        ("inf", float("inf")),
    ):
        yield changed(f"offset-{name}", 108, "<f", value)
    for name, value in (("nan", float("nan")), ("inf", float("inf"))):
        yield changed(f"slope-{name}", 112, "<f", value)
    yield changed("zero-affine", 280, "<12f", *[0.0] * 12)
    yield changed("nan-affine", 280, "<12f", *[float("nan")] * 12)
    yield changed("flat-affine", 280, "<12f", *([1, 0, 0, 0] * 3))
    yield "nifti-magic-wrong", good[:344] + b"nope" + good[348:]
    yield "nifti-header-of-a-pair", good[:344] + b"ni1\0" + good[348:]
    yield "nifti-says-it-is-analyze", good[:344] + b"\0\0\0\0" + good[348:]
    yield "nifti-header-alone", good[:348]
    yield (
        "nifti-2-that-claims",
        b"\x1c\x02\0\0n+2\0\r\n\x1a\n" + struct.pack("<hh8q", 4, 16, 3, *[2**40] * 7) + b"\0" * 500,
    )
    yield "nifti-gz-that-claims", gzip.compress(good[:42] + struct.pack("<3h", 8000, 8000, 8000) + good[48:352])


def _dicoms(paths: list[Path]) -> Iterator[File]:
    def changed(name: str, **attributes: object) -> File:
        files = {}
        for path in paths:
            data = dcmread(path)
            for key, value in attributes.items():
                if value is None:
                    delattr(data, key)
                else:
                    setattr(data, key, value)
            files[path.name] = _written(data)
        return f"dicom-{name}", _zip(files)

    yield changed("claims-giga", Rows=65535, Columns=65535)
    yield changed("rows-without-data", Rows=60000)
    yield changed("no-pixels", PixelData=None)
    yield changed("few-pixels", PixelData=b"\0\0")
    for bits in (0, 1, 7, 64, 65535):
        yield changed(f"bits-{bits}", BitsAllocated=bits)
    yield changed("three-samples", SamplesPerPixel=3)
    yield changed("no-spacing", PixelSpacing=None)
    yield changed("zero-spacing", PixelSpacing=[0, 0])
    yield changed("negative-spacing", PixelSpacing=[-1, -1])
    yield changed("no-position", ImagePositionPatient=None)
    yield changed("one-position", ImagePositionPatient=[0, 0, 0])
    yield changed("no-orientation", ImageOrientationPatient=None)
    yield changed("zero-orientation", ImageOrientationPatient=[0, 0, 0, 0, 0, 0])
    yield changed("parallel-orientation", ImageOrientationPatient=[1, 0, 0, 1, 0, 0])
    yield changed("palette", PhotometricInterpretation="PALETTE COLOR")
    yield changed("no-class", SOPClassUID=None)
    first = paths[0].read_bytes()
    yield "dicom-one-slice", first
    for magic, front in {"zip": b"PK\3\4", "pe": b"MZ", "png": b"\x89PNG\r\n\x1a\n", "gif": b"GIF89a"}.items():
        yield f"dicom-preamble-{magic}", front.ljust(128, b"\0") + first[128:]
    for share in (0.2, 0.4, 0.6, 0.8, 0.95):
        yield f"dicom-cut-{share}", _zip({p.name: p.read_bytes()[: int(p.stat().st_size * share)] for p in paths})
    for number in (10**6, 2**31 - 1):
        yield f"dicom-frames-{number}", _zip({p.name: _frames(p, number) for p in paths})
    for syntax in (JPEG2000Lossless, RLELossless, "1.2.3.4.5", "1.2.840.10008.1.2.4.50"):
        yield f"dicom-mislabelled-{syntax}", _zip({p.name: _relabelled(p, syntax) for p in paths})
    yield "dicom-deflated-bomb", _zip({p.name: _deflated(p, b"\0" * ZEROS) for p in paths[:2]})
    yield "dicom-deflated-damage", _zip({p.name: _deflated(p, b"") + b"\xff" * 99 for p in paths})
    yield "dicom-deep", _zip({p.name: _nested(p, 3000) for p in paths[:2]})
    yield "dicom-length-beyond", first[:-8] + b"\xff\xff\xff\xfe" * 2
    yield "dicom-two-series", _zip({p.name: _series(p, n) for n, p in enumerate(paths)})


def _pickles() -> Iterator[File]:
    class Harm:
        def __reduce__(self):
            return (print, ("harm",))

    buffer = io.BytesIO()
    np.save(buffer, np.array([Harm()], dtype=object), allow_pickle=True)
    yield "npy-pickled", buffer.getvalue()
    yield "npy-in-zip", _zip({"data.npy": buffer.getvalue()})
    yield (
        "npy-header-that-evaluates",
        b"\x93NUMPY\1\0" + struct.pack("<H", 60) + b"__import__('os').system('x')".ljust(60),
    )
    yield "pickle", pickle.dumps(Harm())


def _cut(name: str, whole: bytes) -> Iterator[File]:
    for share in (0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99):
        yield f"{name}-cut-{share}", whole[: int(len(whole) * share)]


def _noise(name: str, head: bytes, tail: bytes) -> Iterator[File]:
    dice = random.Random(4)
    for number in range(8):
        damaged = bytearray(head)
        for _ in range(40):
            damaged[dice.randrange(4, 344)] = dice.randrange(256)
        yield f"{name}-noise-{number}", bytes(damaged) + tail


def _zip(files: dict) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def _twice(name: str, content: bytes) -> bytes:
    import warnings

    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w") as archive:
        warnings.simplefilter("ignore")
        for _ in range(2):
            archive.writestr(name, content)
    return buffer.getvalue()


def _lying(name: str, content: bytes, size: int) -> bytes:
    """The central directory claims another size than the data has."""
    whole = bytearray(_zip({name: content}))
    at = whole.rindex(b"PK\1\2") + 24
    whole[at : at + 4] = struct.pack("<I", size)
    return bytes(whole)


def _overlapping(name: str, content: bytes, times: int) -> bytes:
    """Many entries of the directory share one piece of data (Fifield, "A better zip bomb", 2019)."""
    whole = _zip({name: content})
    start = whole.rindex(b"PK\1\2")
    end = whole.rindex(b"PK\5\6")
    entry = whole[start:end]
    directory = b"".join(entry.replace(b"_0001_", f"_{n:04d}_".encode()) for n in range(1, times + 1))
    record = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, times, times, len(directory), start, 0)
    return whole[:start] + directory + record


def _flagged(whole: bytes, flag: int) -> bytes:
    at = whole.rindex(b"PK\1\2")
    return whole[:6] + struct.pack("<H", flag) + whole[8 : at + 8] + struct.pack("<H", flag) + whole[at + 10 :]


def _method(whole: bytes, method: int) -> bytes:
    at = whole.rindex(b"PK\1\2")
    return whole[:8] + struct.pack("<H", method) + whole[10 : at + 10] + struct.pack("<H", method) + whole[at + 12 :]


def _stack(make, sizes: str = "_24_24_7.00_6.00.png") -> bytes:
    return _zip({f"slice_{n:04d}{sizes}": make() for n in (1, 2)})


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png(width: int, height: int, data: bytes, *extra: bytes, junk: bool = False) -> bytes:
    head = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    rest = b"" if junk else _chunk(b"IDAT", data) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(extra) + rest


def _header(whole: bytes, width: int, height: int) -> bytes:
    return whole[:8] + _chunk(b"IHDR", struct.pack(">II", width, height) + whole[24:29]) + whole[33:]


def _kind(whole: bytes, depth: int, colour: int) -> bytes:
    return whole[:8] + _chunk(b"IHDR", whole[16:24] + bytes([depth, colour]) + whole[26:29]) + whole[33:]


def _written(data: Dataset) -> bytes:
    buffer = io.BytesIO()
    data.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def _frames(path: Path, number: int) -> bytes:
    data = dcmread(path)
    data.NumberOfFrames = number
    return _written(data)


def _relabelled(path: Path, syntax: str) -> bytes:
    """Another transfer syntax in the header than the pixels are in."""
    return path.read_bytes().replace(b"1.2.840.10008.1.2.1\0", syntax.encode()[:20].ljust(20, b"\0"))


def _deflated(path: Path, more: bytes) -> bytes:
    data = dcmread(path)
    data.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    if more:
        data.PixelData = more
    return _written(data)


def _nested(path: Path, depth: int) -> bytes:
    """Sequences in sequences, of undefined length, deeper than a recursive reader can follow."""
    opened = b"\x08\0\x15\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff"
    closed = b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
    whole = path.read_bytes()
    at = whole.index(b"\x08\0\x60\0CS")
    return whole[:at] + b"\x08\0\x15\x11SQ\0\0\xff\xff\xff\xff" + opened[12:] * depth + closed * depth + whole[at:]


def _series(path: Path, number: int) -> bytes:
    data = dcmread(path)
    data.SeriesInstanceUID = f"1.2.3.{number}"
    return _written(data)
