# %% en
# # Data of your own
#
# Arrays as they come: labels are words, and one class is rare. How labels were understood is kept with the
# model.
# %% ja
# # 自分のデータで学習する
#
# 配列はそのまま渡せます。
# ラベルは文字列で、少ないクラスが 1 つあります。
# ラベルの読み方はモデルと一緒に保存されます。
# %%
import numpy as np

import koubai as kb

rng = np.random.default_rng(0)
x = rng.normal(size=(900, 3))
leaves = np.where(x[:, 0] + x[:, 1] > 1.8, "leaves", "stays")
np.unique(leaves, return_counts=True)
# %%
run = kb.fit(
    kb.Mlp((16,), classes=2),
    (x, leaves),
    optimizer="adam",
    learning_rate=0.01,
    epochs=20,
    class_weight="balanced",
    progress=False,
)
run
# %%
from sklearn.metrics import confusion_matrix

confusion_matrix(leaves, run.predict_classes(x), labels=["leaves", "stays"])
