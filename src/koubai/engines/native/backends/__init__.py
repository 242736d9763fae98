"""Backends: what computes products and convolutions, and what runs lanes side by side."""
