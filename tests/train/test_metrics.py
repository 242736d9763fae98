import json

import numpy as np
import pytest
from sklearn import metrics as theirs

import koubai as kb
from koubai.core.errors import ConfigError, DataError
from koubai.report.run import RunRecord, run_page
from koubai.train.folder import RunFolder
from koubai.train.metrics import METRICS
from koubai.train.sentences import matrices, measure_rows

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 4))
TWO = np.array(["no", "yes"])[(X[:, 0] + RNG.normal(size=200) > 0.5).astype(int)]
THREE = RNG.integers(1, 4, 200)
PRICE = 1000 + 30 * X[:, :2]


def fit(t, outputs, metrics, **settings):
    source = kb.data.arrays(X, t, target_scale="raw" if t.dtype.kind != "f" else "standard")
    return kb.fit(
        kb.Mlp((8,), outputs),
        source,
        steps=40,
        engine="reference",
        progress=False,
        metrics=metrics,
        **settings,
    )


def held_out(run):
    """Targets, predicted classes and probabilities (or values) of the test part, each by another way."""
    data = run.session.dataset
    if data.classes is None:
        return data.as_stored(data.t_test), run.predict(data.x_test, prepared=True), None
    return (
        data.t_test,
        run.decide(data.x_test, prepared=True),
        run.predict_proba(data.x_test, prepared=True),
    )


BY_SCIKIT_LEARN = {
    "two": {
        "f1": lambda t, y, p: theirs.f1_score(t, y),
        "precision": lambda t, y, p: theirs.precision_score(t, y),
        "balanced_accuracy": lambda t, y, p: theirs.balanced_accuracy_score(t, y),
        "mcc": lambda t, y, p: theirs.matthews_corrcoef(t, y),
        "roc_auc": lambda t, y, p: theirs.roc_auc_score(t, p[:, 1]),
        "average_precision": lambda t, y, p: theirs.average_precision_score(t, p[:, 1]),
    },
    "three": {
        "f1_macro": lambda t, y, p: theirs.f1_score(t, y, average="macro"),
        "recall_weighted": lambda t, y, p: theirs.recall_score(t, y, average="weighted"),
        "cohen_kappa_score": lambda t, y, p: theirs.cohen_kappa_score(t, y),
        "neg_log_loss": lambda t, y, p: theirs.log_loss(t, p),
        "roc_auc_ovr": lambda t, y, p: theirs.roc_auc_score(t, p, multi_class="ovr"),
        "confusion_matrix": lambda t, y, p: theirs.confusion_matrix(t, y),
    },
    "values": {
        "r2": lambda t, y, p: theirs.r2_score(t, y),
        "mae": lambda t, y, p: theirs.mean_absolute_error(t, y),
        "rmse": lambda t, y, p: theirs.root_mean_squared_error(t, y),
    },
}
TARGETS = {"two": (TWO, 2), "three": (THREE, 3), "values": (PRICE, 2)}


@pytest.mark.parametrize("kind", TARGETS)
def test_a_name_measures_what_scikit_learn_measures(kind):
    run = fit(*TARGETS[kind], list(BY_SCIKIT_LEARN[kind]))
    measured = run.scores["test"].measures
    assert len(measured) == len(BY_SCIKIT_LEARN[kind])
    for (asked, own), (name, value) in zip(BY_SCIKIT_LEARN[kind].items(), measured.items(), strict=True):
        np.testing.assert_allclose(value, own(*held_out(run)), rtol=1e-6, err_msg=f"{asked} as {name}")


def test_all_names_are_functions_of_scikit_learn_and_are_measured():
    for kind, (t, outputs) in TARGETS.items():
        data = kb.data.arrays(X, t).load()
        fitting = [
            name
            for name, metric in METRICS.items()
            if (metric.needs == "values") == (data.classes is None)
            and not (metric.two and data.classes != 2)
            and not ("multi_class" in metric.options and data.classes == 2)
        ]
        measured = fit(t, outputs, fitting).scores["test"].measures
        assert set(measured) == set(fitting), kind
        assert all(np.isfinite(value).all() for value in measured.values()), kind


def test_a_function_gets_names_of_classes_or_values_in_their_units():
    seen = []

    def rate_of_yes(t, y):
        seen.append((set(t), set(y)))
        return (y == "yes").mean()

    run = fit(TWO, 2, {"yes": rate_of_yes})
    assert all(t <= {"no", "yes"} and y <= {"no", "yes"} for t, y in seen)
    data = run.session.dataset
    predicted = run.predict_classes(data.x_test, prepared=True)
    assert run.scores["test"].measures == {"yes": (predicted == "yes").mean()}
    farthest = fit(PRICE, 2, [lambda t, y: abs(t - y).max(axis=0)]).scores["test"].measures["lambda"]
    assert np.shape(farthest) == (2,)
    assert max(farthest) > 10, "in units of the source, not of the scaled targets"


