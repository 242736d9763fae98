"""A case of the doctor's benchmark that several tests run."""

OUTPUT_LAYER = """
[[case]]
id = "sick"
family = "test"
accept = ["output layer"]
layer = "1"
seeds = 2
[case.recipe]
data = { type = "circles", factor = 0.5 }
loss = "binary_cross_entropy"
optimizer = { type = "adam", learning_rate = 0.01 }
steps = 200
network = { type = "sequential", layers = [{ type = "mlp", hidden = [16], classes = 1 }, "softmax"] }
[case.fixed]
network = { type = "sequential", layers = [{ type = "mlp", hidden = [16], classes = 1 }, "sigmoid"] }
"""
