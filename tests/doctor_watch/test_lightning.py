import pytest
import torch
from torch import nn

from koubai.doctor.watch.lightning import watch_callback

lightning = pytest.importorskip("lightning", reason="Lightning is not installed")


@pytest.mark.parametrize("zero", [False, True])
def test_a_lightning_module_is_watched(zero):
    class Module(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
            if zero:
                for p in self.model.parameters():
                    nn.init.zeros_(p)

        def training_step(self, batch, number):
            return nn.functional.cross_entropy(self.model(batch[0]), batch[1])

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), 0.1)

    t = torch.randint(0, 3, (600,), generator=torch.Generator().manual_seed(0))
    x = torch.eye(4)[t] * 2 + torch.randn(600, 4, generator=torch.Generator().manual_seed(1))
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, t), 50, shuffle=True)
    callback = watch_callback()
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    lightning.Trainer(max_epochs=12, callbacks=[callback], enable_model_summary=False, **quiet).fit(
        Module(), loader
    )
    assert callback.watch.step == 12 * 12
    assert [finding.name for finding in callback.findings[:1]] == (["symmetric_init"] if zero else [])
