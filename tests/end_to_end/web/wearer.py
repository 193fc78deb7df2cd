"""Somebody with an emulated Meta Quest 3 (iwer): what they do with head and hands, and what they see of it."""

import numpy as np

from tests.end_to_end.web.steps import scene, show

HOME = {"left": [-0.25, 1.5, -0.4], "right": [0.25, 1.5, -0.4]}
BUDGET = {"calls": 200, "triangles": 750_000}
"""Of a frame, both eyes together: docs/web.md says where it is from."""


def entered(page, url, job, button="Enter VR"):
    """Somebody who opened a job and entered the headset view."""
    show(page, url, job)
    return worn(page, button)


def worn(page, button="Enter VR"):
    """Somebody who enters the headset view of what is open."""
    page.get_by_role("button", name=button).click()
    page.wait_for_function("() => viscera.scene().xr?.placed", timeout=60_000)
    return Wearer(page)


class Wearer:
    """Somebody with two controllers, who waits for the scene to follow."""

    def __init__(self, page):
        self.page = page

    @property
    def view(self):
        return scene(self.page)["xr"]

    def frames(self, count=2):
        first = self.view["frames"]
        self.page.wait_for_function(f"() => (viscera.scene().xr?.frames ?? 1e9) >= {first + count}", timeout=30_000)

    def place(self, hand, position, turn=None):
        self.page.evaluate(
            """([hand, p, q]) => {
                const { position, quaternion } = device.controllers[hand];
                position.set(...p);
                if (q) quaternion.set(...q);
            }""",
            [hand, list(map(float, position)), None if turn is None else list(map(float, turn))],
        )
        self.frames(1)

    def head(self, position, turn=(0, 0, 0, 1)):
        """Moves the head; the scene knows it a frame later."""
        self.page.evaluate(
            "([p, q]) => { device.position.set(...p); device.quaternion.set(...q); }",
            [list(map(float, position)), list(map(float, turn))],
        )
        self.frames(3)

    def rest(self):
        """Both hands at home, the organs at life size before the wearer."""
        self.row("reset")
        for hand, position in HOME.items():
            self.place(hand, position, (0, 0, 0, 1))

    def aim(self, hand, target):
        """Holds the controller at its home and points its ray (-Z) at a place in the world."""
        forward = np.array(target, float) - HOME[hand]
        forward /= np.linalg.norm(forward)
        axis = np.array([*np.cross([0, 0, -1], forward), 1 - forward[2]])
        self.place(hand, HOME[hand], axis / np.linalg.norm(axis))

    def button(self, hand, name, value):
        self.page.evaluate(
            "([hand, name, value]) => device.controllers[hand].updateButtonValue(name, value)", [hand, name, value]
        )
        self.frames(1)

    def flick(self, hand, x, y):
        """Pushes a thumbstick out and lets it go; iwer's y is positive towards the wearer, as in WebXR."""
        for place in ([x, y], [0, 0]):
            self.page.evaluate(
                "([hand, x, y]) => device.controllers[hand].updateAxes('thumbstick', x, y)", [hand, *place]
            )
            self.frames(1)
        self.frames(1)

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
        self.aim("left", self.rows[name]["at"])
        self.press("left")

    @property
    def rows(self):
        return {row["id"]: row for row in self.view["rows"]}

    def find(self, name, *, besides=()):
        """Points about an organ until the ray meets it, at none of the parts of its box that are left out."""
        organ = next(organ for organ in scene(self.page)["organs"] if organ["name"] == name)
        low, high = np.array(organ["low"]), np.array(organ["high"])
        for part in (
            (0.5, 0.5, 0.5),
            (0.5, 0.8, 0.5),
            (0.7, 0.6, 0.6),
            (0.2, 0.4, 0.6),
            (0.8, 0.4, 0.6),
            (0.3, 0.8, 0.5),
        ):
            if part in besides:
                continue
            self.aim("right", low + (high - low) * part)
            if self.view["pointing"] == name:
                return part
        raise AssertionError(f"no way to point at {name}")


def azimuths(eye, *groups):
    """How far to the left each group of points is seen from the eye, in radians: a pair of least and most for each."""
    ways = [np.array(points, float).reshape(-1, 3) - eye for points in groups]
    ahead = sum(way.mean(axis=0) / np.linalg.norm(way.mean(axis=0)) for way in ways)
    ahead = np.array([ahead[0], 0, ahead[2]]) / np.hypot(ahead[0], ahead[2])
    left = np.array([ahead[2], 0, -ahead[0]])
    angles = [np.arctan2(way @ left, way @ ahead) for way in ways]
    return [(angle.min(), angle.max()) for angle in angles]


def corners(organ):
    """The eight corners of an organ's box."""
    ends = ("low", "high")
    return [[organ[a][0], organ[b][1], organ[c][2]] for a in ends for b in ends for c in ends]
