"""What is asked: a question, its arms, seeds and claims, in Python or in a file."""
