"""A trained model and its samplers as LiteRT programs, which write without TensorFlow.

Conversion needs TensorFlow, and nothing else here does.
"""
