"""A remedy is in the catalog only if it cures a sick recipe of what it says it treats."""

import numpy as np
import pytest

from koubai.data.flaws.missing_values import MissingValues
from koubai.data.sources.blobs import Blobs
from koubai.data.sources.circles import Circles
from koubai.data.sources.digits import Digits
from koubai.data.sources.flawed import Flawed
from koubai.data.sources.regression import Regression
from koubai.doctor.diagnoses import DIAGNOSES
from koubai.doctor.patient.facts import loss_facts
from koubai.doctor.patient.skill import skill
from koubai.doctor.remedies import REMEDIES
from koubai.doctor.remedies.trees import hidden_activations, leaves, rewrite, rewrite_output
from koubai.initializers.constant import Constant
from koubai.initializers.normal import HeNormal, LeCunNormal
from koubai.layers.activations import Identity
from koubai.layers.batch_norm import BatchNorm
from koubai.layers.concatenate import Concatenate
from koubai.layers.flatten import Flatten
from koubai.layers.global_average_pool import GlobalAveragePool
from koubai.layers.linear import Linear
from koubai.layers.rectifiers import ReLU
from koubai.layers.residual import Residual
from koubai.layers.sequential import Sequential
from koubai.losses.mean_squared_error import MeanSquaredError
from koubai.models.mlp import Mlp
from koubai.optim.clipping import Clipping
from koubai.optim.momentum import Momentum
from koubai.optim.sgd import SGD
from koubai.schedules.exponential_decay import ExponentialDecay
from koubai.train.train import train
from support.patients import SICK, circles, digits, values

NOISY = digits(data=Digits(train=300, label_noise=0.5), network=Mlp((200, 200), 10), steps=600)
GAPS = digits(  # -999 where a value is missing
    network=Mlp((24,), 4),
    data=Flawed(
        Blobs(n=900, features=8, centers=4, cluster_std=4.0), [MissingValues(0.03, filled_with=-999.0)]
    ),
)
TABLE = values(data=Regression(low=0, high=1000, offset=2e5, size=8e4))  # numbers as they are
MEAN_ONLY = digits(network=Sequential(GlobalAveragePool(), Linear(48), ReLU(), Linear(10)))
# remedy -> a diagnosis it treats, a recipe sick with that
CURES = {
    "lower_learning_rate": ("learning_rate_too_high", digits(optimizer=SGD(5.0))),
    "lower_learning_rate_hundredfold": ("learning_rate_too_high", SICK["learning_rate_too_high"]),
    "lower_learning_rate_thousandfold": ("learning_rate_too_high", digits(optimizer=SGD(500.0))),
    "raise_learning_rate": ("learning_rate_too_low", SICK["learning_rate_too_low"]),
    "raise_learning_rate_thousandfold": ("learning_rate_too_low", SICK["learning_rate_too_low"]),
    "raise_learning_rate_hundredfold": ("learning_rate_too_low", SICK["learning_rate_too_low"]),
    "keep_learning_rate": (
        "learning_rate_too_low",
        digits(optimizer=SGD(0.1), schedule=ExponentialDecay(ratio=0.8)),
    ),
    "suitable_init": ("init_too_small", SICK["init_too_small"]),
    "use_relu": ("saturated_units", SICK["saturated_units"]),
    "use_leaky_relu": ("dead_units", SICK["dead_units"]),
    "use_selu": ("exploding_gradient", SICK["exploding_gradient"]),
    "add_batch_norm": ("vanishing_gradient", SICK["vanishing_gradient"]),
    "add_shortcuts": ("vanishing_gradient", circles((8,) * 14, "sigmoid", steps=600)),
    "standardize_inputs": ("data_not_normalized", SICK["data_not_normalized"]),
    "fix_output": ("output_loss_mismatch", SICK["output_loss_mismatch"]),
    "add_nonlinearity": ("no_nonlinearity", SICK["no_nonlinearity"]),
    "clip_gradients": (
        "exploding_gradient",
        values(network=Mlp((16, 16), 1, "selu"), initializer=HeNormal(), optimizer=SGD(1.0)),
    ),
    "stop_clipping": ("learning_rate_too_low", digits(optimizer=SGD(0.1), clipping=Clipping(norm=1e-3))),
    "use_adam": ("learning_rate_too_low", SICK["learning_rate_too_low"]),
    "larger_batch": (
        "batch_norm_misuse",
        digits(network=Mlp((32,), 10, batch_norm=True), batch_size=2, steps=200),
    ),
    "more_steps": ("too_few_steps", SICK["too_few_steps"]),
    "weaker_regularization": ("over_regularized", SICK["over_regularized"]),
    "limit_outliers": ("data_not_normalized", GAPS),
    "standardize_targets": ("targets_not_scaled", SICK["targets_not_scaled"]),
    "standardize_inputs_and_targets": ("targets_not_scaled", TABLE),
    "wider_layers": ("under_fitting", SICK["under_fitting"]),
    "keep_places": ("under_fitting", MEAN_ONLY),
    "train_everything": ("not_training", digits(frozen=("1", "3"), steps=200)),
    "stop_early": ("label_noise", NOISY),
    "add_weight_decay": ("over_fitting", NOISY),
    "add_dropout": ("label_noise", NOISY),
}


