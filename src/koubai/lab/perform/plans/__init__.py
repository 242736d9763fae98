"""Plans that are not training runs: descents on a surface, a convolution unrolled, a search."""
