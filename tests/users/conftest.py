"""The scripts run as a whole; nothing in them is a test by itself."""

collect_ignore_glob = ["*_user.py"]
