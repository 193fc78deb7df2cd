"""Two pairs of models are measured on the same patients, and their difference has an interval."""

import numpy as np
import pytest

from shared.models.network import load_network
from tests.support.tiny_models import by_brightness, by_presence
from tests.training.test_evaluate import blocks, case_of
from training.__main__ import RUN
from training.arguments import make_parser
from training.averages import at_scale, averaged
from training.dataset.cases import save_case


def compared(folder, capsys, *more):
    for number in range(3):
        save_case(case_of(blocks(), f"case{number}_day0"), folder / "cases")
    models = [str(by_presence(folder / "classifier")), str(by_brightness(folder / "one"))]
    words = ["compare", *models, *more, "--cases", str(folder / "cases"), "--patients"]
    RUN["compare"](make_parser(None).parse_args(words))
    return capsys.readouterr().out


def test_a_model_does_not_differ_from_itself(tmp_path, capsys):
    said = compared(tmp_path, capsys)
    assert said.startswith("3 cases of 3 patients")
    assert said.count("+0.000 (+0.000 to +0.000)") == 4


def test_a_segmenter_that_finds_less_is_worse_on_every_organ(tmp_path, capsys):
    strict = by_brightness(tmp_path / "other", threshold=1.0)
    said = compared(tmp_path, capsys, "--other-segmenter", str(strict))
    assert said.count("| -") == 4


def test_averages_of_copies_are_those_of_the_network_itself_where_nothing_changes(tmp_path, capsys):
    assert compared(tmp_path, capsys, "--scales", "1", "1").count("+0.000 (+0.000 to +0.000)") == 4


@pytest.mark.parametrize("scale", [0.7, 0.87, 1.0, 1.15, 2.0])
def test_an_enlarged_picture_is_answered_on_the_pixels_of_the_picture(tmp_path, scale):
    network = load_network(by_brightness(tmp_path / "one"))
    picture = np.zeros((1, 3, 96, 128), dtype=np.uint8)
    picture[:, :, 30:60, 40:90] = 170
    answer = at_scale(network, scale, picture)
    assert answer.shape == (1, 4, 96, 128)
    differs = (answer[0].argmax(axis=0) == 2) ^ (picture[0, 1] > 0)
    differs[28:32, 38:92] = differs[58:62, 38:92] = differs[28:62, 38:42] = differs[28:62, 88:92] = False  # the rim
    assert not differs.any()


def test_a_tone_changes_grey_levels_and_keeps_black_and_white(tmp_path):
    network = load_network(by_brightness(tmp_path / "one"))
    dark = averaged(network, [1.0], [0.5])
    levels = np.full((1, 3, 32, 32), 40, dtype=np.uint8)
    assert network(levels)[0].argmax(axis=0).max() == 0
    assert dark(levels)[0].argmax(axis=0).min() == 1, "0.157 becomes 0.396"