def test_they_stand_in_history_folder_and_words(tmp_path, capsys):
    run = fit(THREE, 3, ["f1_macro", "confusion_matrix"], folder=tmp_path / "run")
    steps, values = run.history.series("test_f1_macro")
    assert (len(steps), values[-1]) == (11, run.scores["test"].measures["f1_macro"])
    matrix = run.history.vectors[40, "", "test_confusion_matrix"]
    assert matrix.sum() == run.scores["test"].count == 60
    folder = RunFolder(tmp_path / "run")
    assert folder.result["scores"] == run.scores
    assert folder.history() == run.history
    assert RunRecord.read(folder).scores == run.scores
    rows = measure_rows(run.scores)
    assert rows[0] == ["metric", "training", "test"]
    assert rows[1] == [
        "f1_macro",
        *(f"{run.scores[part].measures['f1_macro']:.4g}" for part in ("train", "test")),
    ]
    ((sentence, cells),) = matrices(run.scores, ("1", "2", "3"))
    assert sentence.startswith("Confusion matrix, test data")
    assert cells[0] == ["true", "1", "2", "3"]
    assert [[float(cell) for cell in row[1:]] for row in cells[1:]] == matrix.tolist()
    assert "f1_macro" in run._repr_html_()


def test_a_recipe_names_them_and_keeps_its_hash_and_weights_without():
    recipe = kb.Recipe(kb.Mlp((8,)), kb.data.digits(), steps=3)
    measured = recipe.edit(metrics=["f1_macro", "accuracy"])
    assert kb.Recipe.from_toml(measured.to_toml()) == measured
    assert recipe.hash == "8abef19a91b59d0c"
    assert measured.hash != recipe.hash
    plain, watched = (kb.fit(each, engine="reference", progress=False) for each in (recipe, measured))
    assert set(watched.scores["test"].measures) == {"f1_macro"}
    for path, array in plain.session.state().weights.params.items():
        assert np.array_equal(array, watched.session.state().weights.params[path])


def test_outputs_that_are_not_finite_measure_nan_and_survive_a_file(tmp_path):
    with np.errstate(all="ignore"):
        run = fit(PRICE, 2, ["r2"], learning_rate=1e20, folder=tmp_path / "run")
    assert run.stopped_by == "not finite"
    assert np.isnan(run.scores["test"].measures["r2"])
    assert np.isnan(RunFolder(tmp_path / "run").result["scores"]["test"].measures["r2"])
    assert json.loads((tmp_path / "run" / "result.json").read_text())["scores"]["test"]["measures"] == {
        "r2": None
    }


@pytest.mark.parametrize(
    ("kind", "metrics", "sentence"),
    [
        ("three", ["f1"], r"metrics\.0: f1 is for two classes; there are 3 here(?s:.*)f1_macro"),
        ("three", ["r2"], "r2 is for values"),
        ("values", ["f1_macro"], "f1_macro is for classes"),
        ("three", ["f1_marco", "acuracy"], r"(?s)metrics\.0: no metric.*f1_macro.*metrics\.1.*accuracy"),
        ("three", ["f1_macro", "f1_macro_score"], "stands twice"),
        ("three", {"loss": max}, "stands twice"),
        ("three", [3], r"metrics\.0: expected a name such as 'f1_macro'(?s:.*)int"),
        ("three", 3, r"metrics\.0: expected a name such as 'f1_macro'(?s:.*)int"),
        ("three", {"mine": "f1_macro"}, r"metrics\.mine: expected a function of(?s:.*)str"),
    ],
)
def test_what_cannot_be_measured_is_said_before_anything_is_trained(kind, metrics, sentence):
    with pytest.raises(ConfigError, match=sentence):
        fit(*TARGETS[kind], metrics)


def test_a_loss_without_probabilities_and_a_function_without_a_number_are_told():
    with pytest.raises(ConfigError, match="log_loss needs probabilities, which MeanSquaredError"):
        fit(THREE, 3, ["log_loss"], loss="mean_squared_error")
    with pytest.raises(DataError, match=r"grade: the metric gave no number(?s:.*)str"):
        fit(THREE, 3, {"grade": lambda t, y: "good"})


def test_each_has_curves_in_plot_and_report():
    run = fit(THREE, 3, ["f1_macro"])
    drawn = {trace.name: trace for trace in run.plot("f1_macro", lang="en").data if trace.name}
    assert np.array_equal(drawn["test data"].y, run.history.series("test_f1_macro")[1])
    pictures = {
        picture.name for section in run_page(RunRecord.of(run)).sections for picture in section.pictures
    }
    assert {"curves-f1_macro", "curves-loss", "curves-accuracy"} <= pictures
