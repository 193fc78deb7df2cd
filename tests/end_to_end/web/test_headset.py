"""The headset view in an emulated Meta Quest 3 (iwer): every act of the hands is checked on the scene's state."""

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.end_to_end.web.steps import scene, shot, show
from tests.end_to_end.web.test_correct import corrected
from tests.end_to_end.web.test_correct import part as connected
from tests.support.packages import installed

__all__ = ["corrected"]
HOME = {"left": [-0.25, 1.5, -0.4], "right": [0.25, 1.5, -0.4]}


@pytest.fixture(scope="module")
def emulator():
    folder, _ = installed()
    runtime = (folder / "node_modules" / "iwer" / "build" / "iwer.min.js").read_text()
    start = "window.device = new IWER.XRDevice(IWER.metaQuest3); device.installRuntime({forceInstall: true});"
    return f"{runtime};\n{start}"


class Wearer:
    """Somebody with two controllers, who waits for the scene to follow."""

    def __init__(self, page):
        self.page = page

    def frames(self, count=3):
        first = scene(self.page)["xr"]["frames"]
        self.page.wait_for_function(f"() => (viscera.scene().xr?.frames ?? 1e9) >= {first + count}", timeout=30_000)

    def place(self, hand, position, turn=(0, 0, 0, 1)):
        self.page.evaluate(
            "([hand, p, q]) => { const c = device.controllers[hand]; c.position.set(...p); c.quaternion.set(...q); }",
            [hand, list(map(float, position)), list(map(float, turn))],
        )

    def rest(self):
        """Both hands at home, the organs at life size before the wearer."""
        self.row("reset")
        for hand, position in HOME.items():
            self.place(hand, position)
        self.frames()

    def aim(self, hand, target):
        """Holds the controller at its home and points its ray (-Z) at a place in the world."""
        forward = np.array(target, float) - HOME[hand]
        forward /= np.linalg.norm(forward)
        axis = np.array([*np.cross([0, 0, -1], forward), 1 - forward[2]])
        self.place(hand, HOME[hand], axis / np.linalg.norm(axis))
        self.frames()

    def button(self, hand, name, value):
        self.page.evaluate(
            "([hand, name, value]) => device.controllers[hand].updateButtonValue(name, value)", [hand, name, value]
        )
        self.frames(2)

    def press(self, hand="right"):
        """Presses and lets go within the page, two frames apart: a tap stays short however slow this machine is."""
        self.page.evaluate(
            """async (hand) => {
                const set = (value) => device.controllers[hand].updateButtonValue("trigger", value);
                const frames = () => viscera.scene().xr?.frames ?? Infinity;
                set(1);
                const until = frames() + 2;
                while (frames() < until) await new Promise((next) => setTimeout(next, 1));
                set(0);
            }""",
            hand,
        )
        self.frames(2)

    def row(self, name):
        """Presses a row of the board."""
        rows = scene(self.page)["xr"]["rows"]
        self.aim("left", next(row["at"] for row in rows if row["id"] == name))
        self.press("left")

    def find(self, name):
        """Points about an organ until the ray meets it."""
        organ = next(organ for organ in scene(self.page)["organs"] if organ["name"] == name)
        low, high = np.array(organ["low"]), np.array(organ["high"])
        for part in (
            [0.5, 0.5, 0.5],
            [0.5, 0.8, 0.5],
            [0.7, 0.6, 0.6],
            [0.2, 0.4, 0.6],
            [0.8, 0.4, 0.6],
            [0.3, 0.8, 0.5],
        ):
            self.aim("right", low + (high - low) * part)
            if scene(self.page)["xr"]["pointing"] == name:
                return
        raise AssertionError(f"no way to point at {name}")


@pytest.fixture(scope="module")
def wearer(kept, served, result, emulator):
    return entered(kept(emulator, viewport={"width": 800, "height": 450}), served, result)


def entered(page, served, job):
    """Somebody who opened a job and entered the headset view."""
    show(page, served.url, job)
    page.get_by_role("button", name="Enter VR").click()
    page.wait_for_function("() => viscera.scene().xr?.placed", timeout=60_000)
    return Wearer(page)


