"""Products by BLAS, convolutions by products of windows, shards in Python's threads: for every platform."""
