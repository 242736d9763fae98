"""Settings that are no numbers are refused as settings, whatever the part; sizes stand in a row."""

import pytest

import koubai as kb
from koubai.core.errors import SettingError

WRONG = [
    (lambda: kb.Linear("8"), "out_features is not a number", "'8'"),
    (lambda: kb.Mlp(hidden=("8",)), "hidden is not a number", "('8',)"),
    (lambda: kb.SGD("fast"), "learning_rate is not a number", "'fast'"),
    (lambda: kb.Dropout("half"), "is not a number", "'half'"),
    (lambda: kb.Linear(8.5), "out_features is not a whole number", 8.5),
    (lambda: kb.Conv2d(8, (3, 2.5)), "kernel is not a whole number", (3, 2.5)),
    (lambda: kb.Mlp(hidden=(20, 8.0)), "hidden is not a whole number", (20, 8.0)),
    (lambda: kb.Mlp(hidden=20), "sizes stand in a row", "20"),
    (lambda: kb.Mlp(hidden="20"), "sizes stand in a row", "'20'"),
]


@pytest.mark.parametrize(("make", "said", "got"), WRONG)
def test_what_is_no_number_is_refused_by_name(make, said, got):
    with pytest.raises(SettingError) as caught:
        make()
    assert said in caught.value.message
    assert caught.value.got == got


def test_an_estimators_sizes_are_refused_the_same_way():
    from koubai.sklearn import KoubaiClassifier

    for hidden in (20, "20"):
        with pytest.raises(SettingError, match="sizes stand in a row"):
            KoubaiClassifier(hidden=hidden).fit([[0.0], [1.0]] * 10, [0, 1] * 10)
