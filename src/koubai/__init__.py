"""koubai: neural networks you can see through."""
