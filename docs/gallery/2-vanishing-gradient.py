# %% en
# # Why does a deep network of sigmoids not learn?
#
# Ten layers with the sigmoid, initial weights of the usual size. The loss stays where it is.
# %% ja
# # シグモイドの深いネットワークはなぜ学習できないのか
#
# シグモイドの層を 10 段、初期値は標準的な大きさです。損失が動きません。
# %%
import koubai as kb

deep = kb.Mlp(hidden=(40,) * 10, activation="sigmoid")
run = kb.fit(deep, kb.data.digits(), optimizer=kb.SGD(0.1), steps=200, seed=0, progress=False)
run
# %% en
# The doctor looks at every layer, tries changes on copies of the run, and names the cause with what it tried.
# %% ja
# 診断は全層を調べ、学習の複製にいろいろな変更を試し、原因の名前と試した結果を告げます。
# %%
run.findings
# %% en
# The same depth with ReLU and He's initial weights:
# %% ja
# 同じ深さで、ReLU と He の初期値にすると、
# %%
better = kb.Mlp(hidden=(40,) * 10, activation="relu")
kb.fit(better, kb.data.digits(), optimizer=kb.Adam(0.003), steps=200, seed=0, progress=False)
