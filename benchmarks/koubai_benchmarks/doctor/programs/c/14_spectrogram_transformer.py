# truth: faulty
# task: transformer encoder that maps a sequence of frames to another of the same length (the frames played backwards, slightly filtered)
# wrong: the causal mask of a language-model example was left in; the outputs need frames that come later, which it hides
# accept: none
# after: Stack Overflow question retold at https://openillumi.com/en/en-pytorch-transformer-non-ar-seq2seq-mask-guide (TransformerReconstruct)
# metric: lower
import argparse
import sys

import torch
import torch.nn as nn

FIXED = "--fixed" in sys.argv


class TransformerReconstruct(nn.Module):
    def __init__(self, feature_size=6, d_model=32, num_layers=2, nhead=4, max_len=12):
        super().__init__()
        self.model_type = "Transformer"
        self.src_mask = None
        self.input_projection = nn.Linear(feature_size, d_model)
        self.positions = nn.Parameter(0.5 * torch.randn(1, max_len, d_model))
        layer = nn.TransformerEncoderLayer(d_model=d_model, nhead=nhead, dim_feedforward=64,
                                           dropout=0.0, batch_first=True, norm_first=True)
        self.transformer_encoder = nn.TransformerEncoder(layer, num_layers=num_layers, enable_nested_tensor=False)
        self.decoder = nn.Linear(d_model, feature_size)

    def _generate_square_subsequent_mask(self, sz):
        return torch.triu(torch.full((sz, sz), float("-inf")), diagonal=1)

    def forward(self, src):
        if not FIXED:
            if self.src_mask is None or self.src_mask.size(0) != src.size(1):
                self.src_mask = self._generate_square_subsequent_mask(src.size(1))
        h = self.input_projection(src) + self.positions[:, :src.size(1)]
        h = self.transformer_encoder(h, self.src_mask)
        return self.decoder(h)


def frames(n, mixing):
    x = torch.randn(n, 12, 6)
    y = x.flip(1) @ mixing
    return x, y


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--fixed", action="store_true")
    ap.add_argument("--steps", type=int, default=700)
    args = ap.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    mixing = torch.linalg.qr(torch.randn(6, 6)).Q
    x_test, y_test = frames(300, mixing)
    model = TransformerReconstruct()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    warmup = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: min(1.0, (s + 1) / 50))
    criterion = nn.MSELoss()
    for step in range(args.steps):
        x, y = frames(32, mixing)
        loss = criterion(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        warmup.step()
        if step % 100 == 99:
            print(f"| step {step + 1:5d} | loss {loss.item():.5f}")
    model.eval()
    with torch.no_grad():
        print(f"test mse {criterion(model(x_test), y_test).item():.5f}")


main()
