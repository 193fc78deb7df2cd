"""The headset view in an emulated Meta Quest 3 (iwer): every act of the hands is checked on the scene's state."""

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.end_to_end.web.steps import scene, shot
from tests.end_to_end.web.test_correct import corrected
from tests.end_to_end.web.test_correct import part as connected
from tests.end_to_end.web.wearer import BUDGET, HOME, azimuths, corners, entered, worn
from tests.support.packages import installed

__all__ = ["corrected"]
SMALL = {"width": 480, "height": 300}
DEGREE = np.pi / 180


START = """window.device = new IWER.XRDevice(IWER.metaQuest3);
device.installRuntime({forceInstall: true});
// iwer 2.5 takes a matrix where the standard has an XRRigidTransform.
const { getOffsetReferenceSpace } = XRReferenceSpace.prototype;
XRReferenceSpace.prototype.getOffsetReferenceSpace = function (offset) {
    return getOffsetReferenceSpace.call(this, offset.matrix);
};"""


@pytest.fixture(scope="module")
def emulator():
    folder, _ = installed()
    return (folder / "node_modules" / "iwer" / "build" / "iwer.min.js").read_text() + ";\n" + START


@pytest.fixture(scope="module")
def wearer(kept, served, result, emulator):
    return entered(kept(emulator, viewport={"width": 800, "height": 450}), served.url, result)


def organ(page, name):
    return next(organ for organ in scene(page)["organs"] if organ["name"] == name)


def middle(page):
    """The middle of the box around all organs."""
    low, high = (np.array([mesh[end] for mesh in scene(page)["organs"]]) for end in ("low", "high"))
    return (low.min(axis=0) + high.max(axis=0)) / 2


def check_board(page):
    """The board covers no organ, faces the wearer, and its letters have a degree."""
    view = scene(page)["xr"]
    eye = np.array(view["eye"]["at"])
    for each in scene(page)["organs"]:
        board, seen = azimuths(eye, view["board"]["corners"], corners(each))
        assert board[0] > seen[1] or board[1] < seen[0], f"the board covers {each['name']}"
    assert not view["board"]["isOver"]
    towards = eye - np.mean(view["board"]["corners"], axis=0)
    assert np.dot(towards / np.linalg.norm(towards), view["board"]["faces"]) > np.cos(15 * DEGREE)
    assert view["board"]["letter"] * 0.7 / np.linalg.norm(towards) > 1 * DEGREE


def check_labels(view, *expected):
    """Each label faces the eye and is upright, and its letters have a degree."""
    labels = {label["text"]: label for label in view["labels"]}
    assert set(expected) <= set(labels)
    for label in labels.values():
        towards = np.array(view["eye"]["at"]) - label["at"]
        assert np.dot(towards / np.linalg.norm(towards), label["faces"]) > 0.999
        assert label["right"][1] == pytest.approx(0, abs=1e-6), "upright"
        assert label["letter"] > 0.99 * DEGREE


def test_organs_are_to_scale_at_the_chest_beside_the_board_and_within_budget(wearer, served, result):
    page = wearer.page
    with served.client() as client:
        report = client.get(f"/v1/jobs/{result}/report.json").json()
    for told in report["organs"]:
        low, high = np.array(told["bounding_box_lps_mm"])
        found = organ(page, told["name"])
        size = (np.array(found["high"]) - found["low"])[[0, 2, 1]] * 1000
        assert size == pytest.approx(high - low, abs=2.0), "a millimetre is a millimetre"
        assert -1.0 < found["low"][2] < found["high"][2] < -0.2, "before the wearer, who looks along -Z"
    seen = wearer.view
    assert middle(page)[1] == pytest.approx(seen["eye"]["at"][1] - 0.3, abs=0.01)
    assert (wearer.rows["size"]["text"], wearer.rows["size"]["detail"]) == ("Life size", "100 %")
    assert seen["floor"] == 0
    check_board(page)
    check_labels(seen, "L", "R")
    page.evaluate("device.stereoEnabled = true")
    wearer.frames()
    shot(page, "headset-stereo")
    cost = wearer.view["cost"]
    assert cost["eyes"] == 2
    assert cost["calls"] <= BUDGET["calls"]
    assert 2 * scene(page)["triangles"] <= cost["triangles"] <= BUDGET["triangles"]
    page.evaluate("device.stereoEnabled = false")


