"""The changes a trial can make to a running program, from outside: one table.

| name                | value    | what is changed                                            |
|---------------------|----------|------------------------------------------------------------|
| nothing             |          | nothing: what every other trial is compared with           |
| learning_rate       | factor   | the rate of every step times a factor, whatever wrote it   |
| no_schedule         |          | the rate is the one the schedule began with                |
| warm_up             | steps    | the rate rises from 0 over so many steps                   |
| adam, sgd           | rate     | another optimizer makes the updates                        |
| clip                | norm     | gradients longer than that are shortened to it             |
| no_clip             |          | PyTorch's clipping functions do nothing                    |
| reset_gradients     |          | gradients are 0 after every step                           |
| no_decay            |          | the optimizers' weight decay is 0                          |
| train_mode          |          | what is called with gradients is in training mode          |
| no_dropout          |          | dropout drops nothing                                      |
| init_scale          | factor   | weights of matrices and filters are scaled, once           |
| init_suitable       |          | they get the size of He et al. 2015, once                  |
| init_embeddings     |          | embeddings get deviation 1 / sqrt(width), once             |
| init_new            |          | all parameters are drawn again, once                        |
| residual_scale      | factor   | what repeated blocks add to their input is scaled          |
| double              |          | models compute in float64                                  |
| standardize_inputs  |          | inputs get mean 0 and deviation 1 by feature               |
| zero_inputs         |          | inputs are 0                                               |
| permute_inputs      |          | inputs change places in the batch                          |
| shuffle_labels      |          | targets change places in the batch                         |
| one_batch           |          | the first batch is trained on again and again              |
| trace               | update   | nothing; every operation is looked at from there on        |

Rates and settings of optimizers are in `steps.py`, models in `models.py`, inputs and targets in `batches.py`,
tracing in `origin.py`.
Not here, for no program lets itself be changed so from outside: more layers, other layers, more steps than
its loop makes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from koubai.doctor.patient.clinic import Change
from koubai.doctor.patient.tried_remedies import REMEDIES
from koubai.doctor.trials import batches, models, origin, steps
from koubai.doctor.trials.changes import CHANGES, Site

_ = batches, models, origin, steps  # imported so that they enter their changes


def translated(wanted: Change) -> Change | None:
    """Return the change in the table's terms; None if there is no way to make it here."""
    if wanted.name == "remedy":
        return REMEDIES.get(wanted.path)
    return wanted if wanted.name in CHANGES else None


@contextmanager
def made(wanted: Change, site: Site) -> Iterator[None]:
    """Make a change while the context is open."""
    with contextmanager(CHANGES[wanted.name])(site, wanted):
        yield
