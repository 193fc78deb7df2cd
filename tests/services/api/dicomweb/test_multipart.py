"""Whatever the chunks, a body comes apart in the same way; nothing ill-formed gets through, nothing grows."""

import random

import pytest

from services.api.dicomweb.multipart import MAX_HEADERS, Begin, Data, End, Parser, parse_media_type
from shared.errors import BadRequest

PARTS = [b"", b"\r\n", b"abc\r\n--b0undar", b"\x00" * 5000, b"--b0undar", b"tail\r\n-", b"\r", b"\r\n\r\n--"]


def body(parts=PARTS, head=b"", tail=b"--\r\n"):
    pieces = [b"--b0undary\r\nContent-Type: application/dicom\r\nX-A: 1\r\n\r\n" + part + b"\r\n" for part in parts]
    return head + b"".join(pieces) + b"--b0undary" + tail


def parse(content, sizes):
    parser, parts, start = Parser("b0undary"), [], 0
    events = []
    while start < len(content):
        size = next(sizes)
        events += parser.feed(content[start : start + size])
        start += size
    events += parser.finish()
    for event in events:
        if isinstance(event, Begin):
            parts.append((event.headers, bytearray()))
        elif isinstance(event, Data):
            parts[-1][1].extend(event.content)
    assert sum(isinstance(event, End) for event in events) == len(parts)
    return [(headers, bytes(content)) for headers, content in parts]


@pytest.mark.parametrize("seed", range(60))
def test_any_chunks_give_the_same_parts(seed):
    rng = random.Random(seed)
    sizes = iter(lambda: rng.choice([1, 2, 3, 7, 50, 4096]), None)
    parts = parse(
        body(head=rng.choice([b"", b"preamble\r\n"]), tail=rng.choice([b"--", b"--\r\n", b"--\r\nrest"])), sizes
    )
    assert [content for _, content in parts] == PARTS
    assert all(headers == {"content-type": "application/dicom", "x-a": "1"} for headers, _ in parts)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        body()[:-4],
        body(tail=b""),
        body(tail=b"-\r\n"),
        b"x" * 70_000,
        b"--b0undary\r\n" + b"a: b\r\n" * 4000,
        b"--b0undary\r\nnocolon\r\n\r\nx\r\n--b0undary--",
        b"--b0undaryX\r\n\r\nx\r\n--b0undary--",
        b"--b0undary" + b" " * (MAX_HEADERS + 1),
    ],
)
def test_what_is_ill_formed_is_refused(content):
    with pytest.raises(BadRequest) as caught:
        parse(content, iter(lambda: 100, None))
    assert caught.value.code == "bad_multipart"


@pytest.mark.parametrize("boundary", ["", "x" * 201, "a\r\nb", "ends with blank ", "ä"])
def test_what_is_no_boundary_is_refused(boundary):
    with pytest.raises(BadRequest):
        Parser(boundary)


def test_the_parser_keeps_no_more_than_a_chunk(monkeypatch):
    parser = Parser("b0undary")
    list(parser.feed(b"--b0undary\r\n\r\n"))
    for _ in range(200):
        assert sum(len(event.content) for event in parser.feed(b"\r\n--b0undar" * 1000)) > 0
        assert len(parser._buffer) < 100


def test_media_types_come_with_quoted_and_unquoted_parameters():
    assert parse_media_type('Multipart/Related; type="application/dicom" ;boundary=a-b; x="q\\"z"') == (
        "multipart/related",
        {"type": "application/dicom", "boundary": "a-b", "x": 'q"z'},
    )
