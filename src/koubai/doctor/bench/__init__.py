"""The doctor's benchmark: cases with known names, labelled by outcome, scored with exact intervals."""
