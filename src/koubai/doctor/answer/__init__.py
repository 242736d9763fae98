"""From what was found to what is said: root before symptom, a verdict, a proof, in words."""