def held(recipe):
    """Skill on the test part, which does not depend on the units of targets; -1e9 if it is not finite."""
    with np.errstate(all="ignore"):
        run = train(recipe)
    data = run.session.dataset
    reached = skill(run.session.program.predict(data.x_test), data.t_test, loss_facts(recipe.loss).takes)
    return reached if np.isfinite(reached) else -1e9


@pytest.mark.parametrize("name", sorted(REMEDIES))
def test_a_remedy_cures_a_recipe_sick_with_what_it_treats(name):
    diagnosis, recipe = CURES[name]
    assert diagnosis in REMEDIES[name].treats
    assert set(REMEDIES[name].treats) <= set(DIAGNOSES)
    treated = REMEDIES[name]().apply(recipe, recipe.data.load())
    sick, cured = held(recipe), held(treated)
    assert cured > sick + 0.03, f"{name}: {sick} -> {cured}"


@pytest.mark.parametrize(
    ("name", "recipe"),
    [
        ("add_batch_norm", digits(network=Mlp((8,), 10, batch_norm=True))),
        ("standardize_inputs", digits(data=Digits(scale="standard"))),
        ("fix_output", digits()),
        ("stop_clipping", digits()),
        ("add_nonlinearity", digits()),
        ("add_shortcuts", digits(network=Mlp((8, 8), 10))),
        ("add_shortcuts", digits(network=Sequential(Mlp((8,) * 5, 8), Concatenate(Linear(2), Identity())))),
        ("use_relu", digits()),
        ("use_leaky_relu", circles((4,), "tanh")),
        ("use_selu", circles((4,), "selu")),
        ("limit_outliers", digits(data=Digits(scale="robust"))),
        ("standardize_targets", digits()),
        ("standardize_targets", digits(loss=MeanSquaredError())),
        ("standardize_targets", values(data=Regression(target_scale="standard"))),
        ("standardize_targets", SICK["output_range"]),
        ("standardize_inputs_and_targets", values(data=Regression(scale="standard"))),
        ("standardize_inputs_and_targets", digits()),
        ("wider_layers", digits(network=Sequential(Flatten(), ReLU()))),
        ("keep_places", digits()),
        ("weaker_regularization", digits()),
        ("train_everything", digits()),
        ("larger_batch", digits(batch_size=1257)),
    ],
)
def test_a_remedy_that_would_change_nothing_says_so(name, recipe):
    assert REMEDIES[name]().apply(recipe, recipe.data.load()) is None


def test_editing_reaches_into_every_composite_and_keeps_order():
    body = Sequential(Linear(4), ReLU(), Linear(4))
    tree = Sequential(Flatten(), Residual(body), Concatenate(Linear(2), Identity()), Mlp((3,), 2))
    seen = []

    def note(leaf):
        seen.append(type(leaf).__name__)
        return [leaf, BatchNorm()] if isinstance(leaf, ReLU) else [leaf]

    edited = rewrite(tree, note)
    assert seen == [type(leaf).__name__ for leaf in leaves(tree)]
    assert sum(isinstance(leaf, BatchNorm) for leaf in leaves(edited)) == 2
    assert [type(leaf).__name__ for leaf in hidden_activations(tree)] == ["ReLU", "ReLU"]
    assert rewrite_output(tree, lambda leaf: []) == rewrite(tree, lambda leaf: [leaf])


def test_initial_weights_suit_the_activation_and_those_of_single_layers_go():
    network = Sequential(
        Flatten(), Linear(8, weight_init=Constant(1.0), bias_init=Constant(2.0)), ReLU(), Linear(10)
    )
    treated = REMEDIES["suitable_init"]().apply(digits(network=network), Digits().load())
    assert treated.initializer == HeNormal()
    assert list(leaves(treated.network))[1] == Linear(8)
    selu = REMEDIES["suitable_init"]().apply(digits(network=Mlp((8,), 10, "selu")), Digits().load())
    assert selu.initializer == LeCunNormal()


def test_a_lower_rate_keeps_the_optimizer():
    treated = REMEDIES["lower_learning_rate"]().apply(
        digits(optimizer=Momentum(0.5, momentum=0.8)), Circles().load()
    )
    assert treated.optimizer == Momentum(0.05, momentum=0.8)
