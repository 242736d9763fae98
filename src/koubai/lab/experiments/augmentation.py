"""Augmentation: which alterations of the training pictures help where these are few, and which do harm?"""

from __future__ import annotations

from dataclasses import replace

from koubai.data.augment.augmentation import Augmentation as Way
from koubai.data.augment.crop import Crop
from koubai.data.augment.erase import Erase
from koubai.data.augment.flip import Flip
from koubai.data.augment.mixup import Mixup
from koubai.data.augment.rotate import Rotate
from koubai.lab.conclude.phrases import gaps
from koubai.lab.conclude.result import ExperimentResult, Sentence
from koubai.lab.course.settings import beats, source
from koubai.lab.declare.experiment import Arm, Claim, Experiment, Observations, Text
from koubai.lab.experiments.entry import CATALOG, Entry
from koubai.layers.convolution import Conv2d
from koubai.layers.flatten import Flatten
from koubai.layers.linear import Linear
from koubai.layers.max_pool import MaxPool2d
from koubai.layers.rectifiers import ReLU
from koubai.layers.sequential import Sequential
from koubai.optim.adam import Adam
from koubai.train.recipe import Recipe

FEW = 200
WAYS: dict[str, tuple[str, tuple[Way, ...]]] = {
    "none": ("なし", ()),
    "crop": ("切り取り（ずらす）", (Crop(1),)),
    "rotate": ("回転", (Rotate(15),)),
    "erase": ("消去", (Erase(),)),
    "mixup": ("mixup", (Mixup(0.2),)),
    "flip": ("左右反転", (Flip(),)),
    "crop and rotate": ("切り取りと回転", (Crop(1), Rotate(15))),
}


@CATALOG.register
class Augmentation(Entry):
    """Three convolutions on 200 training pictures, which are altered again at every update, or not.

    An alteration helps where the label stays true and the test pictures differ in that way too: digits shift
    and lean. Turned left to right, most digits are no digits any more: that is an alteration whose labels are
    wrong. Flipping photographs, cropping and the means of two pictures: Krizhevsky et al. 2012, sec. 4.1;
    Zhang et al. 2018.
    """

    def experiment(self, data: str) -> Experiment:
        """Six ways, one of them two at once, and none."""
        sizes = {} if data == "digits" else {"test": 1000}
        pictures = source(data, train=FEW, **sizes)
        block = [layer for n in (16, 16, 32) for layer in (Conv2d(n, 3, padding=1), ReLU())]
        network = Sequential(*block, MaxPool2d(2), Flatten(), Linear(10))
        others = [name for name in WAYS if name not in ("none", "flip")]
        return Experiment(
            name=self.registry_name,
            base=Recipe(network, pictures, optimizer=Adam(0.003), batch_size=50, steps=600),
            arms=tuple(
                Arm(name, {"data": replace(pictures, augment=ways)} if ways else {}, label=Text(name, ja))
                for name, (ja, ways) in WAYS.items()
            ),
            seeds=tuple(range(8)),
            claims=(
                *(beats(name, "none") for name in others),
                Claim("flip", "none", "test_accuracy", "lower"),
                Claim("crop and rotate", "none", "gap", "lower"),
            ),
            observations=Observations(taps=0, evaluations=10, filters=True),
        )

    def sentences(self, result: ExperimentResult) -> list[Sentence]:
        """Training, test and gap of every arm; what an update costs, and what this does not show."""
        return [*gaps(result), Sentence("experiments.augmentation.limits", {"few": FEW})]
