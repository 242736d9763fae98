"""Pictures that are marked place by place: rare places that are never marked, targets that do not fit."""

import pytest
import torch
from torch import nn
from torch.nn import functional

import koubai
from koubai.doctor.answer.tell import lines_of

SIDE, PICTURES = 14, 80


def strokes(count, seed, *, contrast=2.0, noise=0.7):
    """Short bright strokes on noise: about 5 % of the places."""
    generator = torch.Generator().manual_seed(seed)
    t = torch.zeros(count, SIDE, SIDE)
    for one in t:
        i, j = torch.randint(0, SIDE - 6, (2,), generator=generator).tolist()
        if torch.rand((), generator=generator) < 0.5:
            one[i : i + 5, j : j + 2] = 1
        else:
            one[i : i + 2, j : j + 5] = 1
    x = contrast * t + noise * torch.randn(t.shape, generator=generator)
    return x[:, None], t


def network(outputs, wide=6):
    return nn.Sequential(nn.Conv2d(1, wide, 3, padding=1), nn.ReLU(), nn.Conv2d(wide, outputs, 3, padding=1))


def two_classes(y, t, weight):
    return functional.cross_entropy(y, t.long(), weight=torch.tensor([1.0, weight]))


def one_output(y, t, weight):
    return functional.binary_cross_entropy_with_logits(y[:, 0], t, pos_weight=torch.tensor(weight))


def watched(loss, outputs, *, weight=1.0, alter=lambda x, t: (x, t), rate=1e-3, epochs=6, **how):
    (x, t), (x_held, t_held) = strokes(PICTURES, 1, **how), strokes(30, 2, **how)
    torch.manual_seed(0)
    model = network(outputs)
    optimizer = torch.optim.Adam(model.parameters(), rate)
    with koubai.watch(model, optimizer, budget=0) as watch:
        for _ in range(epochs):
            for rows in torch.randperm(len(x)).split(8):
                pictures, masks = alter(x[rows], t[rows])
                optimizer.zero_grad()
                loss(model(pictures), masks, weight).backward()
                optimizer.step()
            model.eval()
            with torch.no_grad():
                loss(model(x_held), t_held, weight)
            model.train()
    return watch


def told(watch):
    return {f.name: f.details.get("fault") for f in watch.findings if f.alarm}


@pytest.mark.parametrize(("loss", "outputs"), [(two_classes, 2), (one_output, 1)])
def test_rare_places_that_are_never_marked_are_named(loss, outputs):
    watch = watched(loss, outputs)
    assert told(watch) == {"class_imbalance": "places"}
    finding = watch.findings[0]
    assert finding.details["recall"] < 0.2
    assert finding.details["reached"] > 0.8
    assert "IoU" in "".join(lines_of(finding, "en"))
    assert "Dice" in "".join(lines_of(finding, "ja"))


@pytest.mark.parametrize(
    "how", [{"weight": 30.0}, {"rate": 1e-2, "epochs": 20}, {"contrast": 0.0, "epochs": 3}]
)
def test_places_that_are_found_or_that_nobody_could_find_are_not_named(how):
    assert "class_imbalance" not in told(watched(one_output, 1, **how))


def flipped_apart(x, t):
    return tuple(part.flip(-1) if torch.rand(()) < 0.5 else part for part in (x, t))


def turned_apart(x, t):
    quarters = torch.randint(4, (len(x),)).tolist()
    return torch.stack([one.rot90(k, (1, 2)) for one, k in zip(x, quarters, strict=True)]), t


def flipped_together(x, t):
    flip = torch.rand(()) < 0.5
    return (x.flip(-1), t.flip(-1)) if flip else (x, t)


def always_mirrored(x, t):
    return x.flip(-1), t


@pytest.mark.parametrize("alter", [flipped_apart, turned_apart])
def test_masks_that_do_not_follow_their_pictures_are_named(alter):
    watch = watched(one_output, 1, alter=alter, weight=20.0)
    assert told(watch)["labels_wrong"] == "apart"
    finding = next(f for f in watch.findings if f.name == "labels_wrong")
    assert 0.25 < finding.details["share"] < 0.9
    assert "each by itself" in "".join(lines_of(finding, "en"))
    assert "別々に" in "".join(lines_of(finding, "ja"))


@pytest.mark.parametrize("alter", [flipped_together, always_mirrored])
def test_masks_that_follow_or_are_meant_to_be_mirrored_are_not_named(alter):
    assert told(watched(one_output, 1, alter=alter, weight=20.0, rate=1e-2)).get("labels_wrong") != "apart"


def test_pictures_that_do_not_show_what_is_marked_tell_nothing():
    watch = watched(one_output, 1, alter=flipped_apart, weight=20.0, contrast=0.0)
    assert told(watch).get("labels_wrong") != "apart"


def test_pictures_made_of_pictures_are_asked_the_same():
    def mse(y, t, weight):
        return functional.mse_loss(y, t[:, None])

    assert told(watched(mse, 1, alter=flipped_apart)).get("labels_wrong") == "apart"
    assert "labels_wrong" not in told(watched(mse, 1, alter=flipped_together, rate=1e-2))
