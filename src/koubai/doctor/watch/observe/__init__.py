"""From what is heard to what was seen: when to look closely, what is an update, what an evaluation."""
