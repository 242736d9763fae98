"""Training: recipes, sessions, the loop, run folders."""

from koubai.engines.engine import Observation
from koubai.train.early_stopping import EarlyStopping
from koubai.train.folder import RunFolder
from koubai.train.recipe import Recipe
from koubai.train.session import Score, Session
from koubai.train.train import Run, finish, resume, train

__all__ = [
    "EarlyStopping",
    "Observation",
    "Recipe",
    "Run",
    "RunFolder",
    "Score",
    "Session",
    "finish",
    "resume",
    "train",
]
