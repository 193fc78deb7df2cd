"""The web application as the gateway serves it: packed, cached, under a strict policy, and absent without harm."""

import gzip

import nibabel as nib
import pytest
from fastapi.testclient import TestClient

from services.api.app import create_app
from services.api.routes.page import _bucket_origin
from shared.imaging.phantoms import abdomen
from tests.services.api.test_jobs import assert_problem

SCRIPT = b"export const answer = 42;\n" * 40


@pytest.fixture
def built(tmp_path):
    folder = tmp_path / "web"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>Viscera</title>")
    (folder / "favicon.svg").write_text("<svg/>")
    (folder / "assets" / "main-abc123.js").write_bytes(SCRIPT)
    (tmp_path / "secret.js").write_text("outside")
    return folder


@pytest.fixture
def browser(app, settings, built):
    del app
    with TestClient(
        create_app(settings.model_copy(update={"web": built})),
        base_url="http://127.0.0.1:8000",
        client=("127.0.0.1", 50000),
    ) as made:
        yield made


def policy(answer):
    parts = (part.split(" ") for part in answer.headers["content-security-policy"].split("; "))
    return {name: values for name, *values in parts}


def test_page_comes_under_a_policy_without_inline_code(browser):
    answer = browser.get("/")
    rules = policy(answer)
    assert rules["default-src"] == ["'none'"]
    assert rules["script-src"] == rules["style-src"] == ["'self'"]
    assert not any("unsafe" in value for values in rules.values() for value in values)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert answer.headers["cache-control"] == "no-cache"


def test_monitors_may_ask_for_the_head_alone(browser):
    answer = browser.head("/")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == browser.get("/").headers["content-type"]


def test_assets_are_packed_and_kept_for_ever(browser):
    answer = browser.get("/assets/main-abc123.js", headers={"Accept-Encoding": "gzip"})
    assert answer.content == SCRIPT
    assert answer.headers["content-encoding"] == "gzip"
    assert int(answer.headers["content-length"]) < len(SCRIPT) / 4
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-type"].startswith("text/javascript")
    assert "content-encoding" not in browser.get("/assets/main-abc123.js", headers={"Accept-Encoding": ""}).headers


def test_a_known_file_is_not_sent_again(browser):
    tag = browser.get("/").headers["etag"]
    again = browser.get("/", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("path", ["/assets/..%2F..%2Fsecret.js", "/assets/..%2Findex.html", "/assets/nothing.js"])
def test_only_built_files_are_served(browser, path):
    assert_problem(browser.get(path), 404, "not_found")


def test_without_a_built_application_the_page_says_so(app):
    with TestClient(app, base_url="http://127.0.0.1:8000", client=("127.0.0.1", 50000)) as nobody:
        answer = nobody.get("/")
        assert answer.status_code == 200
        assert "was not built" in answer.text
        assert nobody.get("/v1/jobs").status_code == 200
        assert_problem(nobody.get("/assets/main.js"), 404, "not_found")


def test_sample_is_the_phantom(client, tmp_path):
    path = tmp_path / "sample.nii.gz"
    path.write_bytes(client.get("/sample.nii.gz").content)
    assert gzip.decompress(path.read_bytes())[344:347] == b"n+1"
    image, truth = nib.load(path), abdomen().volume
    assert (truth.data == image.dataobj[...].T).all()
    assert (image.affine == truth.geometry.ras).all()


def test_sample_needs_a_key(app):
    with TestClient(app) as nobody:
        assert_problem(nobody.get("/sample.nii.gz"), 401, "unauthorized")


def test_address_for_other_machines_is_told_to_those_who_signed_in(app, settings):
    del app
    changed = settings.model_copy(update={"public_url": "https://10.0.0.5:8443", "loopback": False})
    with TestClient(create_app(changed), base_url="https://viscera.example") as browser:
        told = browser.get("/web.json").json()
        assert (told["signed_in"], told["public_url"]) == (False, None)
        assert browser.post("/v1/session", json={"key": "vsk_test"}).status_code == 204
        told = browser.get("/web.json").json()
        assert (told["signed_in"], told["public_url"]) == (True, "https://10.0.0.5:8443")


def test_parts_may_go_to_the_bucket_and_nowhere_else():
    assert _bucket_origin("file:///data/store") == ""
    assert _bucket_origin("s3://scans/a?endpoint=http://s3:8333&region=eu") == "http://s3:8333"
    assert _bucket_origin("s3://scans?region=eu") == "https://*.amazonaws.com"
