// Sums of products, other reductions, and the loop.

/**
 * Adds the products of a matrix's rows with a vector to sums: where nearly all time goes. Four rows at
 * once read each number of the vector once, and no sum waits for another.
 */
function addProducts(matrix, start, width, vector, size, sums, first, rows) {
  let row = 0;
  for (; row + 4 <= rows; row += 4) {
    let a = 0, b = 0, c = 0, d = 0;
    let i = start + row * width, j = i + width, k = j + width, l = k + width;
    for (let at = 0; at < size; at++, i++, j++, k++, l++) {
      const x = vector[at];
      a += matrix[i] * x; b += matrix[j] * x; c += matrix[k] * x; d += matrix[l] * x;
    }
    const to = first + row;
    sums[to] += a; sums[to + 1] += b; sums[to + 2] += c; sums[to + 3] += d;
  }
  for (; row < rows; row++) {
    let sum = 0;
    for (let at = 0, i = start + row * width; at < size; at++, i++) sum += matrix[i] * vector[at];
    sums[first + row] += sum;
  }
}

/** Does the same for whole numbers, which a browser then compiles for them: two columns at once as well. */
function addProductsOfWhole(matrix, start, width, vector, size, sums, first, rows) {
  const even = size - (size % 2), inFours = rows - (rows % 4);
  for (let row = 0; row < inFours; row += 4) {
    let a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0;
    let i = start + row * width, j = i + width, k = j + width, l = k + width;
    for (let at = 0; at < even; at += 2, i += 2, j += 2, k += 2, l += 2) {
      const x = vector[at], y = vector[at + 1];
      a += matrix[i] * x; b += matrix[j] * x; c += matrix[k] * x; d += matrix[l] * x;
      e += matrix[i + 1] * y; f += matrix[j + 1] * y; g += matrix[k + 1] * y; h += matrix[l + 1] * y;
    }
    const to = first + row;
    sums[to] += a + e; sums[to + 1] += b + f; sums[to + 2] += c + g; sums[to + 3] += d + h;
  }
  for (let row = 0; row < rows; row++) { // what is left of odd sizes
    const from = row < inFours ? even : 0;
    const at = start + row * width;
    for (let next = from; next < size; next++) sums[first + row] += matrix[at + next] * vector[next];
  }
}

/** Adds each row of a matrix, times its number of a vector, to sums: four rows each time that these are read. */
function addMultiples(matrix, start, width, vector, rows, sums, first, size) {
  let row = 0;
  for (; row + 4 <= rows; row += 4) {
    const w = vector[row], x = vector[row + 1], y = vector[row + 2], z = vector[row + 3];
    let i = start + row * width, j = i + width, k = j + width, l = k + width;
    for (let to = first, end = first + size; to < end; to++, i++, j++, k++, l++) {
      sums[to] += matrix[i] * w + matrix[j] * x + (matrix[k] * y + matrix[l] * z);
    }
  }
  for (; row < rows; row++) {
    for (let at = 0, i = start + row * width; at < size; at++, i++) sums[first + at] += matrix[i] * vector[row];
  }
}

/**
 * Returns what writes the sums of the products of two tensors, which are never written themselves. Each
 * has a stride for every axis of a shape, as has the output. finish: changes the sums in the end.
 */
function summingProducts(tensors, shape, strides, output, finish = null) {
  const { inner: [outer, inner], starts } = pathThrough(shape, strides, 2);
  const sums = new Float64Array(output.data.length);
  const isMatrix = (m, v) => inner.steps[m] === 1 && (inner.steps[2] === 0
    ? outer.steps[v] === 0 && outer.steps[2] === 1 // of rows, each with the vector
    : outer.steps[2] === 0 && inner.steps[v] === 0 && inner.steps[2] === 1); // of rows, each with its number
  const m = isMatrix(1, 0) ? 1 : 0, v = 1 - m;
  const add = (isMatrix(m, v) ? addingBlocks : addingEach)(tensors, outer, inner, starts, sums, m, v);
  return () => {
    sums.fill(0);
    add();
    if (finish) finish(sums);
    output.data.set(sums);
  };
}

function addingBlocks(tensors, outer, inner, starts, sums, m, v) {
  const [matrix, from] = [tensors[m].data, tensors[v].data], width = outer.steps[m];
  const isOfProducts = inner.steps[2] === 0, along = isOfProducts ? inner : outer, step = along.steps[v];
  const adding = matrix instanceof Int8Array ? addProductsOfWhole : addProducts;
  const add = isOfProducts ? adding : addMultiples, others = isOfProducts ? outer.size : inner.size;
  const vector = new Float64Array(along.size); // widened once, and read by all rows
  return () => {
    for (let block = 0; block < starts[2].length; block++) {
      for (let at = 0, place = starts[v][block]; at < vector.length; at++, place += step) vector[at] = from[place];
      let size = vector.length;
      while (size > 0 && vector[size - 1] === 0) size -= 1; // as attention's to what is not written yet
      add(matrix, starts[m][block], width, vector, size, sums, starts[2][block], others);
    }
  };
}

function addingEach([{ data: a }, { data: b }], outer, inner, starts, sums) {
  const [stepA, stepB, step] = inner.steps;
  return () => {
    for (let block = 0; block < starts[2].length; block++) {
      for (let row = 0; row < outer.size; row++) {
        let i = starts[0][block] + row * outer.steps[0], j = starts[1][block] + row * outer.steps[1];
        let to = starts[2][block] + row * outer.steps[2];
        for (let at = 0; at < inner.size; at++, i += stepA, j += stepB, to += step) sums[to] += a[i] * b[j];
      }
    }
  };
}

