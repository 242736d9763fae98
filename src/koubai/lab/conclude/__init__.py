"""What came out: statistics, verdicts and sentences."""
