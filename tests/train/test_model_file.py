"""Trained networks in files: what comes back, and what hostile files lead to."""

import json
import struct

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import koubai as kb
from koubai.core.errors import RunError
from koubai.train import Session
from koubai.train.folder_writer import RunWriter
from koubai.train.model_file import load, save
from koubai.train.packing import pack, unpack
from koubai.train.tensors import pack_state, unpack_state


@pytest.fixture
def session(recipe):
    session = Session(recipe, engine="reference")
    session.advance(5)
    return session


@pytest.fixture
def file(session, tmp_path):
    weights, preparation = session.state().weights, session.dataset.preparation
    return save(tmp_path / "nets" / "digits", session.recipe, session.network, weights, preparation)


def test_what_was_saved_predicts_the_same(session, file):
    assert file.name == "digits.safetensors"
    assert sorted(item.name for item in file.parent.iterdir()) == ["digits.safetensors", "digits.toml"]
    x = session.dataset.x_test
    trained = load(file)
    assert trained.recipe == session.recipe
    np.testing.assert_allclose(trained.predict(x), session.program.predict(x), rtol=1e-6, atol=1e-6)
    assert (trained.decide(x) == session.program.predict(x).argmax(axis=1)).all()
    assert trained.predict(x[:0]).shape == (0, 10)


def test_only_a_finished_run_is_loaded_from_its_folder(recipe, tmp_path):
    run = kb.fit(recipe, folder=tmp_path / "run", progress=False, engine="reference")
    x = run.session.dataset.x_test
    np.testing.assert_allclose(load(tmp_path / "run").predict(x), run.predict(x), rtol=1e-6, atol=1e-6)
    assert load(tmp_path / "run/model.safetensors").recipe == recipe
    place = tmp_path / "part"
    with RunWriter(place).held():
        RunWriter(place).begin(run.session)
    with pytest.raises(RunError, match="not finished") as error:
        load(place)
    assert error.value.hint == f"koubai resume {place}"
    with pytest.raises(RunError, match="no run here"):
        load(tmp_path)


def test_weights_without_their_recipe_are_refused(file):
    recipe = file.with_suffix(".toml")
    text = recipe.read_text()
    recipe.write_text(text.replace("seed = 4", "seed = 5"))
    with pytest.raises(RunError, match="not the one that made them"):
        load(file)
    recipe.write_text("seed =")
    with pytest.raises(RunError, match="cannot be read"):
        load(file)
    recipe.unlink()
    with pytest.raises(RunError, match="no recipe beside"):
        load(file)


def rewritten(file, change):
    """Write the file again with `change(tensors, about)` made."""
    tensors, about = unpack(file.read_bytes(), file)
    change(tensors, about)
    file.write_bytes(pack(tensors, about))


def lacking(tensors, about):
    del tensors["params/1.bias"]


def foreign(tensors, about):
    tensors["params/9.weight"] = np.zeros(3)


def misshapen(tensors, about):
    tensors["params/1.bias"] = np.zeros(13, np.float32)


def wide(tensors, about):
    tensors["params/1.bias"] = tensors["params/1.bias"].astype(np.float64)


def shapeless(tensors, about):
    del about["in_shape"]


def strange_shape(tensors, about):
    about["in_shape"] = "8x-8"


def endless_shape(tensors, about):
    about["in_shape"] = "x".join(["999999999"] * 50)


def other_shape(tensors, about):
    about["in_shape"] = "1x9x9"


WRONG = {
    lacking: "lacks params/1.bias",
    foreign: "holds params/9.weight too",
    misshapen: r"params/1.bias does not fit.*\n.*F32 of shape \(12,\)\n.*\(13,\)",
    wide: "params/1.bias does not fit.*\n.*F32.*\n.*F64",
    shapeless: "do not say what shape",
    strange_shape: "do not say what shape",
    endless_shape: "do not say what shape",
    other_shape: r"params/1.weight does not fit.*\n.*\(81, 12\)",
}


