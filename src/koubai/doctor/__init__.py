"""The doctor floor."""
