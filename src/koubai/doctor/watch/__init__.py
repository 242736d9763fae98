"""Watching PyTorch training: the same patient, the same diagnoses, for any module and any loop.

Importing this package imports PyTorch; nothing else of koubai does.
"""
