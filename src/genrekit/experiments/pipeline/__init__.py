"""A model's life in one command: data, training, comparison, promotion, what to label next."""
