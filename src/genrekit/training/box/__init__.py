"""The model in the box: a small network that learnt to hear from a larger one, and its head."""
