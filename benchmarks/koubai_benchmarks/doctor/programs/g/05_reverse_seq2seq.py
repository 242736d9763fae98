# truth: faulty
# task: transformer encoder-decoder that writes a string of digits backwards
# wrong: the decoder's input is not shifted against the labels, it is trained to copy the token that it is given
# accept: future_seen
# after: https://discuss.pytorch.org/t/nn-transformer-explaination/53175/20
# metric: higher
import argparse
import torch
import torch.nn as nn

BOS, EOS = 10, 11
VOCAB = 12
LEN = 6


class Seq2Seq(nn.Module):
    def __init__(self, d=64, heads=4):
        super().__init__()
        self.src_emb = nn.Embedding(VOCAB, d)
        self.tgt_emb = nn.Embedding(VOCAB, d)
        self.src_pos = nn.Parameter(0.1 * torch.randn(LEN, d))
        self.tgt_pos = nn.Parameter(0.1 * torch.randn(LEN + 2, d))
        self.transformer = nn.Transformer(
            d_model=d, nhead=heads, num_encoder_layers=1, num_decoder_layers=1,
            dim_feedforward=128, dropout=0.0, batch_first=True)
        self.proj = nn.Linear(d, VOCAB)

    def forward(self, src, tgt):
        t = tgt.size(1)
        causal = nn.Transformer.generate_square_subsequent_mask(t)
        h = self.transformer(self.src_emb(src) + self.src_pos,
                             self.tgt_emb(tgt) + self.tgt_pos[:t], tgt_mask=causal)
        return self.proj(h)

    @torch.no_grad()
    def greedy(self, src):
        out = torch.full((src.size(0), 1), BOS)
        for _ in range(LEN):
            nxt = self(src, out)[:, -1].argmax(-1, keepdim=True)
            out = torch.cat([out, nxt], dim=1)
        return out[:, 1:]


def batch(n):
    src = torch.randint(0, 10, (n, LEN))
    rev = src.flip(1)
    bos = torch.full((n, 1), BOS)
    eos = torch.full((n, 1), EOS)
    return src, torch.cat([bos, rev, eos], dim=1)


class Trainer:
    def __init__(self, model, lr, fixed):
        self.model = model
        self.fixed = fixed
        self.opt = torch.optim.Adam(model.parameters(), lr=lr, betas=(0.9, 0.98))
        self.crit = nn.CrossEntropyLoss()

    def step(self, src, tgt):
        self.model.train()
        dec_in = tgt[:, :-1]
        labels = tgt[:, 1:] if self.fixed else tgt[:, :-1]
        logits = self.model(src, dec_in)
        loss = self.crit(logits.reshape(-1, VOCAB), labels.reshape(-1))
        self.opt.zero_grad()
        loss.backward()
        self.opt.step()
        return loss.item()

    def evaluate(self, n=300):
        self.model.eval()
        src, tgt = batch(n)
        return (self.model.greedy(src) == tgt[:, 1:-1]).float().mean().item()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--fixed", action="store_true")
    ap.add_argument("--steps", type=int, default=500)
    args = ap.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    trainer = Trainer(Seq2Seq(), 2e-3, args.fixed)
    for i in range(1, args.steps + 1):
        loss = trainer.step(*batch(48))
        if i % 100 == 0:
            print(f"step {i}: loss {loss:.4f}")
    print("token accuracy of greedy decoding", round(trainer.evaluate(), 4))


if __name__ == "__main__":
    main()
