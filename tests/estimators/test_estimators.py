import pickle
import warnings
from dataclasses import replace

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_digits, make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import koubai as kb
from koubai.core.errors import ConfigError, DataError, EngineError, ShapeError, UnknownName
from koubai.sklearn import HiddenActivations, KoubaiClassifier, KoubaiRegressor

X, Y = make_classification(300, 6, n_informative=4, class_sep=1.5, random_state=0)


def small(**settings):
    return KoubaiClassifier((16,), **{"epochs": 10, "learning_rate": 0.02, "random_state": 0, **settings})


def weights_of(estimator):
    return estimator._learned.state.weights.params


def same(a, b):
    return all(np.array_equal(weights_of(a)[path], w) for path, w in weights_of(b).items())


def test_it_learns_digits_and_diabetes():
    x, t = load_digits(return_X_y=True)
    assert KoubaiClassifier(epochs=30, random_state=0).fit(x[:1200], t[:1200]).score(x[1200:], t[1200:]) > 0.9
    x, t = load_diabetes(return_X_y=True)
    model = KoubaiRegressor((20,), epochs=30, random_state=0).fit(x[:300], t[:300])
    assert model.score(x[300:], t[300:]) > 0.35
    assert 30 < np.abs(model.predict(x[300:]) - t[300:]).mean() < 60  # in the units of y
    assert model.run_.findings == []


def test_pipeline_grid_search_and_cross_validation():
    grid = GridSearchCV(
        make_pipeline(StandardScaler(), small()),
        {"koubaiclassifier__hidden": [(4,), (16,)], "koubaiclassifier__optimizer": ["adam", kb.SGD(0.1)]},
        cv=2,
    ).fit(X, Y)
    assert grid.best_score_ > 0.8
    assert len(grid.cv_results_["params"]) == 4
    assert cross_val_score(small(), X, Y, cv=3, scoring="roc_auc").mean() > 0.9


def test_labels_of_any_kind_come_back():
    names = np.array(["no", "yes"])[Y]
    model = small().fit(X, names)
    assert model.classes_.tolist() == ["no", "yes"]
    assert (model.predict(X) == names).mean() > 0.8
    assert (small().fit(X, 2 * Y - 1).predict(X) == 2 * Y - 1).mean() > 0.8


def test_probabilities_are_softmax_of_the_outputs_of_the_run():
    model = small().fit(X, Y)
    y = model.run_.predict(X).astype(float)
    expected = np.exp(y) / np.exp(y).sum(1, keepdims=True)
    np.testing.assert_allclose(model.predict_proba(X), expected, rtol=1e-5)
    np.testing.assert_allclose(np.exp(model.predict_log_proba(X)), model.predict_proba(X), rtol=1e-9)


@pytest.mark.parametrize("outputs", [1, 2])
def test_sigmoids_give_probabilities_too(outputs):
    model = small(loss="sigmoid_cross_entropy", network=kb.Linear(outputs)).fit(X, Y)
    p = model.predict_proba(X)
    np.testing.assert_allclose(p.sum(1), 1)
    assert ((p[:, 1] > 0.5) == (model.predict(X) == 1)).mean() > 0.95


def test_a_loss_without_probabilities_says_so():
    model = small(loss="mean_squared_error").fit(X, Y)
    assert model.score(X, Y) > 0.8
    with pytest.raises(DataError, match="gives no probabilities"):
        model.predict_proba(X)


def test_the_same_random_state_gives_the_same_bits_and_a_pickle_keeps_them():
    first, second, other = (small(random_state=seed).fit(X, Y) for seed in (3, 3, 4))
    assert same(first, second)
    assert not same(first, other)
    loaded = pickle.loads(pickle.dumps(first))
    assert np.array_equal(loaded.predict_proba(X), first.predict_proba(X))
    assert not hasattr(loaded, "run_")
    assert same(clone(loaded).fit(X, Y), first)


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_an_answer_does_not_depend_on_what_else_is_asked(engine):
    model = small(engine=engine, epochs=1).fit(X, Y)
    alone = np.concatenate([model.predict_proba(X[i : i + 1]) for i in range(200)])
    assert np.array_equal(model.predict_proba(X)[:200], alone)


