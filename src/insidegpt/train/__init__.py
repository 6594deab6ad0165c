"""Training: losses, optimizers, one visible loop, and what is kept to go on later."""