def test_pointing_reads_and_pressing_hides_and_isolates(wearer):
    page = wearer.page
    wearer.rest()
    for name in ("small_bowel", "large_bowel"):  # fewer triangles to draw by software
        wearer.row(name)
        assert not organ(page, name)["visible"]
    wearer.find("stomach")
    reads = wearer.view["reads"]
    assert reads.startswith("Stomach\n")
    assert reads.endswith(" mL")
    shot(page, "headset-reads")
    # With the head aslant the label stays upright.
    wearer.head([0, 1.6, 0], [0, 0, np.sin(np.pi / 18), np.cos(np.pi / 18)])
    check_labels(wearer.view, reads, "L", "R")
    wearer.head([0, 1.6, 0])
    wearer.press()
    assert not organ(page, "stomach")["visible"]
    assert wearer.view["pointing"] != "stomach"
    wearer.row("stomach")
    wearer.row("large_bowel")
    assert all(organ(page, name)["visible"] for name in ("stomach", "large_bowel"))
    wearer.row("isolate")
    assert [each["name"] for each in scene(page)["organs"] if each["visible"]] == ["stomach"]


def test_one_hand_carries_and_two_scale_and_turn_beside_the_board(wearer):
    page = wearer.page
    wearer.rest()
    start = scene(page)["root"]
    wearer.button("right", "squeeze", 1)
    assert wearer.view["grabbing"] == 1
    wearer.place("right", np.add(HOME["right"], [-0.15, 0.1, 0.05]))
    wearer.button("right", "squeeze", 0)
    moved = scene(page)["root"]
    assert np.subtract(moved["position"], start["position"]) == pytest.approx([-0.15, 0.1, 0.05], abs=1e-3)
    assert moved["scale"] == pytest.approx(1.0)
    check_board(page)

    wearer.rest()
    wearer.place("left", [-0.1, 1.4, -0.4])
    wearer.place("right", [0.1, 1.4, -0.4])
    for hand in ("left", "right"):
        wearer.button(hand, "squeeze", 1)
    assert wearer.view["grabbing"] == 2
    wearer.place("left", [0.0, 1.4, -0.2])
    wearer.place("right", [0.0, 1.4, -0.6])
    scaled = scene(page)["root"]
    assert scaled["scale"] == pytest.approx(2.0, rel=0.01)
    assert abs(scaled["rotation"][1]) == pytest.approx(np.sin(np.pi / 4), abs=0.02), "a quarter turn about the vertical"
    for hand in ("left", "right"):
        wearer.button(hand, "squeeze", 0)
    assert wearer.view["grabbing"] == 0
    wearer.frames(1)
    check_board(page)
    assert (wearer.rows["size"]["text"], wearer.rows["size"]["detail"]) == ("Back to life size", "200 %")
    shot(page, "headset-scaled")
    before = middle(page)
    wearer.row("size")
    assert scene(page)["root"]["scale"] == pytest.approx(1.0)
    assert middle(page) == pytest.approx(before, abs=1e-3), "life size again where they are"
    # Who walks around the organs sees the board beside them again.
    wearer.head([-0.9, 1.6, -0.7], [0, np.sin(-np.pi / 4), 0, np.cos(np.pi / 4)])
    check_board(page)
    wearer.head([0, 1.6, 0])


