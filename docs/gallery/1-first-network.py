# %% en
# # A first network, seen through
#
# Ten digits, one hidden layer. What a run shows comes in this order:
# what is wrong, how it ended, the scores, the loss, the layers.
# %% ja
# # はじめてのネットワークを見る
#
# 手書き数字 10 種類を、隠れ層 1 つで学習します。学習結果の表示は、問題点、終わり方、成績、損失、層の順です。
# %%
import koubai as kb

net = kb.Sequential(kb.Flatten(), kb.Linear(40), kb.ReLU(), kb.Linear(10))
run = kb.fit(net, kb.data.digits(), optimizer=kb.Adam(0.01), steps=300, seed=0, progress=False)
run
# %% en
# The probabilities of the first three test pictures, rounded; and the share of right answers on all of them.
# %% ja
# テスト画像の最初の 3 枚について、各クラスの確率（小数 2 桁）と、全体の正解率です。
# %%
test = kb.data.digits().read(None)
run.predict_proba(test.x_test[:3]).round(2)
# %%
run.score(test.x_test, test.t_test)
