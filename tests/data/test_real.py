"""The published MNIST and Fashion-MNIST, where they are at hand."""

import numpy as np
import pytest

from koubai.data import describe, fashion_mnist, mnist

# Published class counts of MNIST's test part (0 to 9).
COUNTS = (980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009)


@pytest.mark.parametrize("source", [mnist(), fashion_mnist()], ids=["mnist", "fashion_mnist"])
def test_every_file_is_the_published_one(source, real_data):
    dataset = source.load(real_data)
    assert dataset.x_train.shape == (60_000, 1, 28, 28)
    assert dataset.x_test.shape == (10_000, 1, 28, 28)
    assert [file.published for file in dataset.files] == [True] * 4
    assert (dataset.x_train.min(), dataset.x_train.max()) == (0, 1)


def test_mnist_has_its_class_shares_and_its_well_known_mean_and_deviation(real_data):
    numbers = describe(mnist().load(real_data))
    assert numbers.test is not None
    assert numbers.test.class_counts == COUNTS
    assert numbers.train.mean == pytest.approx(0.1307, abs=5e-5)
    assert numbers.train.std == pytest.approx(0.3081, abs=5e-5)


def test_fashion_mnist_is_balanced_with_its_well_known_mean_and_deviation(real_data):
    numbers = describe(fashion_mnist().load(real_data))
    assert numbers.train.class_counts == (6000,) * 10
    assert numbers.train.mean == pytest.approx(0.2860, abs=5e-5)
    assert numbers.train.std == pytest.approx(0.3530, abs=5e-5)


def test_parts_of_mnist_for_the_experiments(real_data):
    small = mnist(train=300).load(real_data)
    assert (len(small.x_train), len(small.x_test)) == (300, 10_000)
    assert small.t_train[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    pair = mnist(classes=(0, 1)).load(real_data)
    assert np.bincount(pair.t_test).tolist() == [980, 1135]
    noisy = mnist(label_noise=0.4, scale="bytes").load(real_data)
    clean = mnist(scale="bytes").load(real_data)
    assert noisy.x_train.max() == 255
    assert (noisy.t_train != clean.t_train).mean() == pytest.approx(0.36, abs=0.01)
    np.testing.assert_array_equal(noisy.t_test, clean.t_test)
