import numpy as np
import pytest

import koubai as kb
from koubai.core import random
from koubai.data.order import mixed
from koubai.data.understood import understood
from koubai.words import speaking

ENGINES = ("reference", "native", "torch")


@pytest.mark.parametrize("sizes", [(50, 50, 50), (900, 90, 10), (37, 5, 2, 1), (7,), (1, 1, 1, 1)])
def test_whatever_is_cut_off_holds_every_class_by_its_share(sizes):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    order, name = mixed(random.key(3, "test"), labels, len(labels))
    assert name == "stratified"
    assert sorted(order) == list(range(len(labels)))
    for count in range(len(labels) + 1):
        for cut in (order[:count], order[len(order) - count :]):
            there = np.bincount(labels[cut], minlength=len(sizes))
            most = np.where(
                np.array(sizes) == 1, 1, 1.5
            )  # half a sample by where the cut lies, one by rounding
            assert (abs(there - np.array(sizes) * count / len(labels)) <= most).all(), count


def test_the_order_is_random_within_and_between_classes():
    labels = np.arange(400) % 2
    one, other = (mixed(random.key(seed, "test"), labels, 400)[0] for seed in (0, 1))
    assert (one != other).any()
    for label in (0, 1):
        own = one[labels[one] == label]
        assert abs(np.corrcoef(own, np.arange(200))[0, 1]) < 4 / np.sqrt(200)
    first = labels[one][::2]  # which of a pair comes first
    assert 60 < first.sum() < 140


def test_a_rare_class_of_sorted_arrays_is_in_every_part():
    x, t = np.arange(200.0)[:, None], np.repeat([0, 1], [190, 10])
    drawn = kb.data.arrays(x, t, validation=40).load()
    for part, share in (("train", 0.5), ("val", 0.2), ("test", 0.3)):
        labels = getattr(drawn, f"t_{part}")
        assert len(labels) == 200 * share
        assert abs((labels == 1).sum() - 10 * share) <= 1
    together = np.concatenate([drawn.x_train, drawn.x_val, drawn.x_test])
    assert sorted(together[:, 0]) == x[:, 0].tolist()


def test_a_validation_part_of_sorted_arrays_with_a_test_part_is_drawn_too():
    x, t = np.arange(90.0)[:, None], np.repeat([0, 1, 2], 30)
    w = np.arange(90.0) + 1
    given = kb.data.arrays(x, t, x[:5], t[:5], sample_weight=w, validation=30).load()
    assert np.bincount(given.t_val).tolist() == [10, 10, 10]
    assert np.array_equal(given.x_test, x[:5])
    assert np.array_equal(given.t_train, given.x_train[:, 0] // 30)
    assert np.array_equal(given.w_train, given.x_train[:, 0] + 1)
    assert sorted(np.concatenate([given.x_train, given.x_val])[:, 0]) == x[:, 0].tolist()
    values = kb.data.arrays(x, x, x[:5], x[:5], validation=30).load()
    assert len(set(values.t_val[:, 0] // 30)) == 3


@pytest.mark.parametrize(
    ("lang", "told"),
    [
        (
            "en",
            "Targets understood: 3 classes (1, 2, 3). "
            "Split: 63 training, 27 test; at random, each class in proportion.\n",
        ),
        (
            "ja",
            "目標値の解釈: 3 クラス（1, 2, 3）。 分割: 訓練 63 個、テスト 27 個。"
            "無作為に選び、クラスの割合をそろえました。\n",
        ),
    ],
)
def test_fit_says_in_a_line_what_it_understood(lang, told, capsys, monkeypatch):
    monkeypatch.setenv("KOUBAI_LANG", lang)
    x, t = np.random.default_rng(0).normal(size=(90, 2)), np.repeat([1, 2, 3], 30)
    kb.fit(kb.Linear(3), (x, t), steps=3, batch_size=9, engine="reference")
    assert capsys.readouterr().err == told
    kb.fit(kb.Linear(3), (x, t), steps=3, batch_size=9, engine="reference", progress=False)
    assert capsys.readouterr().err == ""


def test_what_was_understood_of_other_data():
    x = np.random.default_rng(0).normal(size=(40, 2))
    values = kb.data.arrays(x, x, x[:4], x[:4], validation=10).load()
    with speaking("en"):
        assert (
            understood(values) == "Targets understood: values, 2 for each sample. "
            "Split: 30 training, 10 validation, 4 test; test as given."
        )
    assert understood(kb.data.digits().load()) == ""


def test_every_engine_trains_on_the_same_split():
    x, t = np.random.default_rng(0).normal(size=(60, 2)), np.repeat([0, 1], 30)
    runs = [
        kb.fit(kb.Linear(2), (x, t), steps=2, batch_size=10, engine=engine, progress=False)
        for engine in ENGINES
    ]
    assert len({run.session.dataset.sha256 for run in runs}) == 1
    assert np.bincount(runs[0].session.dataset.t_test).tolist() == [9, 9]


def test_one_output_tells_two_classes_apart_by_default():
    x = np.random.default_rng(0).normal(size=(200, 2))
    t = (x[:, 0] > 0).astype(float)
    run = kb.fit(kb.Linear(1), (x, t), steps=200, learning_rate=0.5, progress=False, engine="reference")
    assert type(run.recipe.loss) is kb.SigmoidCrossEntropy
    assert run.scores["test"].accuracy > 0.9
    assert run.score(x, t) > 0.9
