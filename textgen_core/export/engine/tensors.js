"use strict";
// Tensors as typed arrays, and the operations on them by name. A kernel is given an operation's
// tensors and options once, and returns what computes its outputs from then on.

const ARRAYS = {
  float32: Float32Array, int32: Int32Array, uint32: Uint32Array, int8: Int8Array, uint16: Uint16Array,
  uint8: Uint8Array, bool: Uint8Array,
  int64: Float64Array, // whole numbers, exact up to 2 ** 53
};
const LIMITS = {
  float32: [-Infinity, Infinity], int32: [-(2 ** 31), 2 ** 31 - 1], int64: [-(2 ** 53), 2 ** 53],
  uint32: [0, 2 ** 32 - 1], int8: [-128, 127], uint8: [0, 255], bool: [0, 1],
};

const kernels = {}; // by the schema's name; the exporter reads them from these files

const sizeOf = (shape) => shape.reduce((product, size) => product * size, 1);

function makeTensor(type, shape) {
  return { type, shape, data: new ARRAYS[type](sizeOf(shape)) };
}

function stridesOf(shape) {
  const strides = new Array(shape.length);
  for (let axis = shape.length - 1, stride = 1; axis >= 0; stride *= shape[axis--]) {
    strides[axis] = stride;
  }
  return strides;
}

/** Returns, for each element of a tensor of a shape, offset + the sum of its steps times strides. */
function placesOf(shape, strides, offset = 0) {
  let found = Int32Array.of(offset);
  shape.forEach((size, axis) => {
    const wider = new Int32Array(found.length * size);
    for (let place = 0, next = 0; place < found.length; place++) {
      for (let step = 0; step < size; step++) wider[next++] = found[place] + step * strides[axis];
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

const spreadPlaces = (tensor, shape) => placesOf(shape, spreadStrides(tensor, shape));

/**
 * Returns how to go through tensors side by side in rows that are as long as can be: where each row
 * begins in each of them, the steps within a row, and how many elements it has.
 */
function rowsOf(shape, stridesOfEach) {
  const axes = [];
  shape.forEach((size, axis) => {
    const strides = stridesOfEach.map((each) => each[axis]), last = axes[axes.length - 1];
    if (size === 1) return;
    if (last && last.strides.every((stride, number) => stride === strides[number] * size)) {
      Object.assign(last, { size: last.size * size, strides });
    } else axes.push({ size, strides });
  });
  const { size: count, strides: steps } = axes.pop() || { size: 1, strides: stridesOfEach.map(() => 0) };
  const sizes = axes.map(({ size }) => size);
  const starts = stridesOfEach.map((_, number) => placesOf(sizes, axes.map(({ strides }) => strides[number])));
  return { starts, steps, count };
}

function axisOf(number, shape) {
  return number < 0 ? number + shape.length : number;
}

/** Returns the sizes before, at and after an axis. */
function aroundAxis(shape, axis) {
  return [sizeOf(shape.slice(0, axis)), shape[axis], sizeOf(shape.slice(axis + 1))];
}

const clamped = (low, high) => (x) => Math.min(high, Math.max(low, x));
const ACTIVATIONS = [null, (x) => (x < 0 ? 0 : x), clamped(-1, 1), clamped(0, 6), Math.tanh];

/** Returns what an operation applies to its output in place, by the number of its activation. */
function activationOf(options, output) {
  const activate = ACTIVATIONS[options.fusedActivationFunction || 0];
  if (activate === undefined) throw new Error("an activation that is not known");
  if (activate === null) return null;
  const data = output.data;
  return () => {
    for (let place = 0; place < data.length; place++) data[place] = activate(data[place]);
  };
}