def test_the_device_is_a_setting_and_a_pickle_names_no_gpu():
    pytest.importorskip("torch")
    with pytest.raises(UnknownName, match="did you mean 'cuda'"):
        small(device="cude").fit(X, Y)
    with pytest.raises(EngineError, match="computes on the CPU"):
        small(engine="native", device="cuda").fit(X, Y)
    model = small(engine="torch", device="cpu").fit(X, Y)
    assert model.run_.session.computed_on == "cpu"
    assert pickle.loads(pickle.dumps(model))._learned.job.device == "cpu"
    model._learned.job = replace(model._learned.job, device="cuda:99")  # as if it had learned there
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict_proba(X), model.predict_proba(X))


def test_weight_zero_is_leaving_out():
    weights = np.where(np.arange(300) % 3 == 0, 0.0, 1.0)
    assert same(small().fit(X, Y, weights), small().fit(X[weights > 0], Y[weights > 0]))


def test_weights_decide_between_labels_that_contradict_each_other():
    x, t = np.repeat([[0.0], [1.0]], 200, axis=0), np.tile([0, 1, 1, 1], 100)
    weighted = small(epochs=60).fit(x, t, np.where(t == 0, 9.0, 1.0))
    np.testing.assert_allclose(weighted.predict_proba([[0.0]])[0, 0], 9 / 12, atol=0.06)
    np.testing.assert_allclose(small(epochs=60).fit(x, t).predict_proba([[0.0]])[0, 0], 1 / 4, atol=0.06)
    balanced = small(epochs=60, class_weight="balanced").fit(x, t)
    np.testing.assert_allclose(balanced.predict_proba([[1.0]])[0, 0], 1 / 2, atol=0.06)
    by_label = small(epochs=60, class_weight={0: 9, 1: 1}).fit(x, t)
    assert by_label.predict([[1.0]]) == [0]


@pytest.mark.parametrize(
    "weights", [[-1.0] * 300, [0.0] * 300, [np.nan] * 300, [1.0] * 299], ids=["< 0", "0", "nan", "few"]
)
def test_weights_that_cannot_be_are_refused(weights):
    with pytest.raises(ValueError, match="sample_weight"):
        small().fit(X, Y, sample_weight=weights)


def test_weights_are_routed():
    with config_context(enable_metadata_routing=True):
        model = small().set_fit_request(sample_weight=True).set_score_request(sample_weight=False)
        scores = cross_validate(model, X, Y, cv=2, params={"sample_weight": np.ones(300)})
    assert scores["test_score"].min() > 0.7


def test_warm_start_goes_on_bit_for_bit():
    twice = small(epochs=4, warm_start=True)
    assert twice.fit(X, Y).n_iter_ == 4
    first = weights_of(twice)["1.weight"].copy()
    twice.fit(X, Y)
    assert same(twice, small(epochs=8).fit(X, Y))
    assert not np.array_equal(first, weights_of(twice)["1.weight"])
    with pytest.raises(ValueError, match="classes it knows"):
        twice.fit(X, Y + 1)


def test_partial_fit_takes_data_in_pieces():
    model = small()
    with pytest.raises(ValueError, match="names all classes"):
        model.partial_fit(X, Y)
    for _ in range(20):
        for start in (0, 100, 200):
            model.partial_fit(X[start : start + 100], Y[start : start + 100], classes=[0, 1])
    assert model._learned.state.step == 60 * 4  # of 25
    assert model.score(X, Y) > 0.8
    with pytest.raises(ValueError, match="not among the classes"):
        model.partial_fit(X, Y + 1)
    values = KoubaiRegressor((16,), learning_rate=0.02, random_state=0)
    for _ in range(60):
        values.partial_fit(X, 100 + X[:, 0])
    assert values.score(X, 100 + X[:, 0]) > 0.9


