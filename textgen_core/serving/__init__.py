"""A server on this machine: OpenAI's completions for the clients that know them, and a page."""
