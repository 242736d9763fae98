import pytest

from koubai.core.checks import above, at_least, share
from koubai.core.errors import (
    ConfigError,
    KoubaiError,
    Problem,
    SettingError,
    ShapeError,
    UnknownName,
    nearest,
)
from koubai.core.layer import LAYERS
from koubai.core.registry import Registry, export, snake
from koubai.data.augment import AUGMENTATIONS
from koubai.data.flaws import FLAWS
from koubai.initializers import INITIALIZERS
from koubai.losses import LOSSES
from koubai.models import MODELS
from koubai.optim import OPTIMIZERS
from koubai.penalties import PENALTIES
from koubai.schedules import SCHEDULES

REGISTRIES = [AUGMENTATIONS, FLAWS, LAYERS, INITIALIZERS, LOSSES, MODELS, OPTIMIZERS, PENALTIES, SCHEDULES]


COURSE = [  # what configuration files of the course say: these names stay
    (
        LAYERS,
        """average_pool1d average_pool2d batch_norm concatenate conv1d conv2d dropout elu exponential flatten
        gelu global_average_pool identity layer_norm leaky_relu linear local_response_norm max_pool1d
        max_pool2d relu residual selu sequential sigmoid silu softmax softplus step tanh""",
    ),
    (MODELS, "alexnet deep_convnet double_convnet lenet mlp simple_convnet"),
    (OPTIMIZERS, "adagrad adam adamw momentum nesterov rmsprop sgd"),
    (PENALTIES, "l1 l2 p_norm"),
    (
        LOSSES,
        """binary_cross_entropy cross_entropy mean_absolute_error mean_squared_error sigmoid_cross_entropy
        softmax_cross_entropy""",
    ),
    (
        INITIALIZERS,
        """constant glorot_normal glorot_uniform he_normal he_uniform lecun_normal lecun_uniform normal
        orthogonal uniform zeros""",
    ),
    (SCHEDULES, "constant_rate cosine_decay exponential_decay inverse_time step_decay warm_up"),
]


@pytest.mark.parametrize(("registry", "names"), COURSE, ids=lambda value: getattr(value, "kind", ""))
def test_every_part_of_the_course_has_its_name(registry, names):
    assert set(names.split()) <= set(registry)


@pytest.mark.parametrize("registry", REGISTRIES, ids=lambda registry: registry.kind)
def test_every_class_knows_its_name_and_says_what_it_is(registry):
    for name, cls in registry.items():
        assert registry[name.replace("_", "-")] is cls
        assert cls.registry_name == name == snake(cls.__name__)
        assert cls.__doc__
        assert "(*args" not in cls.__doc__, "a dataclass without a docstring gets its signature as one"
        assert not cls.__doc__.startswith(f"{cls.__name__}("), "a docstring says more than the signature"


def test_a_typo_gets_the_nearest_name():
    with pytest.raises(UnknownName) as caught:
        LAYERS["sigmoyd"]
    assert caught.value.nearest == "sigmoid"
    assert "did you mean 'sigmoid'?" in str(caught.value)
    with pytest.raises(KeyError, match="one of adadelta, adagrad"):
        OPTIMIZERS["zzz"]


def test_nearest_forgives_case_and_hyphens():
    assert nearest("Leaky-ReLU", ["relu", "leaky_relu"]) == "leaky_relu"
    assert nearest("qqqq", ["relu"]) is None


def test_a_registry_refuses_two_classes_of_one_name():
    registry = Registry("thing")
    registry.register(type("OneThing", (), {}))
    with pytest.raises(ValueError, match="two classes named 'one_thing'"):
        registry.register(type("OneThing", (), {}))
    namespace = {}
    assert export(registry, namespace) == ["OneThing"]
    assert list(namespace) == ["OneThing"]
    assert len(registry) == 1


def test_an_error_says_where_what_was_expected_what_came_and_what_to_try():
    error = ShapeError("does not fit", where="layer 3", expected="(C,)", got=(1, 2), hint="flatten it")
    assert str(error).splitlines() == [
        "layer 3: does not fit", "  expected: (C,)", "  got:      (1, 2)", "  try:      flatten it",
    ]  # fmt: skip
    assert str(KoubaiError("alone")) == "alone"


def test_all_problems_of_a_configuration_come_at_once():
    error = ConfigError(
        "a.toml", [Problem("loss", "is missing"), Problem("seed", "is text", line=3, hint="a number")]
    )
    assert str(error).startswith("a.toml: 2 problems")
    assert "loss: is missing" in str(error)
    assert "line 3: seed: is text (a number)" in str(error)


@pytest.mark.parametrize(
    ("check", "value", "fits"),
    [
        (lambda v: at_least("x", 1, it=v), 1, True),
        (lambda v: at_least("x", 1, it=v), (1, 0), False),
        (lambda v: at_least("x", 1, it=v), float("nan"), False),
        (lambda v: at_least("x", 1, it=v), float("inf"), False),
        (lambda v: above("x", 0, it=v), (1, float("inf")), False),
        (lambda v: above("x", 0, it=v), 1e-9, True),
        (lambda v: above("x", 0, it=v), 0, False),
        (lambda v: above("x", 0, it=v), float("nan"), False),
        (lambda v: share("x", it=v), 0.0, True),
        (lambda v: share("x", it=v), 1.0, False),
        (lambda v: share("x", it=v), float("nan"), False),
    ],
)
def test_settings_are_checked_and_named(check, value, fits):
    if fits:
        check(value)
    else:
        with pytest.raises(SettingError, match="it is out of range") as caught:
            check(value)
        assert caught.value.where == "str"
        assert caught.value.got is value
