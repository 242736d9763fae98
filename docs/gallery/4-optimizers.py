# %% en
# # Compare two optimizers, fairly
#
# One run each proves little: another seed may turn it around. Paired over six seeds, with the same batches
# and the same initial weights, a difference has an interval.
# %% ja
# # 2 つの最適化手法を公平に比べる
#
# 1 回ずつの学習では、シードを変えると順位が入れ替わるかもしれません。
# 同じバッチ、同じ初期値で 6 つのシードを対にして比べると、差に区間が付きます。
# %%
import koubai as kb
from koubai.lab import Arm, Claim, Experiment, run

base = kb.Recipe(kb.Mlp(hidden=(40,)), kb.data.digits(), optimizer=kb.SGD(0.01), steps=150)
arms = (
    Arm("SGD"),
    Arm("Adam", {"optimizer": kb.Adam(0.01)}),
    Arm("Momentum", {"optimizer": kb.Momentum(0.01)}),
)
run(Experiment("optimizers-of-mine", base, arms, claims=(Claim("Adam", over="SGD"),)))
# %% en
# Is it Adam, or is it the rate? With ten times the rate gradient descent has its own chance.
# %% ja
# 差は Adam のおかげでしょうか、それとも学習率でしょうか。勾配降下法にも 10 倍の学習率を試します。
# %%
faster = (Arm("SGD, rate .1", {"optimizer": kb.SGD(0.1)}), Arm("Adam", {"optimizer": kb.Adam(0.01)}))
run(Experiment("rates-of-mine", base, faster))
