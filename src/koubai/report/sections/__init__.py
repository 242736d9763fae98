"""One chapter of a report a file: what was measured in, a Section out (empty where there is nothing)."""
