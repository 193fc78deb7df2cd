"""Pictures of one patient are found however they were windowed and cropped, and keep together."""

import cv2
import numpy as np

from training.dataset.alike import alike, apart, with_joined_patients
from training.dataset.cases import Case


def body(seed: int) -> np.ndarray:
    """A body, as uint16 (row, column), whose inside depends on the seed."""
    rng = np.random.default_rng(seed)
    inside = cv2.resize(rng.uniform(0.3, 1.0, (24, 24)).astype(np.float32), (200, 200), interpolation=cv2.INTER_CUBIC)
    rows, columns = np.mgrid[:200, :200] - 99.5
    return np.where((rows / 70) ** 2 + (columns / 90) ** 2 < 1, 3000 * inside, 20).astype(np.uint16)


def case(name: str, image: np.ndarray, patient: str = "") -> Case:
    labels = np.zeros((1, *image.shape), dtype=np.uint8)
    labels[0, 90:110, 90:110] = 1
    return Case(name, patient or name, "slices", "MR", (3.0, 1.5, 1.5), image[None], labels)


def figure(image: np.ndarray) -> np.ndarray:
    """The same slice as another notebook shows it: 8 bit, brighter, with a bias, cropped."""
    ramp = np.linspace(0.7, 1.2, image.shape[1])
    return np.clip(image[20:190, 3:196] / 3000 * 255 * 1.1 * ramp[3:196], 0, 255).astype(np.uint8)


def test_the_same_slice_in_another_figure_is_found_and_others_are_not():
    cases = [case("a", body(1)), case("b", body(2)), case("c", figure(body(1)))]
    (pair,) = alike(cases)
    assert {pair.first[0].name, pair.second[0].name} == {"a", "c"}
    assert pair.correlation > 0.8


def test_slices_of_one_patient_are_no_pair():
    assert not list(alike([case("a", body(1), "p"), case("b", figure(body(1)), "p")]))


def test_patients_are_joined_over_several_figures():
    first, second = body(1), body(2)
    cases = [case("d", first, "d"), case("c", figure(first), "c"), case("b", second, "c"), case("a", figure(second))]
    assert {one.patient for one in with_joined_patients([*cases, case("e", body(3))])} == {"a", "e"}


def test_a_new_case_that_looks_like_a_known_patient_is_not_measured():
    new, known = apart([case("x", figure(body(1))), case("y", body(5))], [case("case139", body(1))])
    assert [one.name for one in new] == ["y"]
    assert {one.name for one in known} == {"case139", "x"}
    assert len({one.patient for one in known}) == 1


def test_a_picture_without_a_body_is_left_out():
    assert not list(alike([case("a", np.zeros((64, 64), np.uint8)), case("b", np.zeros((64, 64), np.uint8))]))
