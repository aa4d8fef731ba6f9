// Operations that move elements: most know from the start which element goes where.

/** Returns what copies the elements at some places of a tensor; -1: a filler's first element. */
function copying(input, output, places, filler = null) {
  const from = input.data, to = output.data, first = places[0];
  if (places.every((place, next) => place === first + next && place >= 0)) {
    return () => to.set(from.subarray(first, first + places.length));
  }
  return () => {
    for (let next = 0; next < places.length; next++) to[next] = places[next] < 0 ? filler.data[0] : from[places[next]];
  };
}

kernels.RESHAPE = ([input], [output]) => () => output.data.set(input.data);
kernels.SQUEEZE = kernels.EXPAND_DIMS = kernels.RESHAPE;

kernels.TRANSPOSE = ([input, order], [output]) => {
  const strides = stridesOf(input.shape);
  return copying(input, output, placesOf(output.shape, Array.from(order.data, (axis) => strides[axis])));
};
kernels.BROADCAST_TO = ([input], [output]) =>
  copying(input, output, placesOf(output.shape, spreadStrides(input, output.shape)));

/** Returns what copies to each step along each axis from `at(step, axis)`; where that is outside, a filler. */
function rearranging(input, output, at, filler = { data: [0] }) {
  const strides = stridesOf(input.shape), outer = stridesOf(output.shape);
  const placeOf = (_, next) => output.shape.reduce((place, size, axis) => {
    const step = at(Math.floor(next / outer[axis]) % size, axis);
    return place < 0 || step < 0 || step >= input.shape[axis] ? -1 : place + step * strides[axis];
  }, 0);
  return copying(input, output, Int32Array.from(output.data, placeOf), filler);
}
kernels.TILE = ([input], [output]) => rearranging(input, output, (step, axis) => step % input.shape[axis]);
kernels.PAD = ([input, pads, filler], [output]) =>
  rearranging(input, output, (step, axis) => step - pads.data[2 * axis], filler);
kernels.PADV2 = kernels.PAD;

/** Returns what reads a slice, whose beginning may change. */
function slicing(input, output, shape, begins, steps, isFixed) {
  const strides = stridesOf(input.shape);
  const places = placesOf(shape, strides.map((stride, axis) => stride * steps[axis]));
  const begun = () => begins().reduce((sum, first, axis) => sum + first * strides[axis], 0);
  if (isFixed) return copying(input, output, places.map((place) => place + begun()));
  return () => {
    const first = begun();
    for (let next = 0; next < places.length; next++) output.data[next] = input.data[first + places[next]];
  };
}
kernels.SLICE = ([input, begin], [output]) =>
  slicing(input, output, output.shape, () => [...begin.data], output.shape.map(() => 1), begin.isConstant);
kernels.STRIDED_SLICE = ([input, begin, , steps], [output], options) => {
  const { beginMask = 0, shrinkAxisMask = 0, newAxisMask = 0, ellipsisMask = 0 } = options;
  if (newAxisMask || ellipsisMask) throw new Error("STRIDED_SLICE with new axes");
  const stepOf = (axis) => (axis < steps.data.length ? steps.data[axis] : 1);
  const begins = () => input.shape.map((size, axis) => {
    const last = stepOf(axis) < 0 ? size - 1 : size;
    if (axis >= begin.data.length || (beginMask >> axis) & 1) return stepOf(axis) < 0 ? last : 0;
    return Math.max(0, Math.min(last, axisOf(begin.data[axis], { length: size })));
  });
  const kept = [...output.shape]; // with the axes that are dropped, of which one element is read
  const shape = input.shape.map((_, axis) => ((shrinkAxisMask >> axis) & 1 ? 1 : kept.shift()));
  return slicing(input, output, shape, begins, input.shape.map((_, axis) => stepOf(axis)), begin.isConstant);
};

