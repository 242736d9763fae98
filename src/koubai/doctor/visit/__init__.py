"""What diagnoses ask of a patient: harm, progress, trials; and what they find."""
