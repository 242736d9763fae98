"""The catalogue's experiments, one file each."""
