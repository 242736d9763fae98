"""One small sample of every registered source of data; its files are written where a source reads some."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

import koubai.data
from koubai.data import DataSource
from support.data_files import small_set, write


def pictures(folder: Path) -> DataSource:
    for k, name in enumerate(("cat", "dog", "eel")):
        (folder / "pets" / name).mkdir(parents=True)
        for i in range(10):
            noise = np.random.default_rng([k, i]).integers(0, 256, (9, 9, 3), dtype=np.uint8)
            Image.fromarray(noise).save(folder / "pets" / name / f"{i}.png")
    return koubai.data.image_folder("pets", size=(5, 4))


def cifar(folder: Path) -> DataSource:
    rng = np.random.default_rng(0)
    for name in (*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"):
        content = b"".join(bytes([k]) + rng.bytes(3072) for k in range(10))
        write(folder, {name: content})
    return koubai.data.cifar10()


def npz(folder: Path) -> DataSource:
    rng = np.random.default_rng(0)
    np.savez(folder / "data.npz", x=rng.normal(size=(40, 6)), t=np.arange(40) % 3)
    return koubai.data.npz_file("data.npz")


def table(folder: Path) -> DataSource:
    lines = [f"{i % 7 + 0.5},{'ab'[i % 2]},{'true' if i % 5 else 'false'},{'xyz'[i % 3]}" for i in range(40)]
    (folder / "data.csv").write_text("\n".join(["size,kind,fresh,goal", *lines]) + "\n")
    return koubai.data.table_file("data.csv", "goal")


def idx(source: Callable[[], DataSource]) -> Callable[[Path], DataSource]:
    def made(folder: Path) -> DataSource:
        write(folder, small_set())
        return source()

    return made


SAMPLES: dict[str, Callable[[Path], DataSource]] = {
    "arrays": lambda _: koubai.data.arrays(np.random.default_rng(0).normal(size=(30, 2)), np.arange(30) % 3),
    "blobs": lambda _: koubai.data.blobs(),
    "cifar10": cifar,
    "circles": lambda _: koubai.data.circles(),
    "digits": lambda _: koubai.data.digits(),
    "fashion_mnist": idx(koubai.data.fashion_mnist),
    "flawed": lambda _: koubai.data.flawed(koubai.data.digits(), [koubai.data.Imbalance()]),
    "image_folder": pictures,
    "mnist": idx(koubai.data.mnist),
    "moons": lambda _: koubai.data.moons(),
    "multi_label": lambda _: koubai.data.multi_label(n=100),
    "npz_file": npz,
    "regression": lambda _: koubai.data.regression(),
    "table_file": table,
    "waveforms": lambda _: koubai.data.waveforms(),
    "xor": lambda _: koubai.data.xor(n=100, noise=0.1),
}
