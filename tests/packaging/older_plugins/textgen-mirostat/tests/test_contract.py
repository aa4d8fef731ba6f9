"""What textgen asks of every sampler and every metric."""

from textgen_core.testing import conformance

test_mirostat = conformance("textgen-mirostat:sampler/mirostat")
test_surprise = conformance("textgen-mirostat:metric/surprise")
