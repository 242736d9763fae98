import json

from koubai.layers import ReLU


def test_a_layer_a_model_and_a_recipe_are_checked(koubai):
    for target in ("conv2d", "leaky-relu", "digits.toml"):
        assert koubai("check-gradient", target, "--elements", "4").code == 0
    assert "agree with central differences" in " ".join(koubai.out.split())
    assert "2.weight" not in koubai.out
    assert "3.weight" in koubai.out


def test_a_wrong_derivative_exits_with_3_and_says_where(koubai, monkeypatch):
    monkeypatch.setattr(ReLU, "derivative", lambda self, u, y: 0.5 * (u > 0))
    assert koubai("check-gradient", "digits.toml", "--json").code == 3
    told = json.loads(koubai.out)
    assert told["right"] is False
    verdicts = {tensor["path"]: tensor["verdict"] for tensor in told["tensors"]}
    assert verdicts["1.weight"] == "wrong"
    assert verdicts["3.weight"] == "right"
    assert koubai("--lang", "ja", "check-gradient", "relu").code == 3
    assert "誤り" in koubai.out
    assert "逆伝播では" in koubai.out


def test_settings_of_a_layer_can_be_changed_and_a_shape_given(koubai):
    words = ("check-gradient", "conv2d", "--set", "padding_mode=reflect", "--set", "padding=1")
    assert koubai(*words, "--input", "2x5x5", "--json").code == 0
    assert json.loads(koubai.out)["tensors"][0]["shape"] == [2, 5, 5]


def test_what_cannot_be_checked_is_refused_at_the_door(koubai):
    for words, told in (
        (("conv2",), "did you mean 'conv2d'"),
        (("residual",), "this layer contains other layers"),
        (("alexnet",), "too many products"),
        (("relu", "--samples", "0"), ">= 1"),
        (("relu", "--tolerance", "2"), "0 < value < 1"),
        (("relu", "--seed", "-1"), ">= 0"),
        (("conv2d", "--input", "3x2x2"), "does not fit"),
        (("conv2d", "--set", "kernl=3"), "kernel"),
        (("nowhere.toml",), "nowhere.toml"),
    ):
        assert koubai("check-gradient", *words).code == 2, words
        assert told in " ".join(koubai.err.split()), (words, koubai.err)
