"""The native floor."""
