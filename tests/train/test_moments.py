import numpy as np
import pytest

import koubai as kb
from koubai.train.folder import RunFolder


def fit(callbacks, **settings):
    return kb.fit(
        kb.Mlp((8,)),
        kb.data.digits(),
        steps=100,
        engine="reference",
        progress=False,
        callbacks=callbacks,
        **settings,
    )


def test_a_callback_is_told_at_every_evaluation_how_the_run_stands():
    seen = []
    run = fit([seen.append], metrics=["f1_macro"])
    assert [moment.step for moment in seen] == list(range(0, 101, 10))
    assert {moment.steps for moment in seen} == {100}
    assert seen[0].loss is None
    assert [moment.loss for moment in seen[1:]] == run.history.series("loss")[1][9::10].tolist()
    assert [moment.scores["test"].loss for moment in seen] == run.history.series("test_loss")[1].tolist()
    assert seen[-1].scores == run.scores
    assert set(seen[-1].scores["test"].measures) == {"f1_macro"}
    assert isinstance(seen[0], kb.Moment)


def test_watching_changes_no_weight():
    plain, watched = fit([]), fit([lambda moment: None])
    for path, array in plain.session.state().weights.params.items():
        assert np.array_equal(array, watched.session.state().weights.params[path])


def test_it_can_end_the_run_with_its_reason(tmp_path):
    def enough(moment):
        if moment.step >= 30:
            moment.stop("good enough")

    run = fit([enough], folder=tmp_path / "run")
    assert (run.session.step, run.stopped_by) == (30, "good enough")
    assert RunFolder(tmp_path / "run").result["stopped_by"] == "good enough"
    assert "good enough" in run._repr_html_()


class Oops(Exception):
    pass


def fails(moment):
    if moment.step == 30:
        raise Oops("my own mistake")


def test_what_it_raises_comes_as_it_is_with_what_was_trained():
    with pytest.raises(Oops, match="my own mistake") as raised:
        fit([fails])
    assert raised.traceback[-1].name == "fails"
    (note,) = raised.value.__notes__
    assert "update 30" in note
    run = raised.value.koubai_run
    assert (run.session.step, run.scores["test"].count) == (30, 597)
    assert run.predict(run.session.dataset.x_test).shape == (597, 10)


def test_a_run_in_a_folder_goes_on_from_there_to_the_same_bits(tmp_path):
    with pytest.raises(Oops) as raised:
        fit([fails], folder=tmp_path / "run", save_every=1000)
    assert str(tmp_path / "run") in raised.value.__notes__[0]
    gone_on, whole = kb.resume(tmp_path / "run", progress=False), fit([])
    assert gone_on.session.step == 100
    assert gone_on.history == whole.history
    for path, array in whole.session.state().weights.params.items():
        assert np.array_equal(array, gone_on.session.state().weights.params[path])


def test_what_an_exception_left_goes_on_in_memory_too():
    with pytest.raises(Oops) as raised:
        fit([fails])
    gone_on = raised.value.koubai_run.resume(progress=False)
    assert gone_on.session.step == 100
    assert gone_on.scores == fit([]).scores
