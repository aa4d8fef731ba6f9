// Operations on the elements of tensors, each for itself.

function ofOne(compute) {
  return ([input], [output]) => {
    const from = input.data, to = output.data;
    return () => {
      for (let place = 0; place < to.length; place++) to[place] = compute(from[place]);
    };
  };
}

/**
 * Returns the kernel of a function of two numbers, whose tensors are spread to one shape. row: writes a
 * row of results.
 */
function ofRows(row) {
  return ([left, right], [output], options = {}) => {
    const strides = [left, right].map((each) => spreadStrides(each, output.shape));
    const { starts: [atA, atB], steps: [stepA, stepB], count } = rowsOf(output.shape, strides);
    const a = left.data, b = right.data, to = output.data, rows = atA.length;
    const activate = activationOf(options, output);
    return () => {
      for (let next = 0; next < rows; next++) {
        row(a, atA[next], stepA, b, atB[next], stepB, to, next * count, count);
      }
      if (activate) activate();
    };
  };
}

const ofTwo = (compute) => ofRows((a, i, stepA, b, j, stepB, to, next, count) => {
  for (const end = next + count; next < end; next++, i += stepA, j += stepB) to[next] = compute(a[i], b[j]);
});
// Those that are called most have a loop of their own, which is compiled for them.
const adding = ofRows((a, i, stepA, b, j, stepB, to, next, count) => {
  for (const end = next + count; next < end; next++, i += stepA, j += stepB) to[next] = a[i] + b[j];
});
const multiplying = ofRows((a, i, stepA, b, j, stepB, to, next, count) => {
  for (const end = next + count; next < end; next++, i += stepA, j += stepB) to[next] = a[i] * b[j];
});

/** Returns the kernel of a function that differs for whole numbers. */
function byType(ofFloats, ofWhole) {
  return (inputs, outputs, options) =>
    (inputs[0].type === "float32" ? ofFloats : ofWhole)(inputs, outputs, options);
}

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

kernels.ADD = adding;
kernels.SUB = ofTwo((x, y) => x - y);
kernels.MUL = byType(multiplying, ofTwo(Math.imul));
kernels.DIV = byType(ofTwo((x, y) => x / y), ofTwo((x, y) => Math.trunc(x / y)));
kernels.FLOOR_DIV = ofTwo((x, y) => Math.floor(x / y));
kernels.FLOOR_MOD = ofTwo(floorMod);
kernels.MAXIMUM = ofTwo((x, y) => (x > y || x !== x ? x : y));
kernels.MINIMUM = ofTwo((x, y) => (x < y || x !== x ? x : y));
kernels.POW = ofTwo(Math.pow);
kernels.SQUARED_DIFFERENCE = ofTwo((x, y) => (x - y) * (x - y));

kernels.EQUAL = ofTwo((x, y) => (x === y ? 1 : 0));
kernels.NOT_EQUAL = ofTwo((x, y) => (x !== y ? 1 : 0));
kernels.LESS = ofTwo((x, y) => (x < y ? 1 : 0));
kernels.LESS_EQUAL = ofTwo((x, y) => (x <= y ? 1 : 0));
kernels.GREATER = ofTwo((x, y) => (x > y ? 1 : 0));
kernels.GREATER_EQUAL = ofTwo((x, y) => (x >= y ? 1 : 0));
kernels.LOGICAL_AND = ofTwo((x, y) => x & y);
kernels.LOGICAL_OR = ofTwo((x, y) => x | y);
kernels.LOGICAL_NOT = ofOne((x) => 1 - x);
kernels.BITWISE_XOR = ofTwo((x, y) => x ^ y);
kernels.RIGHT_SHIFT = byType(null, (inputs, outputs) =>
  ofTwo(inputs[0].type === "uint32" ? (x, y) => x >>> y : (x, y) => x >> y)(inputs, outputs));

kernels.ABS = ofOne(Math.abs);
kernels.NEG = ofOne((x) => -x);
kernels.SIGN = ofOne(Math.sign);
kernels.SQUARE = ofOne((x) => x * x);
kernels.SQRT = ofOne(Math.sqrt);
kernels.RSQRT = ofOne((x) => 1 / Math.sqrt(x));
kernels.EXP = ofOne(Math.exp);
kernels.LOG = ofOne(Math.log);
kernels.SIN = ofOne(Math.sin);
kernels.COS = ofOne(Math.cos);
kernels.TANH = ofOne(Math.tanh);
kernels.LOGISTIC = ofOne((x) => 1 / (1 + Math.exp(-x)));
kernels.FLOOR = ofOne(Math.floor);
kernels.CEIL = ofOne(Math.ceil);
kernels.ROUND = ofOne(roundHalfToEven);
kernels.RELU = ofOne(ACTIVATIONS[1]);
kernels.RELU_N1_TO_1 = ofOne(ACTIVATIONS[2]);
kernels.RELU_0_TO_1 = ofOne(clamped(0, 1));
kernels.RELU6 = ofOne(ACTIVATIONS[3]);
kernels.ELU = ofOne((x) => (x < 0 ? Math.expm1(x) : x));
kernels.LEAKY_RELU = (inputs, outputs, { alpha }) =>
  ofOne((x) => (x < 0 ? x * alpha : x))(inputs, outputs);
kernels.HARD_SWISH = ofOne((x) => (x * Math.min(6, Math.max(0, x + 3))) / 6);
kernels.GELU = (inputs, outputs, { approximate }) => ofOne(approximate
  ? (x) => 0.5 * x * (1 + Math.tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)))
  : (x) => 0.5 * x * (1 + erf(x * Math.SQRT1_2)))(inputs, outputs);

kernels.CAST = ([input], [output]) => {
  const from = input.data, to = output.data, type = output.type;
  if (type === "bool") return ofOne((x) => (x !== 0 ? 1 : 0))([input], [output]);
  if (input.type !== "float32" || type === "float32") return () => to.set(from);
  const [low, high] = LIMITS[type]; // what is out of range is the nearest number that is not
  return ofOne((x) => clamped(low, high)(Math.trunc(x)))([input], [output]);
};

kernels.BITCAST = ([input], [output]) => {
  const from = new Uint8Array(input.data.buffer, input.data.byteOffset, input.data.byteLength);
  const to = new Uint8Array(output.data.buffer, output.data.byteOffset, output.data.byteLength);
  return () => to.set(from);
};

kernels.SELECT_V2 = ([condition, yes, no], [output]) => {
  const [atC, atY, atN] = [condition, yes, no].map((each) => spreadPlaces(each, output.shape));
  const to = output.data, c = condition.data, y = yes.data, n = no.data;
  return () => {
    for (let place = 0; place < to.length; place++) {
      to[place] = c[atC[place]] ? y[atY[place]] : n[atN[place]];
    }
  };
};
kernels.SELECT = ([condition, yes, no], outputs, options) => {
  const missing = yes.shape.length - condition.shape.length; // it chooses among whole rows
  const shape = [...condition.shape, ...new Array(missing).fill(1)];
  return kernels.SELECT_V2([{ ...condition, shape }, yes, no], outputs, options);
};
