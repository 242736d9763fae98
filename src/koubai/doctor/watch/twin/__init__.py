"""A watched chain of layers as a koubai session, on which things can be tried."""
