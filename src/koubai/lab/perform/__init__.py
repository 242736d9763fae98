"""How it is done: plans, runs, workers, and where finished runs are kept."""
