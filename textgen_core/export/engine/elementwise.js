// Operations on the elements of tensors, each for itself.

const ofOne = (compute) => ([{ data: from }], [{ data: to }]) => () => {
  for (let place = 0; place < to.length; place++) to[place] = compute(from[place]);
};

/** Returns the kernel of a function of two numbers, whose tensors are spread to one shape. row: writes a row. */
const ofRows = (row) => ([left, right], [output]) => {
  const strides = [left, right].map((each) => spreadStrides(each, output.shape));
  const { starts: [atA, atB], inner: [{ size, steps: [stepA, stepB] }] } = pathThrough(output.shape, strides);
  const a = left.data, b = right.data, to = output.data;
  return () => {
    for (let next = 0; next < atA.length; next++) row(a, atA[next], stepA, b, atB[next], stepB, to, next * size, size);
  };
};

const ofTwo = (compute) => ofRows((a, i, stepA, b, j, stepB, to, next, count) => {
  for (const end = next + count; next < end; next++, i += stepA, j += stepB) to[next] = compute(a[i], b[j]);
});
// Those that are called most have a loop of their own, which is compiled for them.
const adding = ofRows((a, i, stepA, b, j, stepB, to, next, count) => {
  for (const end = next + count; next < end; next++, i += stepA, j += stepB) to[next] = a[i] + b[j];
});
const subtracting = ofRows((a, i, stepA, b, j, stepB, to, next, count) => {
  for (const end = next + count; next < end; next++, i += stepA, j += stepB) to[next] = a[i] - b[j];
});
const multiplying = ofRows((a, i, stepA, b, j, stepB, to, next, count) => {
  for (const end = next + count; next < end; next++, i += stepA, j += stepB) to[next] = a[i] * b[j];
});

/** Returns the kernel of a function that differs for a type of numbers. */
const byType = (type, kernel, otherwise) => (inputs, outputs) =>
  (inputs[0].type === type ? kernel : otherwise)(inputs, outputs);
/** Returns the kernel of a function that depends on an operation's options. */
const byOptions = (choose) => (inputs, outputs, options) => ofOne(choose(options))(inputs, outputs);

const clamped = (low, high) => (x) => Math.min(high, Math.max(low, x));
const relu = (x) => (x < 0 ? 0 : x);
const ACTIVATIONS = [null, relu, clamped(-1, 1), clamped(0, 6), Math.tanh]; // by their numbers in the schema
const isTrue = (compute) => (x, y) => (compute(x, y) ? 1 : 0);

const floorMod = (x, y) => {
  const rest = x % y;
  return rest !== 0 && rest < 0 !== y < 0 ? rest + y : rest;
};
const roundHalfToEven = (x) => {
  const near = Math.round(x);
  return Math.abs(x % 1) === 0.5 && near % 2 !== 0 ? near - 1 : near;
};
const erf = (x) => { // W. J. Cody's rational approximation would be longer: the series converges
  if (Math.abs(x) > 5) return Math.sign(x);
  let sum = 0;
  for (let n = 0, term = x; Math.abs(term) > 1e-17; n++, term *= (-x * x) / n) sum += term / (2 * n + 1);
  return (2 / Math.sqrt(Math.PI)) * sum;
};
const gelu = (x) => 0.5 * x * (1 + erf(x * Math.SQRT1_2));
const geluByTanh = (x) => 0.5 * x * (1 + Math.tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)));

Object.assign(kernels, {
  ADD: adding, SUB: subtracting, MUL: byType("float32", multiplying, ofTwo(Math.imul)),
  DIV: byType("float32", ofTwo((x, y) => x / y), ofTwo((x, y) => Math.trunc(x / y))),
  FLOOR_DIV: ofTwo((x, y) => Math.floor(x / y)), FLOOR_MOD: ofTwo(floorMod), POW: ofTwo(Math.pow),
  MAXIMUM: ofTwo((x, y) => (x > y || x !== x ? x : y)), MINIMUM: ofTwo((x, y) => (x < y || x !== x ? x : y)),
  SQUARED_DIFFERENCE: ofTwo((x, y) => (x - y) * (x - y)),

  EQUAL: ofTwo(isTrue((x, y) => x === y)), NOT_EQUAL: ofTwo(isTrue((x, y) => x !== y)),
  LESS: ofTwo(isTrue((x, y) => x < y)), LESS_EQUAL: ofTwo(isTrue((x, y) => x <= y)),
  GREATER: ofTwo(isTrue((x, y) => x > y)), GREATER_EQUAL: ofTwo(isTrue((x, y) => x >= y)),
  LOGICAL_AND: ofTwo((x, y) => x & y), LOGICAL_OR: ofTwo((x, y) => x | y), LOGICAL_NOT: ofOne((x) => 1 - x),
  BITWISE_XOR: ofTwo((x, y) => x ^ y),
  RIGHT_SHIFT: byType("uint32", ofTwo((x, y) => x >>> y), ofTwo((x, y) => x >> y)),

  ABS: ofOne(Math.abs), NEG: ofOne((x) => -x), SIGN: ofOne(Math.sign), FLOOR: ofOne(Math.floor), CEIL: ofOne(Math.ceil),
  ROUND: ofOne(roundHalfToEven), SQRT: ofOne(Math.sqrt), RSQRT: ofOne((x) => 1 / Math.sqrt(x)),
  SQUARE: ([input], outputs) => multiplying([input, input], outputs),
  EXP: ofOne(Math.exp), LOG: ofOne(Math.log), SIN: ofOne(Math.sin), COS: ofOne(Math.cos), TANH: ofOne(Math.tanh),
  LOGISTIC: ofOne((x) => 1 / (1 + Math.exp(-x))), HARD_SWISH: ofOne((x) => (x * clamped(0, 6)(x + 3)) / 6),
  RELU: ofOne(relu), RELU6: ofOne(clamped(0, 6)),
  RELU_N1_TO_1: ofOne(clamped(-1, 1)), RELU_0_TO_1: ofOne(clamped(0, 1)),
  ELU: ofOne((x) => (x < 0 ? Math.expm1(x) : x)), LEAKY_RELU: byOptions(({ alpha }) => (x) => (x < 0 ? x * alpha : x)),
  GELU: byOptions(({ approximate }) => (approximate ? geluByTanh : gelu)),
});

kernels.CAST = ([input], [output]) => {
  const { type, data: to } = output;
  if (type === "bool") return ofOne((x) => (x !== 0 ? 1 : 0))([input], [output]);
  if (input.type !== "float32" || type === "float32") return () => to.set(input.data);
  const clamp = clamped(...LIMITS[type]); // what is out of range is the nearest number that is not
  return ofOne((x) => clamp(Math.trunc(x)))([input], [output]);
};

kernels.BITCAST = ([{ data: from }], [{ data: to }]) => {
  const bytesOf = ({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength);
  return () => bytesOf(to).set(bytesOf(from));
};

kernels.SELECT_V2 = ([condition, yes, no], [output]) => {
  const [atC, atY, atN] = [condition, yes, no].map((each) => placesOf(output.shape, spreadStrides(each, output.shape)));
  const to = output.data, c = condition.data, y = yes.data, n = no.data;
  return () => {
    for (let place = 0; place < to.length; place++) to[place] = c[atC[place]] ? y[atY[place]] : n[atN[place]];
  };
};
kernels.SELECT = ([condition, yes, no], outputs) => { // it chooses among whole rows
  const shape = yes.shape.map((_, axis) => (axis < condition.shape.length ? condition.shape[axis] : 1));
  return kernels.SELECT_V2([{ ...condition, shape }, yes, no], outputs);
};
