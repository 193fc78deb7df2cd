"""Makes the models: data, networks, training, evaluation, export."""
