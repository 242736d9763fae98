"""Batch normalization: what does it do for a sigmoid network, and do gamma and beta matter?"""

from __future__ import annotations

from koubai.initializers.normal import LeCunNormal
from koubai.lab.course.settings import COURSE_HIDDEN, beats, source
from koubai.lab.declare.experiment import Arm, Experiment, Observations, Published, Text
from koubai.lab.experiments.entry import CATALOG, Entry
from koubai.models.mlp import Mlp
from koubai.optim.sgd import SGD
from koubai.train.recipe import Recipe


@CATALOG.register
class BatchNormalization(Entry):
    """784-40-20-10 with sigmoid, Xavier, SGD .01, 1000 updates.

    The course computes the gradients of gamma and beta and never applies them (D3); that arm stands beside
    the right one. Normalization costs time a step and saves steps.
    """

    def experiment(self, data: str) -> Experiment:
        """Without, with gamma and beta frozen, and as it should be."""
        known = data == "mnist"
        base = Recipe(
            Mlp(COURSE_HIDDEN, activation="sigmoid", batch_norm=True),
            source(data),
            optimizer=SGD(0.01),
            initializer=LeCunNormal(),
            steps=1000,
        )
        return Experiment(
            name=self.registry_name,
            base=base,
            arms=(
                Arm("without", {"network.batch_norm": False}, label=Text("without BN", "BN なし")),
                Arm(
                    "frozen",
                    {"network.batch_norm_trainable": False},
                    label=Text("gamma, beta frozen (D3)", "γ, β を固定（D3）"),
                    defect="D3",
                    published=Published(0.810, 0.016, 9) if known else None,
                ),
                Arm(
                    "trained",
                    label=Text("gamma, beta trained", "γ, β も学習"),
                    published=Published(0.826) if known else None,
                ),
            ),
            claims=(beats("trained", "without"), beats("trained", "frozen")),
            observations=Observations(histograms=True),
        )
