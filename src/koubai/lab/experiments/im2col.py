"""im2col: a convolution becomes one matrix product, and col2im adds up what overlaps."""

from __future__ import annotations

from typing import ClassVar

from koubai.lab.conclude.phrases import arm_text, mean_of
from koubai.lab.conclude.result import ExperimentResult, Sentence
from koubai.lab.declare.experiment import Arm, Claim, Experiment, Observations
from koubai.lab.experiments.entry import CATALOG, Entry
from koubai.lab.perform.plans.unrolling import Unrolling

SMALL, PLAIN, STRIDED = "2x2, stride 1, padding 1", "3x3, stride 1", "3x3, stride 2, padding 1"


@CATALOG.register
class Im2col(Entry):
    """Every window of the input becomes a column; filters times columns is the convolution.

    col2im is the adjoint, not the inverse: an element that lay in m windows comes back m times.
    """

    data: ClassVar = ("none",)

    def experiment(self, data: str) -> Experiment:
        """Three windows on the same small picture; nothing is random but the filter, so one seed."""
        return Experiment(
            name=self.registry_name,
            base=Unrolling(),
            arms=(
                Arm(SMALL, {"size": 6, "kernel": 2, "padding": 1}),
                Arm(PLAIN),
                Arm(STRIDED, {"size": 8, "stride": 2, "padding": 1}),
            ),
            seeds=(0,),
            measure="columns",
            claims=tuple(
                Claim(name, None, "error", "lower", margin=1e-12) for name in (SMALL, PLAIN, STRIDED)
            ),
            observations=Observations(taps=0, evaluations=0),
        )

    def sentences(self, result: ExperimentResult) -> list[Sentence]:
        """For every window: the sizes, the check against the plain sum, the multiplicities."""
        said = []
        for arm in result.arms:
            if result.of(arm):
                names = ("side", "out", "rows", "columns", "least", "most")
                values = {
                    "arm": arm_text(result, arm),
                    "error": f"{mean_of(result, arm, 'error'):.1g}",
                    **{name: round(mean_of(result, arm, name)) for name in names},
                }
                kind = "arm_even" if values["least"] == values["most"] else "arm"
                said.append(Sentence(f"experiments.im2col.{kind}", values))
        return said
