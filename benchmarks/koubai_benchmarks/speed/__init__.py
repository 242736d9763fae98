"""The benchmark: the same training on koubai and on its peers, each at its best, in alternating rounds."""