def test_two_presses_measure_a_length_that_a_label_says(wearer):
    page = wearer.page
    wearer.rest()
    wearer.row("measure")
    first = wearer.find("stomach")
    wearer.press()
    assert wearer.rows["measure"]["detail"] == "second point"
    wearer.find("stomach", besides={first})
    wearer.press()
    length = scene(page)["measured"]
    assert 5 < length < 400
    assert wearer.rows["measure"]["detail"] == f"{length:.1f} mm"
    assert organ(page, "stomach")["visible"], "a press that measures does not hide"
    check_labels(wearer.view, f"{length:.1f} mm")
    shot(page, "headset-measure")
    wearer.row("clear")
    assert scene(page)["measured"] is None
    assert "clear" not in wearer.rows
    wearer.row("measure")
    assert wearer.rows["measure"]["detail"] == "off"


def test_the_slice_is_moved_by_stick_and_ball_and_the_picture_follows(wearer):
    page = wearer.page
    wearer.rest()
    plane, place = scene(page)["plane"], scene(page)["place"]
    wearer.flick("right", 0, -1)
    above, there = scene(page)["plane"], scene(page)["place"]
    step = above[0][1] - plane[0][1]
    assert 0.0005 < step < 0.01, "one slice towards the head"
    assert np.subtract(there, place) == pytest.approx([0, 0, 1000 * step], abs=0.01)
    wearer.flick("right", 0, 1)
    assert scene(page)["plane"] == plane
    wearer.aim("right", wearer.view["sliceBall"])
    wearer.button("right", "trigger", 1)
    root = scene(page)["root"]
    wearer.place("right", np.add(HOME["right"], [0.0, -0.03, 0.0]))
    wearer.button("right", "trigger", 0)
    moved = scene(page)["plane"]
    assert moved[0][1] - plane[0][1] == pytest.approx(-0.03, abs=step)
    assert scene(page)["place"][2] - place[2] == pytest.approx(-30, abs=1000 * step)
    assert scene(page)["root"] == root, "the organs stay"
    assert wearer.view["sliceBall"][1] == pytest.approx(moved[0][1] + root["position"][1], abs=2e-3)
    shot(page, "headset-slice")


def test_the_wearer_turns_in_steps_and_sits_down(wearer):
    page = wearer.page
    wearer.rest()
    view, root = wearer.view, scene(page)["root"]
    wearer.flick("left", 1, 0)
    turned = wearer.view["eye"]
    assert turned["at"] == pytest.approx(view["eye"]["at"], abs=1e-3), "about the wearer"
    assert turned["ahead"] == pytest.approx([0.5, 0, -np.cos(np.pi / 6)], abs=1e-3), "30 degrees to the right"
    assert scene(page)["root"] == root, "the organs stay where they are"
    shot(page, "headset-turned")
    wearer.frames(3)
    assert wearer.view["eye"]["ahead"] == pytest.approx(turned["ahead"], abs=1e-6), "one step for one flick"
    wearer.flick("left", -1, 0)
    assert wearer.view["eye"]["ahead"] == pytest.approx([0, 0, -1], abs=1e-3)
    wearer.row("higher")
    assert scene(page)["root"]["position"][1] - root["position"][1] == pytest.approx(0.05, abs=1e-3)
    wearer.row("lower")
    assert scene(page)["root"] == root
    wearer.head([0, 1.15, 0])
    assert scene(page)["root"] == root, "nothing moves without an input"
    wearer.row("reset")
    wearer.frames(1)
    assert middle(page)[1] == pytest.approx(1.15 - 0.3, abs=0.01), "the chest of the seated wearer"
    check_board(page)
    shot(page, "headset-seated")
    wearer.head([0, 1.6, 0])


