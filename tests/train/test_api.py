"""The names of `import koubai as kb`, and fit, resume, load, findings."""

import re
import warnings
from dataclasses import replace

import numpy as np
import pytest

import koubai as kb
from koubai.core.errors import ConfigError, DataError, RunError
from koubai.core.layer import LAYERS
from koubai.losses.loss import LOSSES
from koubai.models import MODELS
from koubai.optim.optimizer import OPTIMIZERS


@pytest.fixture
def net():
    return kb.Sequential(kb.Flatten(), kb.Linear(16), kb.ReLU(), kb.Linear(10))


def test_every_registered_class_is_a_public_name():
    for registry in (LAYERS, LOSSES, OPTIMIZERS, MODELS):
        for name, cls in registry.by_class_name().items():
            assert getattr(kb, name) is cls
            assert name in dir(kb)


def test_every_public_name_is_there():
    for name in dir(kb):
        assert getattr(kb, name) is not None


def test_a_mistyped_name_has_its_nearest():
    with pytest.raises(AttributeError, match=r"no attribute 'Con2d'; did you mean 'Conv2d'\?"):
        kb.Con2d  # noqa: B018 -- looking is the point
    with pytest.raises(AttributeError):
        kb.__wrapped__  # noqa: B018 -- what inspect asks of every module


def test_fit_trains_on_a_source(net):
    run = kb.fit(net, kb.data.digits(), optimizer=kb.Adam(0.01), steps=200, seed=1, progress=False)
    assert run.scores["test"].accuracy > 0.8
    assert run.recipe == kb.Recipe(net, kb.data.digits(), optimizer=kb.Adam(0.01), steps=200, seed=1)
    assert run.predict(run.session.dataset.x_test[:3]).shape == (3, 10)


def test_fit_takes_a_data_set_and_arrays(net):
    digits = kb.data.digits().load()
    whole = kb.fit(net, kb.data.digits(), steps=20, progress=False, engine="reference")
    run = kb.fit(net, digits, steps=20, progress=False, engine="reference")
    assert np.array_equal(run.history.series("loss")[1], whole.history.series("loss")[1])
    parts = (digits.x_train, digits.t_train, digits.x_test, digits.t_test)
    run = kb.fit(net, parts, steps=20, progress=False, engine="reference")
    assert np.array_equal(run.history.series("loss")[1], whole.history.series("loss")[1])
    split = kb.fit(net, (digits.x_train, digits.t_train), steps=1, progress=False)
    assert split.scores["test"].count == round(0.3 * len(digits.x_train))


def test_the_loss_follows_the_targets(net):
    x = np.random.default_rng(0).normal(size=(40, 2))
    assert kb.fit(kb.Linear(1), (x, x[:, 0]), steps=1, progress=False).recipe.loss == kb.MeanSquaredError()
    assert (
        kb.fit(kb.Linear(2), (x, x[:, 0] > 0), steps=1, progress=False).recipe.loss
        == kb.SoftmaxCrossEntropy()
    )


def test_fit_takes_a_whole_recipe(net):
    recipe = kb.Recipe(net, kb.data.digits(), steps=30)
    assert kb.fit(recipe, progress=False).recipe == recipe
    assert kb.fit(recipe, steps=5, progress=False).session.step == 5
    with pytest.raises(DataError, match="brings its own data"):
        kb.fit(recipe, kb.data.digits(), progress=False)


def test_every_mistake_in_a_call_is_told_at_once(net):
    with pytest.raises(ConfigError) as error:
        kb.fit(net, kb.data.digits(), optimiser=kb.Adam(), batch_size=0, loss=kb.MeanSquaredError)
    found = {problem.path: problem.hint for problem in error.value.problems}
    assert found == {
        "optimiser": "did you mean 'optimizer'?",
        "loss": "write MeanSquaredError(...), with brackets",
        "batch_size": None,
    }
    with pytest.raises(ConfigError, match="expected data, got NoneType"):
        kb.fit(net)


