"""The torch floor."""
