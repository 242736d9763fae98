"""The words floor."""
