"""The public functions that compose the floors."""
