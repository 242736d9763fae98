"""Check questions: asked with new numbers each time, answered by koubai's own code.

A question is one function in a file of this folder, decorated with `question`; its words stand in
words/quiz.toml: the question, every choice that is not a number, and for every choice why it is right or
wrong.
"""

from koubai.core.registry import discover
from koubai.study.quiz.asked import ABOUT, QUESTIONS, Asked, ask

discover(__name__, __path__)
__all__ = ["ABOUT", "QUESTIONS", "Asked", "ask"]
