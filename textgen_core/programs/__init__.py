"""A trained model and its samplers as LiteRT programs, which run without TensorFlow."""