def test_bare_hands_are_drawn_as_hands_and_pinch_to_carry(wearer):
    page = wearer.page
    wearer.rest()
    page.evaluate("device.primaryInputMode = 'hand'")
    move = """([x, y, z]) => {
        device.hands.right.position.set(x, y, z);
        device.hands.right.quaternion.set(0, 0, 0, 1);
    }"""
    page.evaluate(move, HOME["right"])
    wearer.frames(4)
    assert [hand["hand"] for hand in wearer.view["hands"]] == [True, True]
    check_hands(np.array(wearer.view["bones"]))
    start = scene(page)["root"]["position"]
    page.evaluate("device.hands.right.updatePinchValue(1)")
    wearer.frames()
    assert wearer.view["grabbing"] == 1
    page.evaluate(move, [0.25, 1.6, -0.4])
    wearer.frames()
    page.evaluate("device.hands.right.updatePinchValue(0)")
    wearer.frames()
    assert wearer.view["grabbing"] == 0
    assert np.subtract(scene(page)["root"]["position"], start) == pytest.approx([0.0, 0.1, 0.0], abs=2e-3)
    shot(page, "headset-hands")
    page.evaluate("device.primaryInputMode = 'controller'")
    wearer.frames(4)
    assert [hand["hand"] for hand in wearer.view["hands"]] == [False, False]
    assert 2 <= len(wearer.view["bones"]) <= 12, "controllers are drawn too"


def check_hands(bones):
    """Two hands of 25 joints, each connected as a whole by bones of a finger's length and thickness."""
    joints = {tuple(np.round(end[:3], 5)) for bone in bones for end in bone}
    assert len(joints) == 50
    hands = {joint: {joint} for joint in joints}
    for a, b in bones:
        whole = hands[tuple(np.round(a[:3], 5))] | hands[tuple(np.round(b[:3], 5))]
        for joint in whole:
            hands[joint] = whole
    assert sorted({len(hand) for hand in hands.values()}) == [25]
    lengths = np.linalg.norm(bones[:, 0, :3] - bones[:, 1, :3], axis=1)
    assert 0.005 < lengths.min() < lengths.max() < 0.12
    assert 0.003 < bones[..., 3].min() < bones[..., 3].max() < 0.03


def test_clip_plane_is_moved_by_its_ball_and_leaving_restores(wearer):
    page = wearer.page
    wearer.rest()
    wearer.row("clip")
    before = scene(page)["clip"]
    assert before["on"]
    wearer.aim("right", wearer.view["ball"])
    wearer.button("right", "trigger", 1)
    root = scene(page)["root"]["position"]
    wearer.place("right", np.add(HOME["right"], [0.0, 0.0, -0.03]))
    wearer.button("right", "trigger", 0)
    after = scene(page)["clip"]
    assert after["normal"] == pytest.approx(before["normal"], abs=1e-3)
    assert after["constant"] - before["constant"] == pytest.approx(0.03 * before["normal"][2], abs=2e-3)
    assert scene(page)["root"]["position"] == root, "the organs stay"
    shot(page, "headset-clip")
    leave(wearer)
    assert scene(page)["root"] == {"position": [0, 0, 0], "rotation": [0, 0, 0, 1], "scale": 1}
    expect(page.get_by_role("button", name="Enter VR")).to_be_enabled()
    wearer = worn(page, "Enter AR")
    assert wearer.view["floor"] is None, "the room has one"
    shot(page, "headset-ar")
    leave(wearer)


def leave(wearer):
    wearer.aim("left", wearer.rows["leave"]["at"])
    wearer.page.evaluate("device.controllers.left.updateButtonValue('trigger', 1)")
    wearer.page.wait_for_function("() => viscera.scene().xr === null")
    wearer.page.evaluate("device.controllers.left.updateButtonValue('trigger', 0)")


def test_a_part_that_is_pointed_at_gets_another_organ_by_the_board(kept, served, corrected, emulator):
    before = corrected.labels(1)
    titles = {label: told["title"] for label, told in corrected.organs(1).items()}
    name = corrected.organs(1)[1]["name"]
    wearer = entered(kept(emulator, viewport=SMALL), served.url, corrected.job)
    page = wearer.page
    wearer.rest()
    wearer.row("correct")
    wearer.find(name)
    wearer.press()
    rows = wearer.rows
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
    away = np.linalg.norm(np.array(wearer.view["ball"]) - middle(page))
    assert away < 0.35, "the handle of the clip plane is at the new model"
