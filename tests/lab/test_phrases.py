"""Numbers as a learner reads them."""

import pytest

from koubai.lab.phrases import Ratio


@pytest.mark.parametrize(
    ("value", "english"),
    [
        (1 / 38_000, "1/40,000 of"),
        (1 / 32, "1/32 of"),
        (1.3, "1.3 times"),
        (6e-13, "1/10¹² of"),
        (0.0, "exactly zero, compared with"),
        (float("nan"), "not finite, so not comparable with"),
        (float("inf"), "not finite, so not comparable with"),
    ],
)
def test_a_ratio_in_words(value, english):
    assert Ratio(value).say("en") == english
    assert Ratio(value).say("ja")
