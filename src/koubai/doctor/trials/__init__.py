"""Trials on any PyTorch program: one change, everything else equal. Only `watch` imports what needs PyTorch.

The process is forked while the program runs (`forks.py`), and the program itself goes on in a fork under
one change (`changes.py`); what it says are its losses (`meter.py`).
"""
