"""The doctor: names what is wrong with a run, where, since when and why, and proves its remedy."""