def test_early_stopping_ends_when_there_is_nothing_to_learn():
    noise = np.random.default_rng(0).integers(0, 2, 300)
    model = small(epochs=200, early_stopping=True, n_iter_no_change=3).fit(X, noise)
    assert model.n_iter_ < 200
    assert model.run_.stopped_by == "early stopping"
    assert model.run_.scores["val"].count == 30
    learned = small(epochs=40, early_stopping=True, class_weight="balanced").fit(X, Y)
    assert learned.score(X, Y) > 0.8


def test_what_diverges_warns_and_keeps_its_run():
    with pytest.warns(ConvergenceWarning, match="not finite"):
        model = small(optimizer="sgd", learning_rate=1e6, loss="mean_squared_error").fit(X, Y)
    assert model.run_.stopped_by == "not finite"
    assert np.isnan(model.run_.history.last("loss")) or np.isinf(model.run_.history.last("loss"))


def test_hidden_activations_are_those_of_the_formula():
    model = HiddenActivations(small(scale="raw")).fit(X, Y)
    w, b = (weights_of(model.estimator_)[f"1.{name}"] for name in ("weight", "bias"))
    np.testing.assert_allclose(model.transform(X), np.maximum(X @ w + b, 0), rtol=1e-4, atol=1e-5)
    assert model.get_feature_names_out()[:2].tolist() == ["hiddenactivations0", "hiddenactivations1"]
    assert model.layer_ == "2"
    assert make_pipeline(HiddenActivations(small()), LogisticRegression()).fit(X, Y).score(X, Y) > 0.8
    assert isinstance(HiddenActivations().fit(X, X[:, 0]).estimator_, KoubaiRegressor)
    with pytest.raises(UnknownName, match="layer"):
        HiddenActivations(small(), "7").fit(X, Y)


def test_a_network_of_ones_own_may_take_pictures():
    x, t = load_digits(return_X_y=True)
    net = kb.Sequential(kb.Conv2d(4, 3), kb.ReLU(), kb.Flatten(), kb.Linear(10))
    model = KoubaiClassifier(network=net, input_shape=(1, 8, 8), epochs=4, learning_rate=0.01, random_state=0)
    assert model.fit(x[:600], t[:600]).score(x[600:], t[600:]) > 0.8
    with pytest.raises(ShapeError, match="input_shape"):
        clone(model).set_params(input_shape=(1, 9, 9)).fit(x[:100], t[:100])
    with pytest.raises(ConfigError, match="puts out 10 values"):
        clone(model).fit(x[:100], np.arange(100) % 11)


def test_several_values_a_sample_and_their_shape():
    values = np.stack([X[:, 0], 5 * X[:, 1]], axis=1)
    model = KoubaiRegressor((16,), epochs=40, learning_rate=0.02, random_state=0).fit(X, values)
    assert model.predict(X).shape == (300, 2)
    assert model.score(X, values) > 0.9


def test_settings_are_written_as_scikit_learn_writes_them():
    assert repr(small()) == ("KoubaiClassifier(epochs=10, hidden=(16,), learning_rate=0.02, random_state=0)")
    assert "KoubaiClassifier" in small()._repr_html_()
    with pytest.raises(UnknownName, match="did you mean 'adam'"):
        small(optimizer="adm").fit(X, Y)


def test_names_of_columns_are_kept():
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(X, columns=list("abcdef"))
    model = small().fit(table, Y)
    assert model.feature_names_in_.tolist() == list("abcdef")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.predict(table)
    with pytest.raises(ValueError, match="feature names"):
        model.predict(table[list("fedcba")])
    framed = HiddenActivations(small()).set_output(transform="pandas").fit(table, Y).transform(table)
    assert framed.columns[0] == "hiddenactivations0"


@pytest.mark.parametrize(("n", "size", "batches"), [(112, 28, 4), (300, 30, 10), (7, 7, 1), (65, 21, 3)])
def test_an_epoch_leaves_almost_nothing_out(n, size, batches):
    model = small(epochs=2).fit(X[:n], Y[:n])
    assert model.run_.recipe.batch_size == size
    assert (model.n_iter_, model.run_.session.step) == (2, 2 * batches)
    seen = model.run_.session.sampler.batches(0, batches)
    assert n - len(set(seen.ravel().tolist())) < batches