def organ(page, name):
    return next(organ for organ in scene(page)["organs"] if organ["name"] == name)


def test_organs_stand_to_scale_before_the_wearer_and_within_budget(wearer, served, result):
    wearer.frames()
    seen = scene(wearer.page)
    with served.client() as client:
        report = client.get(f"/v1/jobs/{result}/report.json").json()
    for told in report["organs"]:
        low, high = np.array(told["bounding_box_lps_mm"])
        found = organ(wearer.page, told["name"])
        size = (np.array(found["high"]) - found["low"])[[0, 2, 1]] * 1000
        assert size == pytest.approx(high - low, abs=2.0), "a millimetre is a millimetre"
        assert -1.0 < found["low"][2] < found["high"][2] < -0.2, "before the wearer, who looks along -Z"
    assert seen["root"]["scale"] == 1
    assert seen["xr"]["calls"] <= 15
    assert seen["triangles"] <= 150_000
    wearer.page.evaluate("device.stereoEnabled = true")
    wearer.frames()
    shot(wearer.page, "headset-stereo")


def test_pointing_reads_and_pressing_hides(wearer):
    page = wearer.page
    wearer.rest()
    wearer.find("stomach")
    reads = scene(page)["xr"]["reads"]
    assert reads.startswith("Stomach\n")
    assert reads.endswith(" mL")
    shot(page, "headset-reads")
    wearer.press()
    assert not organ(page, "stomach")["visible"]
    assert scene(page)["xr"]["pointing"] != "stomach"
    wearer.row("stomach")
    assert organ(page, "stomach")["visible"]


def test_one_hand_carries_and_two_scale_and_turn(wearer):
    page = wearer.page
    wearer.rest()
    start = scene(page)["root"]
    wearer.button("right", "squeeze", 1)
    assert scene(page)["xr"]["grabbing"] == 1
    wearer.place("right", np.add(HOME["right"], [0.0, 0.1, 0.05]))
    wearer.frames()
    wearer.button("right", "squeeze", 0)
    moved = scene(page)["root"]
    assert np.subtract(moved["position"], start["position"]) == pytest.approx([0.0, 0.1, 0.05], abs=1e-3)
    assert moved["scale"] == pytest.approx(1.0)

    wearer.place("left", [-0.1, 1.4, -0.4])
    wearer.place("right", [0.1, 1.4, -0.4])
    wearer.frames()
    for hand in ("left", "right"):
        wearer.button(hand, "squeeze", 1)
    assert scene(page)["xr"]["grabbing"] == 2
    wearer.place("left", [0.0, 1.4, -0.2])
    wearer.place("right", [0.0, 1.4, -0.6])
    wearer.frames()
    scaled = scene(page)["root"]
    assert scaled["scale"] == pytest.approx(2.0, rel=0.01)
    assert abs(scaled["rotation"][1]) == pytest.approx(np.sin(np.pi / 4), abs=0.02), "a quarter turn about the vertical"
    for hand in ("left", "right"):
        wearer.button(hand, "squeeze", 0)
    assert scene(page)["xr"]["grabbing"] == 0
    wearer.row("reset")
    wearer.frames()
    assert scene(page)["root"]["scale"] == pytest.approx(1.0)


def test_bare_hands_pinch_to_carry(wearer):
    page = wearer.page
    wearer.rest()
    page.evaluate("device.primaryInputMode = 'hand'")
    move = """([x, y, z]) => {
        device.hands.right.position.set(x, y, z);
        device.hands.right.quaternion.set(0, 0, 0, 1);
    }"""
    page.evaluate(move, HOME["right"])
    wearer.frames(4)
    assert [hand["hand"] for hand in scene(page)["xr"]["hands"]] == [True, True]
    start = scene(page)["root"]["position"]
    page.evaluate("device.hands.right.updatePinchValue(1)")
    wearer.frames()
    assert scene(page)["xr"]["grabbing"] == 1
    page.evaluate(move, [0.25, 1.6, -0.4])
    wearer.frames()
    page.evaluate("device.hands.right.updatePinchValue(0)")
    wearer.frames()
    assert scene(page)["xr"]["grabbing"] == 0
    assert np.subtract(scene(page)["root"]["position"], start) == pytest.approx([0.0, 0.1, 0.0], abs=2e-3)
    shot(page, "headset-hands")
    page.evaluate("device.primaryInputMode = 'controller'")
    wearer.frames(4)


