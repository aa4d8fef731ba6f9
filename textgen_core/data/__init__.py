"""From split texts to batches of token ids: the tokenizer, memory-mapped token files, batches."""
