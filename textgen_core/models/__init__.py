"""A Keras model with its tokenizer: built from a chosen component, on the machine as it is."""