def test_clip_plane_is_moved_by_its_ball_and_leaving_restores(wearer):
    page = wearer.page
    wearer.rest()
    wearer.row("clip")
    before = scene(page)["clip"]
    assert before["on"]
    wearer.aim("right", scene(page)["xr"]["ball"])
    wearer.button("right", "trigger", 1)
    root = scene(page)["root"]["position"]
    turn = page.evaluate("(() => { const q = device.controllers.right.quaternion; return [q.x, q.y, q.z, q.w]; })()")
    wearer.place("right", np.add(HOME["right"], [0.0, 0.0, -0.03]), turn)
    wearer.frames()
    wearer.button("right", "trigger", 0)
    after = scene(page)["clip"]
    assert after["normal"] == pytest.approx(before["normal"], abs=1e-3)
    assert after["constant"] - before["constant"] == pytest.approx(0.03 * before["normal"][2], abs=2e-3)
    assert scene(page)["root"]["position"] == root, "the organs stay"
    shot(page, "headset-clip")
    rows = scene(page)["xr"]["rows"]
    wearer.aim("left", next(row["at"] for row in rows if row["id"] == "leave"))
    page.evaluate("device.controllers.left.updateButtonValue('trigger', 1)")
    page.wait_for_function("() => viscera.scene().xr === null")
    assert scene(page)["root"] == {"position": [0, 0, 0], "rotation": [0, 0, 0, 1], "scale": 1}
    expect(page.get_by_role("button", name="Enter VR")).to_be_enabled()


def test_a_part_that_is_pointed_at_gets_another_organ_by_the_board(kept, served, corrected, emulator):
    before = corrected.labels(1)
    titles = {label: told["title"] for label, told in corrected.organs(1).items()}
    name = corrected.organs(1)[1]["name"]
    wearer = entered(kept(emulator, viewport={"width": 800, "height": 450}), served, corrected.job)
    page = wearer.page
    wearer.rest()
    wearer.row("correct")
    wearer.find(name)
    wearer.press()
    rows = {row["id"]: row for row in scene(page)["xr"]["rows"]}
    assert set(rows) == {"part", "label:2", "label:3", "label:0", "cancel"}
    assert (rows["part"]["detail"], rows["label:3"]["text"]) == (titles[1], titles[3])
    shot(page, "headset-correct")
    wearer.row("cancel")
    assert organ(page, name)["visible"], "a tap that asks does not hide"
    wearer.find(name)
    wearer.press()
    wearer.row("label:3")
    page.wait_for_function(
        "() => viscera.scene().xr.rows.some(({ id, detail }) => id === 'correct' && detail === 'Saved as version 2')",
        timeout=60_000,
    )
    column, row, slice_ = np.rint(before.geometry.to_index(np.array(scene(page)["place"]))).astype(int)
    expected = before.data.copy()
    expected[connected(before.data, (slice_, row, column))] = 3
    np.testing.assert_array_equal(corrected.labels(2).data, expected)
    wearer.frames()
    assert name not in {mesh["name"] for mesh in scene(page)["organs"]}
    wearer.row("clip")
    wearer.frames()
    shot(page, "headset-corrected")
    low, high = (np.array([mesh[end] for mesh in scene(page)["organs"]]) for end in ("low", "high"))
    middle = (low.min(axis=0) + high.max(axis=0)) / 2
    away = np.linalg.norm(np.array(scene(page)["xr"]["ball"]) - middle)
    assert away < 0.35, "the handle of the clip plane is at the new model"
