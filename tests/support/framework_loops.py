"""The same small training in six frameworks: each returns its observer. `zero`: all weights begin at 0."""

import os

import torch
from torch import nn

EPOCHS, BATCH, RATE = 10, 50, 0.1

T = torch.randint(0, 3, (600,), generator=torch.Generator().manual_seed(0))
X = torch.eye(3, 4)[T] * 2 + torch.randn(600, 4, generator=torch.Generator().manual_seed(1))


def network(zero):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    if zero:
        for p in model.parameters():
            nn.init.zeros_(p)
    return model


def batches():
    return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(X, T), BATCH, shuffle=True)


def lightning(watch, zero):
    from lightning import LightningModule, Trainer

    class Module(LightningModule):
        def __init__(self):
            super().__init__()
            self.model = network(zero)

        def training_step(self, batch, number):
            return nn.functional.cross_entropy(self.model(batch[0]), batch[1])

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), RATE)

    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    seen = watch(tell=True)
    Trainer(max_epochs=EPOCHS, callbacks=[seen], enable_model_summary=False, **quiet).fit(Module(), batches())
    return seen


def transformers(watch, zero):
    from tempfile import mkdtemp

    from transformers import Trainer, TrainingArguments

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = network(zero)

        def forward(self, x, labels=None):
            y = self.inner(x)
            return {"loss": nn.functional.cross_entropy(y, labels), "logits": y}

    seen = watch(tell=True)
    quiet = {"report_to": "none", "save_strategy": "no", "disable_tqdm": True, "use_cpu": True}
    arguments = TrainingArguments(
        mkdtemp(),
        num_train_epochs=EPOCHS,
        per_device_train_batch_size=BATCH,
        optim="sgd",
        learning_rate=2 * RATE,
        **quiet,
    )
    rows = [{"x": x, "labels": t} for x, t in zip(X, T, strict=True)]
    Trainer(Model(), arguments, train_dataset=rows, callbacks=[seen]).train()
    return seen


def accelerate(watch, zero):
    from accelerate import Accelerator

    accelerator = Accelerator(cpu=True)
    model = network(zero)
    parts = accelerator.prepare(model, torch.optim.SGD(model.parameters(), RATE), batches())
    model, optimizer, loader = parts
    seen = watch(accelerator, tell=True)
    for _ in range(EPOCHS):
        for x, t in loader:
            optimizer.zero_grad()
            accelerator.backward(nn.functional.cross_entropy(model(x), t))
            optimizer.step()
    accelerator.end_training()
    return seen


def skorch(watch, zero):
    from skorch import NeuralNetClassifier

    seen = watch(tell=True)
    settings = {"lr": RATE, "max_epochs": EPOCHS, "batch_size": BATCH, "train_split": None, "verbose": 0}
    net = NeuralNetClassifier(network, module__zero=zero, criterion=nn.CrossEntropyLoss, **settings)
    net.set_params(callbacks=[seen]).fit(X.numpy(), T.numpy())
    return seen


def ignite(watch, zero):
    from ignite.engine import create_supervised_trainer

    model = network(zero)
    trainer = create_supervised_trainer(
        model, torch.optim.SGD(model.parameters(), RATE), nn.CrossEntropyLoss()
    )
    seen = watch(trainer, tell=True)
    trainer.run(batches(), max_epochs=EPOCHS)
    return seen


def keras(watch, zero):
    assert os.environ["KERAS_BACKEND"] == "torch"
    import keras

    keras.utils.set_random_seed(0)
    start = {"kernel_initializer": "zeros"} if zero else {}
    model = keras.Sequential(
        [
            keras.layers.Input((4,)),
            keras.layers.Dense(8, activation="relu", **start),
            keras.layers.Dense(3, **start),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(RATE), loss)
    seen = watch(tell=True)
    model.fit(X.numpy(), T.numpy(), BATCH, EPOCHS, verbose=0, callbacks=[seen])
    return seen
