"use strict";
// Tensors as typed arrays, and how to go through them. `kernels` has the operations by name: one is
// given its tensors and options once, and returns what computes its outputs from then on.

const ARRAYS = {
  float32: Float32Array, int32: Int32Array, uint32: Uint32Array, int8: Int8Array, uint16: Uint16Array,
  uint8: Uint8Array, bool: Uint8Array,
  int64: Float64Array, // whole numbers, exact up to 2 ** 53
};
const LIMITS = {
  int32: [-(2 ** 31), 2 ** 31 - 1], int64: [-(2 ** 53), 2 ** 53], uint32: [0, 2 ** 32 - 1], int8: [-128, 127],
  uint8: [0, 255],
};

const kernels = {};

const sizeOf = (shape) => shape.reduce((product, size) => product * size, 1);
const axisOf = (number, shape) => (number < 0 ? number + shape.length : number);

function stridesOf(shape) {
  const strides = new Array(shape.length);
  for (let axis = shape.length - 1, stride = 1; axis >= 0; stride *= shape[axis--]) strides[axis] = stride;
  return strides;
}

/** Returns the sizes before, at and after an axis. */
const aroundAxis = (shape, axis) => [sizeOf(shape.slice(0, axis)), shape[axis], sizeOf(shape.slice(axis + 1))];

/** Returns, for each element of a tensor of a shape, offset + the sum of its steps times strides. */
function placesOf(shape, strides, offset = 0) {
  let found = Int32Array.of(offset);
  shape.forEach((size, axis) => {
    const wider = new Int32Array(found.length * size);
    for (let next = 0; next < wider.length; next++) {
      wider[next] = found[Math.floor(next / size)] + (next % size) * strides[axis];
    }
    found = wider;
  });
  return found;
}

/** Returns the strides of a tensor that is spread to a shape: 0 where it is repeated. */
function spreadStrides(tensor, shape) {
  const missing = shape.length - tensor.shape.length, strides = stridesOf(tensor.shape);
  return shape.map((_, axis) => ((tensor.shape[axis - missing] || 1) === 1 ? 0 : strides[axis - missing]));
}

/**
 * Returns how to go through tensors side by side along some inner axes, as long as can be: of each of
 * these the size and the steps in every tensor, and where they begin in each of them.
 */
function pathThrough(shape, stridesOfEach, depth = 1) {
  const axes = [];
  shape.forEach((size, axis) => {
    const steps = stridesOfEach.map((each) => each[axis]), last = axes[axes.length - 1];
    if (size === 1) return;
    if (last && last.steps.every((step, number) => step === steps[number] * size)) {
      Object.assign(last, { size: last.size * size, steps });
    } else axes.push({ size, steps });
  });
  while (axes.length < depth) axes.unshift({ size: 1, steps: stridesOfEach.map(() => 0) });
  const inner = axes.splice(-depth), sizes = axes.map(({ size }) => size);
  const starts = stridesOfEach.map((_, number) => placesOf(sizes, axes.map(({ steps }) => steps[number])));
  return { inner, starts };
}
