"""The watched model run again: checkups on samples that were kept, and what its answers depend on."""
