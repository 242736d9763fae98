"""scikit-learn's own callbacks; skipped as a whole where it has none (before 1.9)."""

import pickle

import numpy as np
import pytest
from sklearn.datasets import load_wine
from sklearn.model_selection import GridSearchCV

from koubai.sklearn import KoubaiClassifier, KoubaiRegressor

callback = pytest.importorskip("sklearn.callback")

X, Y = load_wine(return_X_y=True)
NAMES = np.array(["a", "b", "c"])[Y]


class Noted:
    """Keeps what it is told; ends the training after an epoch, if it is told to."""

    def __init__(self, end=None):
        self.told, self.end = [], end

    def setup(self, estimator, context):
        self.told.append(("setup", context.task_name, context.max_subtasks))

    def teardown(self, estimator, context):
        self.told.append(("teardown", context.task_name))

    def on_fit_task_begin(self, estimator, context):
        self.told.append(("begin", context.task_name, context.task_id))

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, metadata=None, fitted_estimator=None):
        score = None if fitted_estimator is None else fitted_estimator.score(X, y)
        self.told.append(("end", context.task_name, context.task_id, score, metadata))
        return context.task_name == "epoch" and context.task_id == self.end


def classifier(**settings):
    return KoubaiClassifier((8,), epochs=3, random_state=0, engine="reference", **settings)


def test_fit_and_every_epoch_are_tasks_with_the_estimator_as_it_stands():
    noted, weights = Noted(), np.ones(len(X))
    fitted = classifier().set_callbacks(noted).fit(X, NAMES, sample_weight=weights)
    steps = [(what[0], *what[1:3]) for what in noted.told]
    epochs = [(kind, "epoch", i) for i in range(3) for kind in ("begin", "end")]
    assert steps == [
        ("setup", "fit", 3),
        ("begin", "fit", 0),
        *epochs,
        ("end", "fit", 0),
        ("teardown", "fit"),
    ]
    ends = [what for what in noted.told if what[0] == "end"]
    assert [one[3] for one in ends[-2:]] == [fitted.score(X, NAMES)] * 2
    assert ends[0][3] == classifier().set_params(epochs=1).fit(X, NAMES, sample_weight=weights).score(
        X, NAMES
    )
    assert ends[0][4]["sample_weight"] is weights


def test_being_watched_changes_no_bit_and_a_pickle_keeps_nothing_open():
    watched, plain = classifier().set_callbacks(Noted()).fit(X, NAMES), classifier().fit(X, NAMES)
    assert np.array_equal(watched.predict_proba(X), plain.predict_proba(X))
    assert np.array_equal(pickle.loads(pickle.dumps(watched)).predict_proba(X), plain.predict_proba(X))


def test_a_callback_ends_the_training_after_an_epoch():
    noted = Noted(end=1)
    fitted = classifier().set_callbacks(noted).fit(X, NAMES)
    assert (fitted.n_iter_, fitted.run_.stopped_by) == (2, "callback")
    two = classifier().set_params(epochs=2).fit(X, NAMES)
    assert np.array_equal(fitted.predict_proba(X), two.predict_proba(X))
    assert noted.told[-1] == ("teardown", "fit")


def test_early_stopping_ends_the_epochs_too():
    noted = Noted()
    model = KoubaiRegressor(
        (8,), epochs=50, early_stopping=True, n_iter_no_change=2, tol=1e9, random_state=0, engine="reference"
    )
    fitted = model.set_callbacks(noted).fit(X, Y)
    assert sum(what[:2] == ("begin", "epoch") for what in noted.told) == fitted.n_iter_ < 50
    assert noted.told[-2][:2] == ("end", "fit")


def test_scikit_learns_own_callbacks_work_here():
    monitor = callback.ScoringMonitor(scoring="accuracy")
    fitted = classifier().set_callbacks(monitor).fit(X, NAMES)
    rows = [row for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert len(rows) == 3
    assert rows[-1]["accuracy"] == fitted.score(X, NAMES)


def test_a_search_hands_its_callbacks_on():
    bar = callback.ProgressBar()
    search = GridSearchCV(classifier(), {"hidden": [(4,), (8,)]}, cv=2)
    search.set_callbacks(bar)
    assert search.fit(X, NAMES).best_score_ > 0.3
