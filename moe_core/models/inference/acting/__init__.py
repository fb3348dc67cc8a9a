"""What is done to a model while it runs: steered routers, noise, experts cut out."""
