"""Every store keeps what it was given, complete or not at all."""

import hashlib
import urllib.request

import pytest

from shared.errors import NotFound, Unavailable
from shared.storage.base import Store, sha256
from shared.storage.connect import open_store
from shared.storage.local import LocalStore
from tests.support import contracts
from tests.support.s3 import CREDENTIALS


@pytest.fixture(params=contracts.STORES)
def store(request, tmp_path) -> Store:
    return contracts.STORES[request.param](request.getfixturevalue("s3") if request.param == "s3" else tmp_path)


def keep(store, tmp_path, key, content):
    source = tmp_path / "source"
    source.write_bytes(content)
    store.put(key, source)


def test_what_is_put_can_be_read_whole_and_in_parts(store, tmp_path):
    content = bytes(range(256)) * 9000
    keep(store, tmp_path, "jobs/a/b", content)
    assert b"".join(store.read("jobs/a/b")) == content
    assert b"".join(store.read("jobs/a/b", 100, 1_100_000)) == content[100:1_100_000]
    assert b"".join(store.read("jobs/a/b", len(content) - 3)) == content[-3:]
    with store.file("jobs/a/b") as path:
        assert path.read_bytes() == content


def test_put_overwrites(store, tmp_path):
    keep(store, tmp_path, "a/b", b"one")
    keep(store, tmp_path, "a/b", b"two")
    assert b"".join(store.read("a/b")) == b"two"


def test_unknown_keys_are_not_found_before_the_first_byte(store):
    with pytest.raises(NotFound):
        store.read("no/such")
    with pytest.raises(NotFound), store.file("no/such"):
        pass


def test_delete_removes_a_prefix_and_nothing_else_and_may_be_repeated(store, tmp_path):
    for key in ("jobs/a/x", "jobs/a/deep/y", "jobs/ab/z"):
        keep(store, tmp_path, key, b"1")
    store.delete("jobs/a/")
    store.delete("jobs/a/")
    assert list(store.keys()) == ["jobs/ab/z"]


@pytest.mark.parametrize("key", ["../x/y", "a/../../x", "/etc/passwd", "a//b", "a", "", "a/.b", "a/b\0"])
def test_keys_that_leave_the_store_are_refused(store, tmp_path, key):
    with pytest.raises(ValueError, match="store key"):
        keep(store, tmp_path, key, b"1")


def test_an_unfinished_write_is_never_seen(tmp_path):
    store = LocalStore(tmp_path / "s")
    with pytest.raises(Unavailable):
        store.put("a/b", tmp_path / "absent")
    assert list(store.keys()) == []


def test_sha256_of_a_file(tmp_path):
    (tmp_path / "f").write_bytes(b"abc")
    assert sha256(tmp_path / "f") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_unknown_kinds_of_store_are_refused():
    with pytest.raises(ValueError, match="ftp"):
        open_store("ftp://x")


def test_large_files_go_in_parts_and_come_back(s3, tmp_path):
    store = open_store(contracts.s3_bucket(s3))
    content = bytes(range(256)) * (80 * 1024)
    keep(store, tmp_path, "a/large", content * 2)
    assert b"".join(store.read("a/large", len(content) - 5, len(content) + 5)) == content[-5:] + content[:5]
    with store.file("a/large") as path:
        assert sha256(path) == hashlib.sha256(content * 2).hexdigest()


def test_unfinished_uploads_are_aborted(s3):
    store = open_store(contracts.s3_bucket(s3))
    store._client.create_multipart_upload(Bucket=store.bucket, Key=store.prefix + "jobs/a/x")
    assert store.abort_uploads("jobs/b/") == 0
    assert store.abort_uploads("jobs/a/") == 1
    assert store.abort_uploads("jobs/a/") == 0


def test_a_presigned_link_needs_no_credentials(s3, tmp_path):
    store = open_store(contracts.s3_bucket(s3))
    keep(store, tmp_path, "a/b", b"hello")
    with urllib.request.urlopen(store.link("a/b")) as answer:
        assert answer.read() == b"hello"


def test_a_server_that_is_away_is_unavailable_not_a_crash(monkeypatch, tmp_path):
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    store = open_store("s3://bucket/?endpoint=http://127.0.0.1:1")
    with pytest.raises(Unavailable):
        keep(store, tmp_path, "a/b", b"1")
    with pytest.raises(Unavailable):
        list(store.read("a/b"))


def test_parts_in_any_order_and_overwritten_become_one_object(store, tmp_path):
    sizes = {1: 5 * 2**20, 2: 5 * 2**20, 3: 7}  # S3 takes no smaller part before the last
    token = store.begin("scans/s/original")
    for number in (3, 1, 2, 1):
        part = tmp_path / "part"
        part.write_bytes(bytes([number]) * sizes[number])
        store.put_part("scans/s/original", token, number, part)
        assert not part.exists()
    assert store.parts("scans/s/original", token) == sizes
    assert list(store.keys()) == []
    store.finish("scans/s/original", token)
    assert b"".join(store.read("scans/s/original")) == b"".join(bytes([n]) * size for n, size in sizes.items())
    assert list(store.keys()) == ["scans/s/original"]
    for over in (token, "never"):
        with pytest.raises(NotFound):
            store.parts("scans/s/original", over)


def test_deleting_the_prefix_gives_up_parts_that_were_never_joined(store, tmp_path):
    token = store.begin("scans/s/original")
    (tmp_path / "part").write_bytes(b"x")
    store.put_part("scans/s/original", token, 1, tmp_path / "part")
    store.delete("scans/s/")
    with pytest.raises(NotFound):
        store.parts("scans/s/original", token)
