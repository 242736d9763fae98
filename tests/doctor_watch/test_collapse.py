"""Codes that hold nothing, representations alike for all inputs, and evaluations of another scale."""

import pytest
import torch
from torch import nn
from torch.nn import functional

import koubai
from koubai.doctor.script import watch_script
from koubai.doctor.watch.checkups import rerun

FEATURES = 16


def inputs(rows):
    mixed = torch.randn(4, FEATURES, generator=torch.Generator().manual_seed(1))
    return torch.randn(rows, 4) @ mixed


class Autoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.read, self.code = nn.Linear(FEATURES, 32), nn.Linear(32, 6)
        self.write = nn.Sequential(nn.Linear(3, 32), nn.Tanh(), nn.Linear(32, FEATURES))

    def forward(self, x):
        mean, log_variance = self.code(torch.tanh(self.read(x))).chunk(2, dim=1)
        z = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        return self.write(z), mean, log_variance


def trained(net, loss_of, *, rate=0.01, steps=160):
    opt = torch.optim.Adam(net.parameters(), rate)
    with koubai.watch(net, opt, budget=0, every=20) as watch:
        for _ in range(steps):
            x = inputs(64)
            opt.zero_grad()
            loss_of(net, x).backward()
            opt.step()
    return watch


def named(watch):
    return [finding.name for finding in watch.verdict.findings if finding.alarm]


def bound(weight):
    def loss(net, x):
        y, mean, log_variance = net(x)
        distance = (log_variance.exp() + mean.square() - 1 - log_variance).sum(1).mean() / 2
        return functional.mse_loss(y, x, reduction="sum") / len(x) + weight * distance

    return loss


@pytest.mark.parametrize(("weight", "collapsed"), [(1.0, False), (100.0, True)])
def test_a_code_that_holds_nothing_is_posterior_collapse(weight, collapsed):
    torch.manual_seed(0)
    watch = trained(Autoencoder(), bound(weight), rate=0.001)
    assert ("posterior_collapse" in named(watch)) == collapsed
    if collapsed:
        (finding, *_) = watch.findings
        assert finding.name == "posterior_collapse"
        assert finding.place is not None
        with torch.no_grad():
            _, mean, log_variance = watch.seen.root(inputs(64))
        assert finding.details["code"] < 0.1
        assert float((log_variance.exp() + mean.square() - 1 - log_variance).sum(1).mean()) / 2 < 0.2


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.read, self.mean, self.deviation = nn.Linear(FEATURES, 32), nn.Linear(32, 3), nn.Linear(32, 3)

    def forward(self, x):
        h = torch.tanh(self.read(x))
        return self.mean(h), functional.softplus(self.deviation(h))


def noise_first(mean, deviation):
    return torch.randn(*mean.shape) * deviation + mean


def by_distribution(mean, deviation):
    return torch.distributions.Normal(mean, deviation).rsample()


@pytest.mark.parametrize("draw", [noise_first, by_distribution])
@pytest.mark.parametrize(("weight", "collapsed"), [(1.0, False), (100.0, True)])
def test_a_code_is_seen_where_it_is_drawn_however_the_parts_are_called(draw, weight, collapsed):
    torch.manual_seed(0)
    parts = nn.ModuleDict({"encoder": Encoder(), "decoder": nn.Linear(3, FEATURES)})  # never called as one
    distances = []

    def loss_of(parts, x):
        mean, deviation = parts["encoder"](x)
        distance = (deviation**2 + mean**2 - 1 - 2 * deviation.log()).sum(1).mean() / 2
        distances.append(distance.item())
        reconstructed = parts["decoder"](draw(mean, deviation))
        return functional.mse_loss(reconstructed, x, reduction="sum") / len(x) + weight * distance

    watch = trained(parts, loss_of, rate=0.003, steps=300)
    codes = watch.patient().codes
    assert len(codes) > 3
    for step, code in codes.items():
        assert code == pytest.approx(distances[step - 1], rel=1e-4)
    assert ("posterior_collapse" in named(watch)) == collapsed


class Noisy(nn.Module):
    """Noise on weights, and on hidden values: nothing of it is a code."""

    def __init__(self):
        super().__init__()
        self.weight, self.spread = (
            nn.Parameter(torch.randn(FEATURES, 32) / 4),
            nn.Parameter(torch.zeros(FEATURES, 32)),
        )
        self.write = nn.Linear(32, FEATURES)

    def forward(self, x):
        h = torch.tanh(x @ (self.weight + torch.randn_like(self.weight) * self.spread))
        return self.write(h + 0.1 * torch.randn_like(h))


