"""What is known of a run before it is asked anything: facts, history, one step seen from inside."""
