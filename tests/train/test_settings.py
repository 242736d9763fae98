"""Settings as people write them: names, other libraries' words, epochs."""

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, f1_score, mean_absolute_error, r2_score

import koubai as kb
from koubai.core.errors import ConfigError, DataError, SettingError, ShapeError, UnknownSetting

X = np.random.default_rng(0).normal(size=(130, 4))
T = (X[:, 0] > 0).astype(int)
DATA = (X[:100], T[:100], X[100:], T[100:])


def fit(**settings):
    return kb.fit(kb.Linear(2), DATA, progress=False, **{"steps": 3, "engine": "reference", **settings})


def test_parts_may_be_given_by_name():
    recipe = fit(
        optimizer="adam",
        loss="softmax_cross_entropy",
        schedule={"type": "exponential_decay", "ratio": 0.5},
        initializer="glorot-normal",
        penalties="l2",
    ).recipe
    assert recipe.optimizer == kb.Adam()
    assert recipe.schedule == kb.ExponentialDecay(0.5)
    assert recipe.initializer == kb.GlorotNormal()
    assert recipe.penalties == (kb.L2(),)


def test_learning_rate_is_that_of_the_optimizer():
    assert fit(learning_rate=0.5).recipe.optimizer == kb.SGD(0.5)
    assert fit(optimizer="adam", learning_rate=0.5).recipe.optimizer == kb.Adam(0.5)
    assert fit(optimizer=kb.Adam(beta1=0.5), learning_rate=0.1).recipe.optimizer == kb.Adam(0.1, 0.5)
    with pytest.raises(ConfigError, match="learning_rate: expected a number of at least 0, got -1"):
        fit(learning_rate=-1)


def test_epochs_are_passes_in_whole_batches():
    run = kb.fit(kb.Linear(2), DATA, epochs=3, batch_size=30, engine="reference", progress=False)
    assert (run.session.step, run.recipe.replacement) == (9, False)
    drawn = run.session.sampler.batches(0, 9).reshape(3, 90)
    assert all(len(set(epoch)) == 90 for epoch in drawn.tolist())
    for settings, said in (
        ({"epochs": 2, "steps": 5}, "epochs: steps say the same"),
        ({"epochs": 1.5}, "epochs: expected a whole number of at least 0, got 1.5"),
        (
            {"epochs": 1, "batch_size": 101},
            "batch_size: a batch of 101 is larger than the 100 ",
        ),
    ):
        with pytest.raises(ConfigError, match=said):
            kb.fit(kb.Linear(2), DATA, progress=False, **settings)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("lr", "learning_rate"),
        ("criterion", "loss"),
        ("max_iter", "epochs"),
        ("random_state", "seed"),
        ("solver", "optimizer"),
        ("n_jobs", "threads"),
        ("batchsize", "batch_size"),
        ("callback", "callbacks"),
        ("sample_weights", "sample_weight"),
    ],
)
def test_words_of_other_libraries_lead_to_ours(theirs, ours):
    with pytest.raises(ConfigError) as caught:
        fit(**{theirs: 1})
    (problem,) = caught.value.problems
    assert (problem.path, problem.hint) == (theirs, f"did you mean {ours!r}?")


def test_every_mistake_is_told_once_and_together():
    with pytest.raises(ConfigError) as caught:
        fit(optimizer={"type": "adam", "lr": 0.1}, loss="crossentropy", batch_size=0, epoch=3)
    found = {problem.path: problem.hint for problem in caught.value.problems}
    assert found == {
        "optimizer.lr": "did you mean 'learning_rate'?",
        "loss": "did you mean 'cross_entropy'?",
        "batch_size": None,
        "epoch": "did you mean 'epochs'?",
    }


