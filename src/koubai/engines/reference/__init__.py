"""The reference engine: the formulas as written, in NumPy. It is the definition of every other engine."""
