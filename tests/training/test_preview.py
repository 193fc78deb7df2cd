"""The pictures and the table of prepared cases show what is in them."""

import cv2
import numpy as np

from shared.imaging.volume import ORGANS
from training.dataset.cases import IGNORE, Case
from training.dataset.gather import Sources, prepare
from training.dataset.preview import HEADING, contact_sheet, overlay_organs, table_row


def case(kind="volume"):
    data = np.zeros((6, 40, 50), dtype=np.uint16)
    data[:, 5:35, 5:45] = 900
    labels = np.zeros((6, 40, 50), dtype=np.uint8)
    labels[2:4, 10:20, 10:30] = 1
    labels[3, 25:30, 10:30] = 3
    labels[5] = IGNORE
    return Case("case7_day0", "case7", kind, "MR", (3.0, 1.5, 1.5), data, labels)


def test_organs_are_painted_in_their_colours_and_the_unknown_is_not():
    painted = overlay_organs(np.zeros((2, 2), dtype=np.uint8), np.array([[0, 1], [3, IGNORE]], dtype=np.uint8))
    assert painted[0, 0].tolist() == painted[1, 1].tolist() == [0, 0, 0]
    assert painted[0, 1].tolist() == [part // 2 for part in ORGANS[0].colour[::-1]]
    assert painted[1, 0].tolist() == [part // 2 for part in ORGANS[2].colour[::-1]]


def test_a_sheet_shows_the_slices_with_an_organ_once_plain_and_once_painted():
    picture = contact_sheet(case(), side=50)
    assert picture.shape == (100, 2 * 50, 3)
    plain, painted = picture[:50], picture[50:]
    assert (np.ptp(plain.astype(int), axis=2) == 0).all()
    assert np.ptp(painted[:, :50].astype(int), axis=2).max() > 30
    assert contact_sheet(case("shape"), side=50)[:50].max() == 0


def test_a_row_counts_slices_and_millilitres():
    cells = [cell.strip() for cell in table_row(case()).strip("|").split("|")]
    assert len(cells) == HEADING.count(" | ") + 1
    assert cells[:6] == ["case7_day0", "case7", "volume", "MR", "6 x 40 x 50", "3.00 x 1.50 x 1.50"]
    assert cells[7:] == ["2, 3", "0, 0", "1, 1"]


def test_preparing_writes_a_picture_and_a_row_for_each_case(tmp_path):
    lines = prepare(tmp_path / "nothing", tmp_path / "out", Sources(ct=(), phantoms=2))
    assert len(lines) == 2
    table = (tmp_path / "out" / "cases.md").read_text()
    for name in ("phantom00", "phantom01"):
        assert f"| {name} |" in table
        assert cv2.imread(str(tmp_path / "out" / "pictures" / f"{name}.png")) is not None
