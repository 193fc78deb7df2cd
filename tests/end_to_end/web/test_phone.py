"""Phones: the page offers what the device can do."""

import base64
from urllib.parse import parse_qs, urlsplit

import httpx
from pxr import Usd

from tests.end_to_end.web.steps import shot

QUICK_LOOK = """
const supports = DOMTokenList.prototype.supports;
DOMTokenList.prototype.supports = function (token) { return token === "ar" || supports.call(this, token); };
const click = HTMLAnchorElement.prototype.click;
HTMLAnchorElement.prototype.click = function () {
  if (this.rel !== "ar") return click.call(this);
  window.opened = fetch(this.href).then(async (answer) => ({
    type: answer.headers.get("content-type"), child: this.firstElementChild?.tagName,
    bytes: btoa(Array.from(new Uint8Array(await answer.arrayBuffer()), (byte) => String.fromCharCode(byte)).join("")),
  }));
};
"""
"""A browser that has Quick Look, as Safari on iPhones, and that keeps what it would open."""
SCENE_VIEWER = """
HTMLAnchorElement.prototype.click = function () { window.opened = this.href; };
"""
"""A browser that keeps the address which it would open."""
ANDROID = "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Firefox/140.0 Mobile"
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}


def test_a_guest_with_an_iphone_sees_the_organs_in_the_room(opened, served, result, tmp_path):
    with served.client() as client:
        token = client.post(f"/v1/jobs/{result}/share", json={"seconds": 600}).json()["token"]
    page = opened(QUICK_LOOK, **PHONE)
    page.goto(f"{served.url}/#/shared/{token}")
    page.get_by_role("button", name="In your room").click()
    page.wait_for_function("() => window.opened")
    shot(page, "phone-ar")
    file = page.evaluate("() => window.opened")
    assert (file["type"], file["child"]) == ("model/vnd.usdz+zip", "IMG")
    path = tmp_path / "model.usdz"
    path.write_bytes(base64.b64decode(file["bytes"]))
    stage = Usd.Stage.Open(str(path))
    names = [prim.GetName() for prim in stage.GetDefaultPrim().GetChildren()]
    assert names == ["stomach", "small_bowel", "large_bowel"]


def test_a_guest_with_an_android_phone_without_webxr_gets_scene_viewer(opened, served, result):
    with served.client() as client:
        token = client.post(f"/v1/jobs/{result}/share", json={"seconds": 600}).json()["token"]
        glb = client.get(f"/v1/jobs/{result}/model.glb").content
    page = opened(SCENE_VIEWER, user_agent=ANDROID, **PHONE)
    page.goto(f"{served.url}/#/shared/{token}")
    page.get_by_role("button", name="In your room").click()
    page.wait_for_function("() => window.opened")
    address = page.evaluate("() => window.opened")
    assert address.startswith("intent://arvr.google.com/scene-viewer/")
    (file,) = parse_qs(urlsplit(address).query)["file"]
    assert token not in address
    assert httpx.get(file).content == glb
