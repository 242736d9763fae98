"""What a watch asks about models and optimizers: their tensors, kinds, and the lines that made them."""
