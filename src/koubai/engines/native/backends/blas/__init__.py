"""Products by BLAS, convolutions by products of windows, lanes in Python's threads: for every platform."""
