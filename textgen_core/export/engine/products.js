// Products of matrices, sums and other reductions, and the loop.

/**
 * Writes the products of a matrix's rows with a vector: where nearly all time goes. Four rows at once
 * read each number of the vector once, and their sums do not wait for each other.
 */
function multiply(matrix, vector, to, rows) {
  const size = vector.length, even = size - (size % 2);
  let row = 0;
  for (; row + 4 <= rows; row += 4) {
    let a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0;
    let i = row * size, j = i + size, k = j + size, l = k + size;
    for (let at = 0; at < even; at += 2, i += 2, j += 2, k += 2, l += 2) {
      const x = vector[at], y = vector[at + 1];
      a += matrix[i] * x; b += matrix[j] * x; c += matrix[k] * x; d += matrix[l] * x;
      e += matrix[i + 1] * y; f += matrix[j + 1] * y; g += matrix[k + 1] * y; h += matrix[l + 1] * y;
    }
    if (even < size) {
      const x = vector[even];
      a += matrix[i] * x; b += matrix[j] * x; c += matrix[k] * x; d += matrix[l] * x;
    }
    to[row] = a + e; to[row + 1] = b + f;
    to[row + 2] = c + g; to[row + 3] = d + h;
  }
  for (; row < rows; row++) {
    let sum = 0;
    for (let at = 0, place = row * size; at < size; at++, place++) sum += matrix[place] * vector[at];
    to[row] = sum;
  }
}

kernels.FULLY_CONNECTED = ([input, matrix, bias], [output], options) => {
  const [rows, size] = matrix.shape, { data: weights, scales } = matrix;
  const vector = new Float64Array(size); // widened once, and read by all rows
  const sums = new Float64Array(rows);
  const from = input.data, to = output.data, count = from.length / size;
  const activate = activationOf(options, output);
  return () => {
    for (let place = 0; place < count; place++) {
      for (let at = 0; at < size; at++) vector[at] = from[place * size + at];
      multiply(weights, vector, sums, rows);
      if (scales) for (let row = 0; row < rows; row++) sums[row] *= scales[row];
      if (bias) for (let row = 0; row < rows; row++) sums[row] += bias.data[row];
      to.set(sums, place * rows);
    }
    if (activate) activate();
  };
};

kernels.BATCH_MATMUL = ([left, right], [output], { adjX = false, adjY = false }) => {
  const rank = output.shape.length;
  const [rows, columns] = output.shape.slice(rank - 2);
  const batches = output.shape.slice(0, rank - 2);
  const [leftRows, leftColumns] = left.shape.slice(-2), rightColumns = right.shape[right.shape.length - 1];
  const size = adjX ? leftRows : leftColumns;
  const starts = (tensor) => {
    const part = sizeOf(tensor.shape.slice(-2));
    const outer = { shape: tensor.shape.slice(0, -2) };
    return spreadPlaces(outer, batches).map((place) => place * part);
  };
  const atLeft = starts(left), atRight = starts(right);
  const [leftRow, leftStep] = adjX ? [1, leftColumns] : [leftColumns, 1];
  const [rightColumn, rightStep] = adjY ? [rightColumns, 1] : [1, rightColumns];
  const sums = new Float64Array(columns);
  const a = left.data, b = right.data, to = output.data;
  return () => {
    for (let batch = 0, next = 0; batch < atLeft.length; batch++) {
      for (let row = 0; row < rows; row++, next += columns) {
        sums.fill(0);
        for (let step = 0; step < size; step++) { // along rows of the right one where it has them
          const factor = a[atLeft[batch] + row * leftRow + step * leftStep];
          const first = atRight[batch] + step * rightStep;
          for (let column = 0; column < columns; column++) {
            sums[column] += factor * b[first + column * rightColumn];
          }
        }
        to.set(sums, next);
      }
    }
  };
};

