"""What a learner asks: the glossary with its pictures, slips of the course's notes, check questions."""
