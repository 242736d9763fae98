import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from koubai.core.errors import ShapeError
from koubai.layers import col2im, im2col

windows = st.tuples(
    st.integers(1, 3), st.integers(1, 3), st.integers(0, 2), st.integers(1, 2)
)  # kernel, stride, padding, dilation


@given(st.lists(windows, min_size=1, max_size=2), st.integers(1, 2), st.integers(1, 3), st.data())
def test_columns_are_those_of_torch_unfold_and_the_adjoint_comes_back(axes, N, C, data):
    kernel, stride, padding, dilation = (tuple(axis[i] for axis in axes) for i in range(4))
    space = tuple(data.draw(st.integers(max(1, d * (k - 1) + 1 - 2 * p), 6)) for k, _, p, d in axes)
    settings = {"stride": stride, "padding": padding, "dilation": dilation}
    random = np.random.default_rng(0)
    x = random.normal(size=(N, C, *space))
    cols = im2col(x, kernel, **settings)

    plane = torch.tensor(x if len(space) == 2 else x[..., None, :])  # torch unfolds planes only
    line = len(space) == 1
    unfolded = functional.unfold(
        plane,
        kernel_size=(1, *kernel) if line else kernel,
        stride=(1, *stride) if line else stride,
        padding=(0, *padding) if line else padding,
        dilation=(1, *dilation) if line else dilation,
    )
    assert np.array_equal(cols, unfolded.numpy())

    dcols = random.normal(size=cols.shape)
    dx = col2im(dcols, x.shape, kernel, **settings)
    np.testing.assert_allclose(
        (cols * dcols).sum(), (x * dx).sum(), rtol=1e-10, atol=1e-10
    )  # <Ax, y> = <x, A'y>

    multiplicity = col2im(im2col(np.ones_like(x), kernel, **settings), x.shape, kernel, **settings)
    np.testing.assert_allclose(col2im(cols, x.shape, kernel, **settings), x * multiplicity, rtol=1e-12)


def test_multiplicity_counts_windows_over_each_pixel():
    ones = np.ones((1, 1, 3, 3))
    assert col2im(im2col(ones, 2), ones.shape, 2)[0, 0].tolist() == [[1, 2, 1], [2, 4, 2], [1, 2, 1]]


def test_without_overlap_col2im_is_the_inverse():
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 6))
    assert np.array_equal(col2im(im2col(x, 2, stride=2), x.shape, 2, stride=2), x)


def test_padding_has_the_given_value():
    cols = im2col(np.zeros((1, 1, 2)), 2, padding=1, fill=-np.inf)
    assert cols[0].tolist() == [[-np.inf, 0, 0], [0, 0, -np.inf]]


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_the_dtype_stays(dtype):
    x = np.ones((1, 1, 4), dtype)
    assert im2col(x, 2).dtype == dtype
    assert col2im(im2col(x, 2), x.shape, 2).dtype == dtype


def test_a_window_that_does_not_fit_is_refused():
    with pytest.raises(ShapeError, match="does not fit the length"):
        im2col(np.ones((1, 1, 2)), 3)
