# %% en
# # My loss is NaN
#
# After a few updates nothing is a number any more. The run stops there, and the doctor is asked why.
# %% ja
# # 損失が NaN になった
#
# 数回の更新で、損失が数でなくなりました。学習はそこで止まります。原因を診断に尋ねます。
# %%
import koubai as kb

data = kb.data.digits(scale="standard")
run = kb.fit(kb.Mlp((40,) * 3), data, optimizer=kb.SGD(30.0), steps=200, seed=0, progress=False)
run.findings
# %% en
# The cause has a name, and the trials say which change helped. With a hundredth of the rate:
# %% ja
# 原因に名前が付き、どの変更が効いたかも分かります。学習率を 100 分の 1 にすると、
# %%
kb.fit(kb.Mlp((40,) * 3), data, optimizer=kb.SGD(0.3), steps=200, seed=0, progress=False)
# %% en
# In a PyTorch program of your own: `koubai doctor train.py`. Where the number breaks off in one operation (a
# logarithm of 0, a square root's slope at 0), that operation is named with its line.
# %% ja
# 自分の PyTorch プログラムなら `koubai doctor train.py` です。
# 1 つの演算（0 の対数、0 での平方根の傾きなど）で数が壊れたときは、
# その演算を行番号つきで示します。
