"""Which slices are worth a look, from the confidence of a model in its outlines."""

from shared.imaging.confidence import Confidence

CONFIDENCE = Confidence(
    axis=0,
    slices=(None, 0.3, 0.5, 0.1, 0.9),
    organs={"stomach": (None, 0.2, 0.6, None, 0.7), "small_bowel": (None,) * 5},
)


def test_slices_below_the_limit_are_low_the_least_sure_first():
    assert CONFIDENCE.low == (3, 1)


def test_of_an_organ_slices_are_in_their_order_and_the_mean_is_over_those_that_show_it():
    assert CONFIDENCE.low_of("stomach") == (1,)
    assert CONFIDENCE.mean_of("stomach") == (0.2 + 0.6 + 0.7) / 3


def test_an_organ_that_is_not_there_has_none():
    for organ in ("small_bowel", "liver"):
        assert CONFIDENCE.mean_of(organ) is None
        assert CONFIDENCE.low_of(organ) == ()
