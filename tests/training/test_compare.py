"""Two pairs of models are measured on the same patients, and their difference has an interval."""

from tests.support.tiny_models import by_brightness, by_presence
from tests.training.test_evaluate import blocks, case_of
from training.__main__ import RUN
from training.arguments import make_parser
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