@pytest.mark.parametrize("change", WRONG, ids=lambda change: change.__name__)
def test_tensors_that_do_not_fit_are_named(file, change):
    rewritten(file, change)
    with pytest.raises(RunError, match=WRONG[change]) as error:
        load(file)
    assert error.value.where == str(file)


def header_of(table, data=b""):
    text = json.dumps(table).encode()
    return struct.pack("<Q", len(text)) + text + data


HOSTILE = {
    "empty": b"",
    "short": b"\x08\x00",
    "a header longer than the file": struct.pack("<Q", 10**6) + b"{}",
    "a header of exabytes": struct.pack("<Q", 2**62) + b"{}",
    "no JSON": struct.pack("<Q", 4) + b"abcd",
    "a pickle": b"\x80\x04cos\nsystem\n(S'true'\ntR.",
    "tensors beyond the end": header_of(
        {"w": {"dtype": "F32", "shape": [10**6], "data_offsets": [0, 4 * 10**6]}}
    ),
    "an overflowing shape": header_of(
        {"w": {"dtype": "F32", "shape": [2**40, 2**40], "data_offsets": [0, 4]}}, b"abcd"
    ),
    "a size that is not the shape's": header_of(
        {"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}, b"abcd"
    ),
    "offsets that run backwards": header_of(
        {"w": {"dtype": "F32", "shape": [1], "data_offsets": [4, 0]}}, b"abcd"
    ),
    "an unknown number type": header_of(
        {"w": {"dtype": "X99", "shape": [1], "data_offsets": [0, 4]}}, b"abcd"
    ),
    "a deep header": struct.pack("<Q", 20_000) + b"[" * 20_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_one_clear_error(file, name):
    file.write_bytes(HOSTILE[name])
    with pytest.raises(RunError, match="not a safetensors file that can be read") as error:
        load(file)
    assert error.value.where == str(file)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_damaged_bytes_are_an_error_or_other_numbers_but_never_a_crash(file, data):
    whole = file.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    damaged = whole[:at] + bytes([data.draw(st.integers(0, 255))]) + whole[at + 1 :]
    file.write_bytes(
        damaged[: data.draw(st.integers(0, len(damaged)))] if data.draw(st.booleans()) else damaged
    )
    try:
        assert load(file).network.parameter_count == 64 * 12 + 12 + 2 * 12 + 12 * 10 + 10
    except RunError as error:
        assert error.where.startswith(str(file.parent))  # noqa: PT017 -- both ways out are right
    finally:
        file.write_bytes(whole)


def test_a_state_comes_back_bit_for_bit(session, tmp_path):
    state = session.state()
    state.weights.params["1.bias"][:2] = [np.nan, -0.0]
    again, about = unpack_state(pack_state(state, {"note": "x"}), tmp_path / "state.safetensors", state)
    assert (again.step, about["note"]) == (5, "x")
    for mine, theirs in (
        (state.weights.params, again.weights.params),
        (state.weights.buffers, again.weights.buffers),
        (state.slots, again.slots),
    ):
        assert mine.keys() == theirs.keys()
        assert all(mine[name].tobytes() == theirs[name].tobytes() for name in mine)


def test_a_state_without_a_step_is_refused(session, tmp_path):
    file = tmp_path / "state.safetensors"
    file.write_bytes(pack_state(session.state(), {}))
    rewritten(file, lambda tensors, about: about.update(step="soon"))
    with pytest.raises(RunError, match="does not say its step"):
        unpack_state(file.read_bytes(), file, session.state())


def test_weights_of_another_network_are_not_saved(session, tmp_path):
    weights = session.state().weights
    weights.params.pop("1.bias")
    with pytest.raises(kb.KoubaiError, match="another network"):
        save(tmp_path / "net", session.recipe, session.network, weights)
    assert not list(tmp_path.iterdir())
