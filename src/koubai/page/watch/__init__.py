"""Watch: runs in folders, shown while they are written, and tried on a copy. Nothing here writes to a run."""