def test_noise_on_weights_or_of_a_given_size_is_no_code():
    torch.manual_seed(0)
    watch = trained(Noisy(), lambda net, x: functional.mse_loss(net(x + 0.1 * torch.randn_like(x)), x))
    assert watch.patient().codes == {}


SHARED = """
import torch
from torch import nn
torch.manual_seed(0)
class Apart(nn.Module):
    def __init__(self):
        super().__init__()
        self.read, self.write = nn.Linear(8, 4), nn.Linear(4, 8)
    def loss(self, x):
        return nn.functional.mse_loss(self.write(torch.tanh(self.read(x))), x, reduction="sum") / 32
net = Apart()
optimizer = torch.optim.SGD(net.parameters(), 1e-5)
for step in range(150):
    optimizer.zero_grad()
    net.loss(torch.randn(32, 8)).backward()
    optimizer.step()
"""


def test_losses_from_before_the_first_look_are_in_the_units_of_those_after_it(tmp_path):
    """The model is found at its first update; what a loss is divided by, at the look after that."""
    (tmp_path / "program.py").write_text(SHARED)
    losses = watch_script(tmp_path / "program.py").watch.patient().losses
    assert len(losses) == 150
    assert losses.max() < 3 * losses.min()


def test_a_loss_to_which_another_is_added_is_compared_with_its_own_start():
    """That of a look is the mean over numbers; what is differentiated, here, the sum of two other things."""
    torch.manual_seed(0)
    watch = trained(Autoencoder(), bound(30.0), rate=0.005, steps=100)
    assert "learning_rate_too_high" not in named(watch)


def test_two_outputs_of_one_shape_without_anything_decoded_are_no_code():
    class Policy(nn.Module):  # means and log-variances of what is drawn, near 0 as they begin
        def __init__(self):
            super().__init__()
            self.last = nn.Linear(FEATURES, 4)
            nn.init.zeros_(self.last.weight)

        def forward(self, x):
            return self.last(x).chunk(2, dim=1)

    watch = trained(Policy(), lambda net, x: net(x)[0].sum() * 0.0)
    assert "posterior_collapse" not in named(watch)