kernels.FULLY_CONNECTED = ([input, matrix, bias], [output]) => {
  const [rows, size] = matrix.shape, count = input.data.length / size, { scales } = matrix;
  const strides = [[size, 0, 1], [0, size, 1], [rows, 1, 0]];
  return summingProducts([input, matrix], [count, rows, size], strides, output, (sums) => {
    if (scales) for (let place = 0; place < sums.length; place++) sums[place] *= scales[place % rows];
    if (bias) for (let place = 0; place < sums.length; place++) sums[place] += bias.data[place % rows];
  });
};

kernels.BATCH_MATMUL = ([left, right], [output], { adjX = false, adjY = false }) => {
  const outer = output.shape.slice(0, -2), [rows, columns] = output.shape.slice(-2);
  const [ofLeft, ofRight, ofSums] = [left, right, output].map((each) =>
    spreadStrides(each, [...outer, ...each.shape.slice(-2)]));
  const axes = (strides, ...inner) => [...strides.slice(0, -2), ...inner];
  const turned = ([one, other], isTurned) => (isTurned ? [other, one] : [one, other]);
  const [row, step] = turned(ofLeft.slice(-2), adjX), [rightStep, column] = turned(ofRight.slice(-2), adjY);
  const size = left.shape[left.shape.length - (adjX ? 2 : 1)];
  // Along rows of the right one where it has them.
  const strides = [
    axes(ofLeft, row, ...turned([step, 0], adjY)),
    axes(ofRight, 0, ...turned([rightStep, column], adjY)),
    axes(ofSums, columns, ...turned([0, 1], adjY)),
  ];
  return summingProducts([left, right], [...outer, rows, ...turned([size, columns], adjY)], strides, output);
};

/** Returns operations in which each product that is only summed is one with its sum: attention is little else. */
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
    const strides = [...product.inputs.map((one) => spreadStrides(one, made.shape)), foldedStrides(made.shape, axes)];
    const run = summingProducts(product.inputs, made.shape, strides, each.outputs[0]);
    return { ...each, inputs: [...product.inputs, axes], run };
  });
  return found.filter((each) => !joined.has(each));
}

/** Returns the strides in what is left of a tensor once some axes are folded: 0 along these. */
function foldedStrides(shape, axes) {
  const gone = new Set(Array.from(axes.data, (axis) => axisOf(axis, shape)));
  const kept = stridesOf(shape.map((size, axis) => (gone.has(axis) ? 1 : size)));
  return kept.map((stride, axis) => (gone.has(axis) ? 0 : stride));
}

/** Returns the kernel that folds the elements along some axes into one. row: folds a row. */
const reduction = (start, row, finish = null) => ([input, axes], [output]) => {
  const strides = [stridesOf(input.shape), foldedStrides(input.shape, axes)];
  const { starts: [from, to], inner: [{ size, steps: [step, stepTo] }] } = pathThrough(input.shape, strides);
  const folded = new Float64Array(output.data.length), share = input.data.length / folded.length;
  return () => {
    folded.fill(start);
    for (let next = 0; next < from.length; next++) row(folded, to[next], stepTo, input.data, from[next], step, size);
    if (finish) for (let next = 0; next < folded.length; next++) folded[next] = finish(folded[next], share);
    output.data.set(folded);
  };
};
const folding = (fold) => (folded, at, stepTo, from, place, step, count) => {
  for (let next = 0; next < count; next++, at += stepTo, place += step) folded[at] = fold(folded[at], from[place]);
};
const summing = (folded, at, stepTo, from, place, step, count) => {
  for (let next = 0; next < count; next++, at += stepTo, place += step) folded[at] += from[place];
};
Object.assign(kernels, {
  SUM: reduction(0, summing), MEAN: reduction(0, summing, (sum, count) => sum / count),
  REDUCE_PROD: reduction(1, folding((product, x) => product * x)),
  REDUCE_MAX: reduction(-Infinity, folding((most, x) => (x > most || x !== x ? x : most))),
  REDUCE_MIN: reduction(Infinity, folding((least, x) => (x < least || x !== x ? x : least))),
  REDUCE_ANY: reduction(0, folding((any, x) => any | x)), REDUCE_ALL: reduction(1, folding((all, x) => all & x)),
});

/** Returns the kernel of what is computed along an axis: from `first` on, `size` elements, `step` apart. */
const along = (axisFor, compute) => (inputs, outputs, options = {}) => {
  const { shape } = inputs[0], [before, size, step] = aroundAxis(shape, axisOf(axisFor(inputs), shape));
  return () => {
    for (let number = 0; number < before * step; number++) {
      const first = Math.floor(number / step) * size * step + (number % step);
      compute(inputs[0].data, outputs, { first, size, step, end: first + size, number }, options);
    }
  };
};
const lastAxis = () => -1, givenAxis = ([, axis]) => axis.data[0];

/** Writes the exponentials of a line to another; returns their sum, and what was taken from each before. */
function exponentials(from, to, { first, end }, beta = 1) {
  let highest = -Infinity, total = 0;
  for (let place = first; place < end; place++) if (from[place] > highest) highest = from[place];
  for (let place = first; place < end; place++) total += to[place] = Math.exp((from[place] - highest) * beta);
  return { total, highest };
}
kernels.SOFTMAX = along(lastAxis, (from, [{ data: to }], line, { beta = 1 }) => {
  const { total } = exponentials(from, to, line, beta);
  for (let place = line.first; place < line.end; place++) to[place] /= total;
});
kernels.LOG_SOFTMAX = along(lastAxis, (from, [{ data: to }], line) => {
  const { total, highest } = exponentials(from, to, line);
  for (let place = line.first; place < line.end; place++) to[place] = from[place] - highest - Math.log(total);
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