@pytest.mark.parametrize(
    ("make", "said", "meant"),
    [
        (lambda: kb.Adam(lr=0.1), "Adam has no setting 'lr'", "learning_rate"),
        (lambda: kb.Conv2d(4, kernel_size=3), "Conv2d has no setting 'kernel_size'", "kernel"),
        (lambda: kb.MaxPool2d(pool_size=2), "MaxPool2d has no setting 'pool_size'", "size"),
        (lambda: kb.Dropout(p=0.1), "Dropout has no setting 'p'", "ratio"),
        (lambda: kb.BatchNorm(eps=1e-5), "BatchNorm has no setting 'eps'", "epsilon"),
        (lambda: kb.Mlp(hiden=(3,)), "Mlp has no setting 'hiden'", "hidden"),
        (lambda: kb.data.blobs(centres=3), "Blobs has no setting 'centres'", "centers"),
    ],
)
def test_a_part_says_what_its_setting_is_called(make, said, meant):
    with pytest.raises(UnknownSetting, match=said) as caught:
        make()
    assert isinstance(caught.value, TypeError)
    assert caught.value.hint == f"did you mean {meant!r}?"


def test_what_is_missing_stays_the_error_of_python():
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'kernel'"):
        kb.Conv2d(4)


def test_threads_may_be_found_out(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert fit(threads="auto").session.threads == 1
    for wrong in ("many", "2", 1.5, None, True):
        with pytest.raises(SettingError, match="'auto'"):
            fit(threads=wrong)


def test_probabilities_and_scores_of_classes():
    run = fit(steps=200, learning_rate=0.5)
    x, t = DATA[2:]
    p = run.predict_proba(x)
    np.testing.assert_allclose(p.sum(1), 1)
    assert np.array_equal(p.argmax(1), run.decide(x))
    assert run.score(x, t) == run.scores["test"].accuracy
    assert run.score(x, t, f1_score) == f1_score(t, run.decide(x))
    assert (
        run.score(x, t, lambda t, y: confusion_matrix(t, y)[0, 1]) == ((t == 0) & (run.decide(x) == 1)).sum()
    )
    with pytest.raises(ShapeError, match="t: wrong shape"):
        run.score(x, t[:3])


def test_scores_of_named_classes_take_names_and_numbers():
    names = np.array(["low", "high"])[T]
    run = kb.fit(kb.Linear(2), (X, names), steps=100, progress=False, learning_rate=0.5)
    numbers = np.searchsorted(["high", "low"], names)
    assert run.score(X, names) == run.score(X, numbers) > 0.9


def test_scores_of_values_are_in_the_units_of_the_source():
    t = 1000 + 50 * X[:, 0]
    source = kb.data.arrays(X, t, target_scale="standard")
    run = kb.fit(kb.Linear(1), source, optimizer="adam", learning_rate=0.05, steps=300, progress=False)
    y = run.predict(X)[:, 0]
    np.testing.assert_allclose(run.score(X, t), r2_score(t, y))
    np.testing.assert_allclose(run.score(X, t, mean_absolute_error), np.abs(t - y).mean())
    assert run.score(X, t) > 0.99
    assert np.isnan(run.score(X[:1], t[:1]))
    with pytest.raises(DataError, match="values, not classes"):
        run.predict_proba(X)


def test_curves_are_drawn_and_what_there_is_no_curve_of_is_said():
    run = fit(steps=20)
    figure = run.plot("accuracy", lang="en")
    drawn = {trace.name: trace for trace in figure.data if trace.name}
    steps, values = run.history.series("test_accuracy")
    assert np.array_equal(drawn["test data"].x, steps)
    assert np.array_equal(drawn["test data"].y, values)
    values = kb.fit(kb.Linear(1), (X, X[:, 0]), steps=5, progress=False)
    assert len(values.plot().data) >= 2
    with pytest.raises(DataError, match="no such measure"):
        values.plot("accuracy")


def test_load_finds_what_save_was_given(tmp_path):
    run = fit()
    run.save(tmp_path / "net.v1")
    assert np.array_equal(kb.load(tmp_path / "net.v1").predict(X), run.predict(X))


def test_labels_of_minus_one_and_one_and_columns_of_labels_are_understood():
    signs = 2 * T - 1
    run = kb.fit(kb.Linear(2), (X, signs[:, None]), steps=100, progress=False, learning_rate=0.5)
    assert run.preparation.class_names == ("-1", "1")
    assert run.score(X, signs) == (run.predict_classes(X).astype(int) == signs).mean() > 0.9
    column = kb.data.arrays(X, T[:, None])
    assert column.sha256 == kb.data.arrays(X, T).sha256
    with pytest.raises(DataError, match="a label is not a class"):
        kb.data.arrays(X, T - 1)
