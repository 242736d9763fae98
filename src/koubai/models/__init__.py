"""The models floor."""
