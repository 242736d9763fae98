"""What the experiments of the course share: settings, networks, data, and parts as its own code has them."""
