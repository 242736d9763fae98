"""The catalog's experiments, one file each."""