class Twice(nn.Module):
    """Two views of each sample in, two representations out."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(FEATURES, 32), nn.Tanh(), nn.Linear(32, 8))

    def forward(self, x):
        return self.body(x + 0.1 * torch.randn_like(x)), self.body(x + 0.1 * torch.randn_like(x))


def alike(net, x):
    a, b = net(x)
    return (a - b).square().sum(1).mean()


def alike_and_apart(net, x):
    """The same, while each number keeps a deviation of 1 over the batch and a mean of its own."""
    a, b = net(x)
    return (a - b).square().sum(1).mean() + sum(functional.relu(1 - y.std(0)).mean() for y in (a, b))


@pytest.mark.parametrize(("loss", "collapsed"), [(alike, True), (alike_and_apart, False)])
def test_representations_that_come_together_are_named(loss, collapsed):
    torch.manual_seed(0)
    watch = trained(Twice(), loss, steps=300)
    assert ("representations_alike" in named(watch)) == collapsed
    if collapsed:
        assert watch.findings[0].name == "representations_alike"
        assert watch.findings[0].severity == "severe"


def test_outputs_that_have_targets_may_be_alike():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(FEATURES, 8), nn.Tanh(), nn.Linear(8, 4))
    watch = trained(net, lambda net, x: functional.mse_loss(net(x), torch.ones(64, 4)))
    assert "representations_alike" not in named(watch)


def evaluated(of_test, *, of_training=lambda x: x, batch_norm=False, kind=10.0, other_rule=False):
    """Train on standardized inputs (5 of deviation 10 before); evaluate on others, as `of_test` has it."""
    torch.manual_seed(0)
    middle = [nn.BatchNorm1d(32)] if batch_norm else []
    net = nn.Sequential(nn.Linear(8, 32), *middle, nn.Tanh(), nn.Linear(32, 3))
    opt = torch.optim.Adam(net.parameters(), 0.01)
    x = 5 + 10 * torch.randn(640, 8)
    other = 5 + kind * torch.randn(200, 8)
    rule = torch.randn(8, 3)
    t, t_other = (x - 5) @ rule, (other - 5) @ (torch.randn(8, 3) if other_rule else rule)
    with koubai.watch(net, opt, budget=0, every=20) as watch:
        for _ in range(30):
            net.train()
            for i in range(0, 640, 64):
                opt.zero_grad()
                y = net(of_training((x[i : i + 64] - 5) / 10))
                functional.cross_entropy(y, t[i : i + 64].argmax(1)).backward()
                opt.step()
            net.eval()
            with torch.no_grad():
                functional.cross_entropy(net(of_test(other)), t_other.argmax(1))
    return watch


def test_an_evaluation_without_the_training_s_preparation_is_named_at_its_line():
    watch = evaluated(lambda x: x)
    (finding, *_) = watch.findings
    assert finding.name == "evaluation_scale"
    assert finding.place.role == "evaluation"
    assert finding.details["ratio"] == pytest.approx(10, rel=0.1)
    assert finding.details["rescaled"] < 0.7 * finding.details["loss"]


@pytest.mark.parametrize("batch_norm", [False, True])
def test_the_same_preparation_is_silent_and_so_is_noise_that_only_training_has(batch_norm):
    watch = evaluated(lambda x: (x - 5) / 10, batch_norm=batch_norm)
    assert "evaluation_scale" not in named(watch)
    noisy = evaluated(lambda x: (x - 5) / 10, of_training=lambda x: x + 0.5 * torch.randn_like(x))
    assert "evaluation_scale" not in named(noisy)


@pytest.mark.parametrize("kind", [20.0, 40.0])
def test_test_data_of_another_kind_are_no_mistake_of_scale(kind):
    watch = evaluated(lambda x: (x - 5) / 10, kind=kind, other_rule=True)
    assert "evaluation_scale" not in named(watch)


def test_of_a_large_model_few_samples_are_asked(monkeypatch):
    of_a_sample = 32 + 32 + 3  # numbers that its layers put out
    monkeypatch.setattr(rerun, "_CHECKUP_ELEMENTS", 50 * of_a_sample)
    watch = evaluated(lambda x: x)
    asked = []
    watch.seen.root.register_forward_pre_hook(lambda net, args: asked.append(len(args[0])))
    assert named(watch)[0] == "evaluation_scale"
    assert max(asked) <= 64  # a batch of the program's own


class TwoViews(nn.Module):
    """Views of one sample, brought together by their cosine; `stops`: one side of each pair stands still."""

    def __init__(self, *, stops):
        super().__init__()
        self.stops = stops
        self.body = nn.Sequential(nn.Linear(FEATURES, 32), nn.ReLU(), nn.Linear(32, 16))
        self.guess = nn.Sequential(nn.Linear(16, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 16))

    def forward(self, one, other):
        z, w = self.body(one), self.body(other)
        return z, w, self.guess(z), self.guess(w)


def together(net, x):
    z, w, guess_z, guess_w = net(x + 0.1 * torch.randn_like(x), x + 0.1 * torch.randn_like(x))
    z, w = (z.detach(), w.detach()) if net.stops else (z, w)
    cosines = functional.cosine_similarity(guess_z, w), functional.cosine_similarity(guess_w, z)
    return -(cosines[0].mean() + cosines[1].mean()) / 2


def test_views_that_all_point_one_way_are_representations_alike():
    torch.manual_seed(0)
    watch = trained(TwoViews(stops=False), together, rate=0.05, steps=400)
    (found,) = (finding for finding in watch.findings if finding.name == "representations_alike")
    assert found.details["fault"] == "one_way"
    assert found.details["deviation"] < 0.15 < found.details["first"]


def test_views_of_which_one_side_stands_still_are_not():
    torch.manual_seed(0)
    assert "representations_alike" not in named(trained(TwoViews(stops=True), together, rate=0.05, steps=400))


def test_views_that_turn_with_their_sample_are_not():
    torch.manual_seed(0)

    def apart(net, x):
        z, w, _, _ = net(x, x + 0.1 * torch.randn_like(x))
        scores = functional.normalize(z) @ functional.normalize(w).T / 0.2
        return -scores.log_softmax(1).diagonal().mean()

    assert "representations_alike" not in named(trained(TwoViews(stops=True), apart, rate=0.003, steps=300))
