"""One forward and one backward pass, recorded from outside the model."""
