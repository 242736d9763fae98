"""What several tests share: tolerances, central differences, samples, a builder that only tracks shapes."""