/** Returns the kernel of what is computed along an axis: from `first` on, `size` elements, `step` apart. */
function along(axisFor, compute) {
  return (inputs, outputs, options = {}) => {
    const { shape } = inputs[0], [before, size, step] = aroundAxis(shape, axisOf(axisFor(inputs, options), shape));
    return () => {
      for (let number = 0; number < before * step; number++) {
        const first = Math.floor(number / step) * size * step + (number % step);
        compute(inputs[0].data, outputs, { first, size, step, end: first + size * step, number }, options);
      }
    };
  };
}
const lastAxis = () => -1, givenAxis = ([, axis]) => axis.data[0];

function highestOf(from, { first, end, step }) {
  let highest = -Infinity;
  for (let place = first; place < end; place += step) if (from[place] > highest) highest = from[place];
  return highest;
}
kernels.SOFTMAX = along(lastAxis, (from, [{ data: to }], line, { beta = 1 }) => {
  const highest = highestOf(from, line), { first, end } = line;
  let total = 0;
  for (let place = first; place < end; place++) total += to[place] = Math.exp((from[place] - highest) * beta);
  for (let place = first; place < end; place++) to[place] /= total;
});
kernels.LOG_SOFTMAX = along(lastAxis, (from, [{ data: to }], line) => {
  const highest = highestOf(from, line), { first, end } = line;
  let total = 0;
  for (let place = first; place < end; place++) total += Math.exp(from[place] - highest);
  for (let place = first; place < end; place++) to[place] = from[place] - highest - Math.log(total);
});
kernels.CUMSUM = along(givenAxis, (from, [{ data: to }], { first, size, step }, { exclusive, reverse }) => {
  for (let count = 0, sum = 0; count < size; count++) {
    const place = first + (reverse ? size - 1 - count : count) * step;
    to[place] = exclusive ? sum : sum + from[place];
    sum += from[place];
  }
});
const bestPlace = (isBetter) => along(givenAxis, (from, [{ data: to }], { first, size, step, number }) => {
  let best = 0;
  for (let count = 1; count < size; count++) {
    if (isBetter(from[first + count * step], from[first + best * step])) best = count;
  }
  to[number] = best;
});
kernels.ARG_MAX = bestPlace((x, best) => x > best);
kernels.ARG_MIN = bestPlace((x, best) => x < best);
kernels.TOPK_V2 = along(lastAxis, (from, [values, places], { first, end, number }) => {
  const part = from.subarray(first, end), kept = values.shape[values.shape.length - 1];
  const order = [...part.keys()].sort((a, b) => part[b] - part[a] || a - b).slice(0, kept);
  places.data.set(order, number * kept);
  values.data.set(order.map((place) => part[place]), number * kept);
});

/** Returns the strides in what is left of a tensor once some axes are folded: 0 along these. */
function foldedStrides(shape, axes) {
  const gone = new Set(Array.from(axes.data, (axis) => axisOf(axis, shape)));
  const kept = stridesOf(shape.map((size, axis) => (gone.has(axis) ? 1 : size)));
  return kept.map((stride, axis) => (gone.has(axis) ? 0 : stride));
}

/** Returns the kernel that folds the elements along some axes into one. */
function reduction(start, row, finish = null) {
  return ([input, axes], [output]) => {
    const strides = [stridesOf(input.shape), foldedStrides(input.shape, axes)];
    const { starts: [from, to], steps: [step, stepTo], count } = rowsOf(input.shape, strides);
    const size = output.data.length, share = input.data.length / size, folded = new Float64Array(size);
    return () => {
      folded.fill(start);
      for (let next = 0; next < from.length; next++) {
        row(folded, to[next], stepTo, input.data, from[next], step, count);
      }
      if (finish) for (let next = 0; next < size; next++) folded[next] = finish(folded[next], share);
      output.data.set(folded);
    };
  };
}

