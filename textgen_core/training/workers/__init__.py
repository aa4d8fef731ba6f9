"""Several processes that train one model: who they are, how they start, what they agree on."""
