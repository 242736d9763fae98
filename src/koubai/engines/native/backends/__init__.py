"""Backends: what computes products and convolutions, and what runs shards side by side."""
