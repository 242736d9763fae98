"""The network as a torch.nn.Module: an independent check of the formulas, and the way to a GPU."""
