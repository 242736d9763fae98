"""The native engine: a network compiled to a flat program of oneDNN primitives and Numba kernels.

The way of a job, a file a stage: builder (verbs to graph), fuse, plan with ops (graph to instructions), arena
(instructions to memory), link (to tables), kernels/loop (runs them). docs/engine.md tells it at length.
"""
