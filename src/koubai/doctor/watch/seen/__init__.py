"""What was seen of a training run: its history, some of its samples and answers, its loss, its loop."""