/** Returns what sums products, which are never written: attention is little else. */
function summingProducts([left, right], axes, shape, output) {
  const strides = [...[left, right].map((each) => spreadStrides(each, shape)), foldedStrides(shape, axes)];
  const { starts: [atA, atB, at], steps: [stepA, stepB, step], count } = rowsOf(shape, strides);
  const a = left.data, b = right.data, sums = new Float64Array(output.data.length);
  if (stepA === 0 && stepB !== 0) return summingProducts([right, left], axes, shape, output);
  const isMultiple = step === 1 && stepA === 1 && stepB === 0;
  const add = step === 0 ? addProducts : isMultiple ? addMultiple : addEach;
  return () => {
    sums.fill(0);
    for (let row = 0; row < at.length; row++) add(a, atA[row], stepA, b, atB[row], stepB, sums, at[row], step, count);
    output.data.set(sums);
  };
}

function addProducts(a, i, stepA, b, j, stepB, sums, to, step, count) {
  let one = 0, other = 0, next = 0; // two sums, of which neither waits for the other
  for (; next + 1 < count; next += 2, i += 2 * stepA, j += 2 * stepB) {
    one += a[i] * b[j];
    other += a[i + stepA] * b[j + stepB];
  }
  sums[to] += one + other + (next < count ? a[i] * b[j] : 0);
}

function addMultiple(a, i, stepA, b, j, stepB, sums, to, step, count) {
  const factor = b[j];
  for (let next = 0; next < count; next++) sums[to + next] += a[i + next] * factor;
}

function addEach(a, i, stepA, b, j, stepB, sums, to, step, count) {
  for (let next = 0; next < count; next++, i += stepA, j += stepB, to += step) sums[to] += a[i] * b[j];
}

/** Returns operations in which each product that is only summed is one with its sum. */
function withSumsOfProducts(operations, outputs) {
  const reads = new Map();
  for (const { inputs } of operations) for (const each of inputs) reads.set(each, (reads.get(each) || 0) + 1);
  const isOnlySummed = ({ name, outputs: [made], options }) => name === "MUL" && made.type === "float32"
    && !options.fusedActivationFunction && reads.get(made) === 1 && !outputs.includes(made);
  const products = new Map(operations.filter(isOnlySummed).map((each) => [each.outputs[0], each]));
  const joined = new Set();
  const found = operations.map((each) => {
    const [made, axes] = each.inputs, product = each.name === "SUM" && products.get(made);
    if (!product) return each;
    joined.add(product);
    const run = summingProducts(product.inputs, axes, made.shape, each.outputs[0]);
    return { ...each, inputs: [...product.inputs, axes], run };
  });
  return found.filter((each) => !joined.has(each));
}

const folding = (fold) => (folded, at, stepTo, from, place, step, count) => {
  for (let next = 0; next < count; next++, at += stepTo, place += step) folded[at] = fold(folded[at], from[place]);
};
const summing = (folded, at, stepTo, from, place, step, count) => {
  if (stepTo === 0) {
    let sum = folded[at];
    for (const end = place + count * step; place < end; place += step) sum += from[place];
    folded[at] = sum;
  } else {
    for (let next = 0; next < count; next++, at += stepTo, place += step) folded[at] += from[place];
  }
};
kernels.SUM = reduction(0, summing);
kernels.MEAN = reduction(0, summing, (sum, count) => sum / count);
kernels.REDUCE_PROD = reduction(1, folding((product, x) => product * x));
kernels.REDUCE_MAX = reduction(-Infinity, folding((most, x) => (x > most || x !== x ? x : most)));
kernels.REDUCE_MIN = reduction(Infinity, folding((least, x) => (x < least || x !== x ? x : least)));
kernels.REDUCE_ANY = reduction(0, folding((any, x) => any | x));
kernels.REDUCE_ALL = reduction(1, folding((all, x) => all & x));

/** Runs a graph as long as another says so; the results of a round are the inputs of the next. */
kernels.WHILE = (inputs, outputs, { condSubgraphIndex, bodySubgraphIndex }, graphOf) => {
  const condition = graphOf(condSubgraphIndex), body = graphOf(bodySubgraphIndex);
  return () => {
    let current = inputs;
    for (;;) {
      condition.take(current);
      condition.run();
      if (!condition.outputs[0].data[0]) break;
      body.take(current);
      body.run();
      current = body.outputs;
    }
    current.forEach((tensor, number) => outputs[number].data.set(tensor.data));
  };
};
