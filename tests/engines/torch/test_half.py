"""Half precision on the torch engine: bfloat16, and float16 whose loss is scaled. Computed on the CPU."""

from pathlib import Path

import numpy as np
import pytest

import koubai as kb
from koubai.core.errors import ConfigError, EngineError
from koubai.engines import Observation, compile_job
from koubai.engines.choose import best_engine
from koubai.engines.ranks import ALONE
from koubai.engines.torch import scale
from koubai.engines.torch.program import TorchProgram
from koubai.optim import Adam
from koubai.train.recipe import Recipe
from koubai.train.session import Session
from koubai.train.tensors import pack_state, unpack_state
from support.ranks import in_ranks
from support.torch_jobs import NETWORKS, batches, job

HALVES = {"bfloat16": 2.0**-8, "float16": 2.0**-11}  # half a unit in the last place of 1


def half(name="mlp", precision="float16", **changes):
    return job(name, "float32", precision=precision, **changes)


def scaled_by(program, number):
    """Have a program begin with another scale."""
    state = program.state()
    state.slots["loss_scale"][0] = number
    program.restore(state)
    return program


@pytest.mark.parametrize("precision", HALVES)
@pytest.mark.parametrize("name", NETWORKS)
def test_every_layer_learns_as_in_float32_within_the_rounding_of_its_products(name, precision):
    plain, mixed = TorchProgram(job(name, "float32")), TorchProgram(half(name, precision))
    if precision == "float16":
        scaled_by(mixed, 256.0)
    losses = [program.advance(batches(5)) for program in (plain, mixed)]
    assert {w.dtype for w in mixed.state().weights.params.values()} == {np.dtype("float32")}
    assert (losses[0] != losses[1]).any()
    np.testing.assert_allclose(losses[1], losses[0], rtol=8 * HALVES[precision])


def gradients(program):
    taken = []
    program.advance(batches(1), Observation(first_until=1), taken.append)
    return {name: sums.total_square**0.5 for name, sums in taken[0].moments.items() if "gradient" in name[1]}


def test_gradients_that_float16_cannot_hold_come_back():
    """Small weights make small gradients: those of the first layer are about 1e-10 here."""
    start = TorchProgram(half()).state()
    for path in ("2.weight", "4.weight"):
        start.weights.params[path] *= 1e-4
    programs = {
        "float32": TorchProgram(half(precision="float32")),
        "scaled": TorchProgram(half()),
        "not": TorchProgram(half()),
    }
    for program in programs.values():
        program.restore(start)
    scaled_by(programs["not"], 1.0)
    wanted, scaled, lost = (gradients(program) for program in programs.values())
    for name, norm in wanted.items():
        assert scaled[name] == pytest.approx(norm, rel=0.02), name
    first = "0.weight", "weight_gradient"
    assert wanted[first] > 0
    assert lost[first] < 0.5 * wanted[first]


def test_a_step_whose_gradients_overflow_is_left_out_and_told():
    program = scaled_by(TorchProgram(half(optimizer=Adam(0.01))), 2.0**30)
    before, taken = program.state(), []
    losses = program.advance(batches(1), Observation(tap_every=1), taken.append)
    after = program.state()
    assert np.isfinite(losses).all()
    assert after.step == 1
    for name, array in {**before.weights.params, **before.slots}.items():
        if name != "loss_scale":
            np.testing.assert_array_equal({**after.weights.params, **after.slots}[name], array)
    assert after.slots["loss_scale"].tolist() == [2.0**29, 0, 1]
    assert taken[0].numbers == {"loss_scale": 2.0**30, "steps_left_out": 1}
    assert {role for _, role in taken[0].moments} == {"activation", "weight"}  # no infinite gradient
    program.advance(batches(40), Observation(tap_every=1), taken.append)
    assert {role for _, role in taken[-1].moments} >= {"weight_gradient", "activation_gradient", "update"}
    assert taken[-1].numbers["steps_left_out"] == program.state().slots["loss_scale"][2] < 30
    assert (program.state().weights.params["0.weight"] != before.weights.params["0.weight"]).all()


def test_the_scale_grows_after_steps_that_were_all_made(monkeypatch):
    monkeypatch.setattr(scale, "_PATIENCE", 3)
    program = scaled_by(TorchProgram(half()), 4.0)
    program.advance(batches(7))
    assert program.state().slots["loss_scale"].tolist() == [16.0, 1, 0]


def test_a_scale_has_a_least_value():
    program = scaled_by(TorchProgram(half()), 2.0**-24)
    program._step.scale.finite.fill_(False)
    program._step.scale.change(lambda: None)
    assert program._flat.scale[0] == 2.0**-24


def test_what_is_read_back_goes_on_bit_for_bit():
    one, other = (scaled_by(TorchProgram(half("convnet", optimizer=Adam(0.01))), 2.0**30) for _ in range(2))
    whole = one.advance(batches(40))
    first = other.advance(batches(40)[:17])
    state, _ = unpack_state(pack_state(other.state(), {}), Path("state"), other.state())
    again = TorchProgram(half("convnet", optimizer=Adam(0.01)))
    again.restore(state)
    np.testing.assert_array_equal([*first, *again.advance(batches(40)[17:])], whole)
    np.testing.assert_array_equal(again.state().slots["loss_scale"], one.state().slots["loss_scale"])
    assert one.state().slots["loss_scale"][2] > 0


def test_ranks_leave_out_the_same_steps(tmp_path):
    """An overflow in the rows of one process is in the sum, which all of them see."""

    def work(ranks):
        program = scaled_by(TorchProgram(half("batch norm", ranks=ranks)), 2.0**22)
        losses = program.advance(batches(20))
        return losses, program.state().slots["loss_scale"]

    losses, kept = work(ALONE)
    assert kept[2] > 0
    for their_losses, theirs in in_ranks(2, work, tmp_path):
        np.testing.assert_array_equal(theirs, kept)
        np.testing.assert_allclose(their_losses, losses, rtol=8 * HALVES["float16"])


def test_float16_is_the_torch_engines():
    assert best_engine(half()) == "torch"
    for engine in ("native", "reference"):
        with pytest.raises(EngineError, match="does not compute in float16"):
            compile_job(half(), engine)


def test_a_recipe_names_it_and_the_history_has_the_scale():
    recipe = Recipe(
        kb.Sequential(kb.Flatten(), kb.Linear(10)), kb.data.digits(), precision="float16", steps=12
    )
    assert Recipe.from_toml(recipe.to_toml()) == recipe
    assert recipe.hash != recipe.edit(precision="bfloat16").hash
    with pytest.raises(ConfigError, match="float16 keeps its master weights in float32"):
        recipe.edit(dtype="float64")
    session = Session(recipe, observation=Observation(tap_every=4, first_until=1))
    assert session.program.engine == "torch"
    session.advance(12)
    steps, scales = session.history.series("loss_scale")
    left_out = session.history.series("steps_left_out")[1]
    assert steps.tolist() == [1, 4, 8, 12]
    assert (scales * 2.0**left_out).tolist() == [65536.0] * 4 or left_out[0] > 0
    assert "float16" in session.program.listing()
