"""PyTorch's settings while a program runs on a GPU, and after: no GPU is needed to set them."""

import warnings

import pytest
import torch

from koubai.engines.torch.device import settled


def settings():
    return {
        "threads": torch.get_num_threads(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "warn only": torch.is_deterministic_algorithms_warn_only_enabled(),
        "fill": torch.utils.deterministic.fill_uninitialized_memory,
        "benchmark": torch.backends.cudnn.benchmark,
        "convolutions": torch.backends.cudnn.conv.fp32_precision,
        "products": torch.backends.cuda.matmul.fp32_precision,
    }


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_settings_are_put_back(device):
    before = settings()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with settled(torch.device(device), before["threads"] + 1):
            inside = settings()
    assert inside["threads"] == before["threads"] + 1
    exact = {"deterministic": True, "warn only": True, "fill": False, "benchmark": False}
    exact |= {"convolutions": "ieee", "products": "ieee"}
    for name, value in exact.items():
        assert inside[name] == (value if device == "cuda" else before[name]), name
    assert settings() == before


def test_programs_side_by_side_put_back_what_the_first_one_found():
    before, device = settings(), torch.device("cuda")
    first, second = (settled(device, before["threads"]) for _ in range(2))
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert settings()["deterministic"], "the second one still runs"
    second.__exit__(None, None, None)
    assert settings() == before


@pytest.mark.parametrize("owner", [torch.backends.cudnn, torch.backends.cuda.matmul])
@pytest.mark.parametrize("tf32", [True, False])
def test_who_sets_them_by_their_old_names_finds_them_as_they_were(owner, tf32):
    before = owner.allow_tf32
    try:
        owner.allow_tf32 = tf32
        with settled(torch.device("cuda"), 1):
            pass
        assert owner.allow_tf32 is tf32
    finally:
        owner.allow_tf32 = before
