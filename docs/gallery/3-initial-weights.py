# %% en
# # Which initial weights?
#
# Five hidden layers of ReLU; weights too small, He's, and too large. Six seeds each, the same for all three.
# %% ja
# # どの初期値がよいか
#
# ReLU の隠れ層を 5 つ。初期値は小さすぎるもの、He、大きすぎるものの 3 通りで、同じ 6 つのシードを使います。
# %%
import koubai as kb
from koubai.lab import Arm, Claim, Experiment, run

base = kb.Recipe(kb.Mlp(hidden=(40,) * 5), kb.data.digits(), optimizer=kb.SGD(0.05), steps=150)
arms = (
    Arm("He"),
    Arm("too small", {"initializer": kb.Normal(0.01)}),
    Arm("too large", {"initializer": kb.Normal(2.0)}),
)
claims = (Claim("He", over="too small"), Claim("He", over="too large"))
experiment = Experiment("initial-weights-of-mine", base, arms, claims=claims)
experiment
# %% en
# Dots are seeds, bars are means. What was claimed is judged first.
# %% ja
# 点が各シード、縦線が平均です。主張の判定が最初に出ます。
# %%
run(experiment)
