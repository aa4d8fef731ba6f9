"""A graph with custom gradients goes when nobody needs it any more."""

import gc
import weakref

import tensorflow as tf

from textgen_core.training.custom_gradients import releasing_graphs


@tf.custom_gradient
def doubled(inputs):
    return 2 * inputs, lambda upstream: 2 * upstream


def differentiated(inputs):
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = doubled(inputs) ** 2
    return tape.gradient(outputs, inputs)


def test_a_graph_that_was_traced_in_the_block_goes_after_it_and_an_earlier_one_stays_usable():
    earlier = tf.function(lambda inputs: doubled(inputs) ** 2, autograph=False)
    earlier(tf.constant(3.0))
    with releasing_graphs():
        step = tf.function(differentiated, autograph=False)
        assert float(step(tf.constant(3.0))) == 24.0
    graph = weakref.ref(step.get_concrete_function(tf.constant(3.0)).graph)
    assert float(step(tf.constant(1.0))) == 8.0
    del step
    gc.collect()
    assert graph() is None

    inputs = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        outputs = earlier(inputs)
    assert float(tape.gradient(outputs, inputs)) == 24.0
