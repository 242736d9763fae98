"""Batch size: what does a larger batch buy, at equal updates and at equal samples?"""

from __future__ import annotations

from koubai.lab.course.settings import COURSE_HIDDEN, beats, source
from koubai.lab.declare.experiment import Arm, Experiment, Observations, Text
from koubai.lab.experiments.entry import CATALOG, Entry
from koubai.models.mlp import Mlp
from koubai.optim.sgd import SGD
from koubai.train.recipe import Recipe

SIZES = (10, 30, 100)
STEPS = 200


@CATALOG.register
class BatchSize(Entry):
    """Batches of 10, 30 and 100, with SGD .1: as many updates each, and then as many samples each.

    A larger batch has a steadier gradient, and an update with it costs more samples. At equal updates it
    sees more samples; at equal samples it makes fewer updates. Which of the two is fair depends on what is
    scarce: samples (and computing), or updates (as where many machines share a batch).
    """

    def experiment(self, data: str) -> Experiment:
        """Three sizes at equal updates, the two small ones at as many samples as the largest sees."""
        most = max(SIZES)
        equal = tuple(
            Arm(
                f"batch {size}",
                {"batch_size": size},
                {"counted": "updates", "batch size": f"{size}"},
                label=Text(f"batch {size}, {STEPS} updates", f"バッチ {size}、更新 {STEPS} 回"),
            )
            for size in SIZES
        )
        longer = tuple(
            Arm(
                f"batch {size}, as many samples",
                {"batch_size": size, "steps": STEPS * most // size},
                {"counted": "samples", "batch size": f"{size}"},
                label=Text(
                    f"batch {size}, {STEPS * most // size:,} updates",
                    f"バッチ {size}、更新 {STEPS * most // size:,} 回",
                ),
            )
            for size in SIZES[:-1]
        )
        return Experiment(
            name=self.registry_name,
            base=Recipe(Mlp(COURSE_HIDDEN), source(data), optimizer=SGD(0.1), steps=STEPS),
            arms=(*equal, *longer),
            baseline=f"batch {most}",
            claims=(
                beats(f"batch {most}", f"batch {SIZES[0]}"),
                beats(f"batch {SIZES[0]}, as many samples", f"batch {most}"),
            ),
            observations=Observations(taps=10, evaluations=10),
        )