def test_a_run_is_saved_loaded_and_resumed(net, tmp_path):
    run = kb.fit(net, kb.data.digits(), steps=20, folder=tmp_path / "run", progress=False)
    x = run.session.dataset.x_test
    for place in (run.save(tmp_path / "net"), tmp_path / "run"):
        np.testing.assert_allclose(kb.load(place).predict(x), run.predict(x), rtol=1e-5, atol=1e-5)
    assert kb.resume(tmp_path / "run", progress=False).scores == run.scores


def test_a_run_on_arrays_is_resumed_with_the_same_arrays_and_no_others(net, tmp_path):
    data = kb.data.digits().load()  # a Dataset: the folder keeps its hash, not the arrays
    run = kb.fit(net, data, steps=20, folder=tmp_path / "run", progress=False)
    with pytest.raises(DataError, match="not in this process"):
        kb.resume(tmp_path / "run", progress=False)
    again = kb.resume(tmp_path / "run", dataset=data, progress=False)
    assert again.scores == run.scores
    other = replace(data, x_train=data.x_train[::-1].copy())
    with pytest.raises(RunError, match="not those the run began with"):
        kb.resume(tmp_path / "run", dataset=other, progress=False)


@pytest.mark.parametrize("in_folder", [False, True])
def test_an_interrupted_fit_says_how_it_goes_on(net, tmp_path, capsys, monkeypatch, in_folder):
    recipe = kb.Recipe(net, kb.data.digits(), steps=50)
    whole = kb.fit(recipe, progress=False, engine="reference")

    def pressed(self):
        self.requested = True  # Ctrl-C, before the first step
        return self

    with monkeypatch.context() as patch:
        patch.setattr("koubai.train.interrupt.Interrupt.__enter__", pressed)
        part = kb.fit(
            recipe, folder=tmp_path / "run" if in_folder else None, progress=False, engine="reference"
        )
    assert part.stopped_by == "interrupted"
    assert ("koubai resume" if in_folder else "run.resume()") in capsys.readouterr().err
    run = part.resume(progress=False)
    assert run.stopped_by is None
    assert run.history == whole.history


def test_findings_are_those_of_the_doctor(net, monkeypatch):
    asked = []
    monkeypatch.setattr("koubai.doctor.diagnose.diagnose", lambda run: asked.append(run) or ["K001"])
    run = kb.fit(net, kb.data.digits(), steps=3, progress=False)
    assert asked == []
    assert run.findings == run.findings == ["K001"]
    assert asked == [run]


def test_watch_is_the_doctor_s(monkeypatch):
    torch = pytest.importorskip("torch")
    model = torch.nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with kb.watch(model, optimizer, every=5) as watch:
        for _ in range(3):
            optimizer.zero_grad()
            torch.nn.functional.mse_loss(model(torch.ones(4, 2)), torch.zeros(4, 1)).backward()
            optimizer.step()
    assert isinstance(watch.findings, list)


def test_watch_without_pytorch_says_what_to_install(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "torch", None)
    for name in [name for name in sys.modules if name.startswith("koubai.doctor.watch")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(kb.KoubaiError, match="PyTorch") as error:
        kb.watch(None)
    assert error.value.hint == "pip install 'koubai[torch]'"


@pytest.mark.parametrize(
    ("network", "said"),
    [
        (kb.Mlp((8,)), r"10 outputs .* 2 classes: Mlp\(\.\.\., classes=2\)"),
        (kb.Sequential(kb.Linear(3)), "3 outputs .* a last layer of 2"),
        (kb.Mlp((8,), classes=2), None),
        (kb.Sequential(kb.Linear(1)), None),
    ],
)
def test_more_outputs_than_classes_are_told_where_the_call_stands(network, said):
    data = kb.data.blobs(centers=2)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        kb.fit(network, data, steps=2, progress=False, engine="reference")
    told = [each for each in told if "outputs" in str(each.message)]
    assert [each.filename for each in told] == ([__file__] if said else [])
    assert all(re.search(said, str(each.message)) for each in told)


def test_outputs_of_values_are_not_counted_as_classes():
    x = np.random.default_rng(0).normal(size=(40, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        kb.fit(kb.Sequential(kb.Linear(2)), (x, x), steps=2, progress=False, engine="reference")
