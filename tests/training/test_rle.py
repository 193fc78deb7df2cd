"""The run-length code, by hand."""

import numpy as np
import pytest

from training.dataset.rle import decode, encode


def test_runs_are_counted_from_one_along_rows():
    mask = decode("2 3 6 1", rows=2, columns=4)
    assert mask.astype(int).tolist() == [[0, 1, 1, 1], [0, 1, 0, 0]]


def test_a_run_goes_on_in_the_next_row():
    assert decode("3 3", rows=2, columns=3).astype(int).tolist() == [[0, 0, 1], [1, 1, 0]]


def test_the_empty_code_is_the_empty_mask():
    assert not decode("", 3, 3).any()
    assert encode(np.zeros((3, 3), dtype=bool)) == ""


def test_encoding_gives_the_code_back():
    assert encode(decode("1 2 7 3", 3, 3)) == "1 2 7 3"


def test_every_mask_survives_the_way_there_and_back():
    rng = np.random.default_rng(0)
    for share in (0.0, 0.1, 0.5, 0.9, 1.0):
        mask = rng.random((31, 17)) < share
        assert np.array_equal(decode(encode(mask), 31, 17), mask)


@pytest.mark.parametrize("code", ["0 2", "9 2", "1", "3 0"])
def test_a_run_outside_the_image_or_half_a_run_is_refused(code):
    with pytest.raises(ValueError, match=r"run|even"):
        decode(code, 3, 3)


def test_the_real_code_paints_the_real_labels(data):
    from training.dataset.prepare import decode_labels, read_outlines, read_picture

    folder = data / "uwm/case139_day0"
    codes = read_outlines(folder / "train.csv")
    for path in sorted((folder / "labels").glob("*.png")):
        number = int(path.stem.split("_")[1])
        labels = read_picture(path)
        assert np.array_equal(decode_labels(codes.get(("case139_day0", number), {}), *labels.shape), labels)
