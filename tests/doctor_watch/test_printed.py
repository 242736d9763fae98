"""Which number a program prints last, of those whose name tells which way is better."""

import math

import pytest

from koubai.doctor.trials.printed import LOSSES, PrintedNumber, Tail, last_metric, printed_value

PRINTED = [
    ("Epoch 3: train loss 0.31, val acc = 91.2% (4.1 s)", "val acc", False, 91.2),
    ("Test set: Average loss: 0.0612, Accuracy: 9801/10000 (98%)", "Accuracy: …/…", False, 98.0),
    ("Accuracy: 9801/10000", "Accuracy", False, 9801.0),
    (
        "Accuracy of the net on the 10000 test images: 54 %",
        "Accuracy of the net on the … test images",
        False,
        54,
    ),
    ("{'eval_loss': 0.31, 'eval_accuracy': 0.9, 'epoch': 3.0}", "eval_accuracy", False, 0.9),
    ("step 100 | loss 2.1234 | step time 3.21ms", "loss", True, 2.1234),
    ("loss after 100 steps: 1.5e-3", "loss after … steps", True, 0.0015),
    ("RMSE=0.2 at epoch 3", "RMSE", True, 0.2),
    ("Epoch 10 | Batch 3/4 | Loss 0.33 | Acc@1 45.2", "Acc@…", False, 45.2),
    ("R^2 = 0.9", "R^…", False, 0.9),
    ("epoch 3 / 10, mean reward -12.5", "mean reward", False, -12.5),
    ("\x1b[32macc=tensor(0.93)\x1b[0m", "acc=tensor", False, 0.93),
    ("perplexity 12.3\nsaved after 4 s", "perplexity", True, 12.3),
]


@pytest.mark.parametrize(("text", "name", "lower", "value"), PRINTED)
def test_the_last_number_with_a_telling_name_counts(text, name, lower, value):
    metric = last_metric(text)
    assert metric == PrintedNumber(name, lower)
    assert printed_value(text, metric) == value


@pytest.mark.parametrize("text", ["", "done", "99 0.123", "lossless 3", "seed 3, epoch 4 of 5", "loss"])
def test_numbers_without_a_telling_name_do_not(text):
    assert last_metric(text) is None


def test_a_loss_can_be_left_out_and_a_number_may_be_none():
    text = "reward 3.0\nD loss 0.3, G loss nan"
    metric = last_metric(text)
    assert metric == PrintedNumber("G loss", lower=True)
    assert math.isnan(printed_value(text, metric))
    assert last_metric(text, without=LOSSES) == PrintedNumber("reward", lower=False)
    assert math.isnan(printed_value("nothing", metric))
    assert last_metric("losses 0.3 and 0.4", without=LOSSES) is None


def test_the_end_of_what_is_printed_is_kept_and_a_progress_bar_is_not_one_line():
    tail = Tail()
    for i in range(1000):
        print(f"step {i}", file=tail)
    for i in range(3):
        tail.write(f"\r{i}/3 loss={3 - i}")
    assert tail.text.splitlines()[-1] == "2/3 loss=1"
    assert len(tail.text.splitlines()) < 300


def test_a_program_may_do_with_it_what_it_does_with_its_output():
    tail = Tail()
    tail.reconfigure(line_buffering=True, encoding="utf-8")
    tail.buffer.write("損失 loss 0.5\n".encode())
    print("acc 0.25\r\nend", end="", file=tail)
    assert tail.text.splitlines() == ["損失 loss 0.5", "acc 0.25", "end"]
    assert (tail.encoding, tail.isatty(), tail.fileno()) == ("utf-8", False, 1)
