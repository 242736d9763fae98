"""The doctor's benchmark: cases with known names, labeled by outcome, scored with exact intervals."""
