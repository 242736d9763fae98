"""Structure: the part of a job that decides the machine code and the memory; the rest are numbers."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from koubai.engines.engine import Job
from koubai.engines.native.kernels.losses import LOSSES
from koubai.engines.native.kernels.update import BY_NORM, BY_VALUE, L1, L2, MOST_PENALTIES, P_NORM
from koubai.losses.loss import Loss
from koubai.network.network import Network

PENALTY_KINDS = {"l1": L1, "l2": L2, "p_norm": P_NORM}


@dataclass(frozen=True)
class Structure:
    """Two jobs of equal structure share their plans.

    | field        | meaning                                                                    |
    |--------------|----------------------------------------------------------------------------|
    | optimizer    | registry name                                                              |
    | slots        | the optimizer's slots                                                      |
    | penalties    | kinds, as the kernel numbers them; None where one has no kernel            |
    | clipping     | kinds                                                                      |
    | target       | numbers in a target row; 0 for class labels                                  |
    | half         | whether products are taken of bfloat16 numbers                             |
    | exact        | whether convolutions are direct sums, never Winograd's                     |
    | backend      | name of what computes products                                             |
    """

    network: Network
    loss: Loss
    optimizer: str
    slots: tuple[str, ...]
    penalties: tuple[int, ...] | None
    clipping: int
    target: int
    batch_size: int
    threads: int
    half: bool
    exact: bool
    backend: str

    @classmethod
    def of(cls, job: Job, backend: str) -> Structure:
        """The structure of a job."""
        kinds = [PENALTY_KINDS.get(penalty.registry_name) for penalty in job.pulls]
        known = None not in kinds and len(kinds) <= MOST_PENALTIES
        clipping = 0
        if job.clipping is not None:
            clipping = BY_VALUE * (job.clipping.value is not None) | BY_NORM * (job.clipping.norm is not None)
        return cls(
            job.network, job.loss, job.optimizer.registry_name, tuple(job.optimizer.slots),
            tuple(kind for kind in kinds if kind) if known else None, clipping,
            0 if job.t.dtype.kind == "i" else prod(job.t.shape[1:]), job.batch_size, job.threads,
            job.precision == "bfloat16", job.exact_convolution, backend,
        )  # fmt: skip

    @property
    def loss_has_kernel(self) -> bool:
        """Whether the loss runs without Python."""
        return self.loss.registry_name in LOSSES