/** Returns what moves the parts of a tensor, which lie side by side along an axis: into it, or out. */
function alongside(whole, parts, axis, isInto) {
  const before = sizeOf(whole.shape.slice(0, axisOf(axis, whole.shape))), width = whole.data.length / before;
  return () => {
    let first = 0;
    for (const { data } of parts) {
      const size = data.length / before;
      for (let row = 0, own = 0; row < before; row++) {
        for (let at = row * width + first, end = at + size; at < end; at++, own++) {
          if (isInto) whole.data[at] = data[own];
          else data[own] = whole.data[at];
        }
      }
      first += size;
    }
  };
}
kernels.CONCATENATION = (inputs, [output], { axis = 0 }) => alongside(output, inputs, axis, true);
kernels.PACK = kernels.CONCATENATION;
kernels.UNPACK = ([input], outputs, { axis = 0 }) => alongside(input, outputs, axis, false);
kernels.SPLIT = ([axis, input], outputs) => alongside(input, outputs, axis.data[0], false);
kernels.SPLIT_V = ([input, , axis], outputs) => alongside(input, outputs, axis.data[0], false);

kernels.GATHER = ([input, at], [output], { axis = 0, batchDims = 0 }) => {
  const along = axisOf(axis, input.shape), batches = sizeOf(input.shape.slice(0, batchDims));
  const before = sizeOf(input.shape.slice(batchDims, along)), [, size, after] = aroundAxis(input.shape, along);
  const count = at.data.length / batches, from = input.data, to = output.data;
  return () => {
    for (let outer = 0, next = 0; outer < batches * before; outer++) {
      const batch = Math.floor(outer / before);
      for (let place = 0; place < count; place++) {
        const row = outer * size + at.data[batch * count + place];
        const scale = input.scales ? input.scales[row] : 1;
        for (let step = 0; step < after; step++) to[next++] = from[row * after + step] * scale;
      }
    }
  };
};

/** Returns what goes through the parts of a tensor that places name: `each(its beginning, its number, its size)`. */
function atPlaces(at, shape, each) {
  const depth = at.shape[at.shape.length - 1], strides = stridesOf(shape), size = sizeOf(shape.slice(depth));
  return () => {
    for (let number = 0; number * depth < at.data.length; number++) {
      let first = 0;
      for (let axis = 0; axis < depth; axis++) first += at.data[number * depth + axis] * strides[axis];
      each(first, number * size, size);
    }
  };
}
kernels.GATHER_ND = ([input, at], [output]) => atPlaces(at, input.shape, (first, next, size) => {
  for (let step = 0; step < size; step++) output.data[next + step] = input.data[first + step];
});
kernels.SCATTER_ND = ([at, updates], [output]) => {
  const add = atPlaces(at, output.shape, (first, next, size) => {
    for (let step = 0; step < size; step++) output.data[first + step] += updates.data[next + step];
  });
  return () => { output.data.fill(0); add(); };
};

/** Returns what writes a tensor into a larger one, from where others say on, moved to where it has room. */
function writingInto(whole, part, begins) {
  const strides = stridesOf(whole.shape), places = placesOf(part.shape, strides);
  const clamps = whole.shape.map((size, axis) => clamped(0, size - part.shape[axis]));
  return () => {
    const first = clamps.reduce((sum, clamp, axis) => sum + clamp(begins.data[axis]) * strides[axis], 0);
    for (let next = 0; next < places.length; next++) whole.data[first + places[next]] = part.data[next];
  };
}
kernels.DYNAMIC_UPDATE_SLICE = ([input, part, begins], [output]) => {
  const write = writingInto(output, part, begins);
  return () => { output.data.set(input.data); write(); };
};

kernels.FILL = ([, value], [output]) => () => output.data.fill(value.data[0]);
kernels.SHAPE = ([input], [output]) => () => output.data.set(input.shape);
kernels.RANGE = ([start, , step], [output]) => () => {
  for (let place = 0; place < output.data.length; place++) output.data[place] = start.data[0] + place * step.data[0];
};
