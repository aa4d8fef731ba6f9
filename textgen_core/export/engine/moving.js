// Operations that move elements: most know from the start which element goes where.

/** Returns what copies the elements at some places of a tensor; -1: a filler's first element. */
function copying(input, output, places, filler = null) {
  const from = input.data, to = output.data;
  const first = places.length ? places[0] : 0;
  if (places.every((place, next) => place === first + next && place >= 0)) {
    const part = from.subarray(first, first + places.length);
    return () => to.set(part);
  }
  return () => {
    for (let next = 0; next < places.length; next++) {
      to[next] = places[next] < 0 ? filler.data[0] : from[places[next]];
    }
  };
}

const copyingAll = ([input], [output]) => () => output.data.set(input.data);
kernels.RESHAPE = copyingAll;
kernels.SQUEEZE = copyingAll;
kernels.EXPAND_DIMS = copyingAll;

kernels.TRANSPOSE = ([input, order], [output]) => {
  const strides = stridesOf(input.shape);
  return copying(input, output, placesOf(output.shape, [...order.data].map((axis) => strides[axis])));
};

kernels.BROADCAST_TO = ([input], [output]) =>
  copying(input, output, spreadPlaces(input, output.shape));

kernels.TILE = ([input], [output]) => {
  const strides = stridesOf(input.shape);
  const tiled = placesOf(output.shape, stridesOf(output.shape));
  const outer = stridesOf(output.shape);
  return copying(input, output, tiled.map((place) => output.shape.reduce((sum, size, axis) =>
    sum + (Math.floor(place / outer[axis]) % size % input.shape[axis]) * strides[axis], 0)));
};

/** Returns what reads a slice, whose beginning may change. */
function slicing(input, output, shape, begins, steps) {
  const strides = stridesOf(input.shape);
  const places = placesOf(shape, strides.map((stride, axis) => stride * steps[axis]));
  const begun = () => begins().reduce((sum, first, axis) => sum + first * strides[axis], 0);
  const from = input.data, to = output.data;
  if (begins.isFixed) return copying(input, output, places.map((place) => place + begun()));
  return () => {
    const first = begun();
    for (let next = 0; next < places.length; next++) to[next] = from[first + places[next]];
  };
}

kernels.SLICE = ([input, begin], [output]) => {
  const begins = () => [...begin.data];
  begins.isFixed = begin.isConstant;
  return slicing(input, output, output.shape, begins, output.shape.map(() => 1));
};

kernels.STRIDED_SLICE = ([input, begin, end, steps], [output], options) => {
  const { beginMask = 0, endMask = 0, shrinkAxisMask = 0, newAxisMask = 0, ellipsisMask = 0 } = options;
  if (newAxisMask || ellipsisMask) throw new Error("STRIDED_SLICE with new axes");
  const begins = () => input.shape.map((size, axis) => {
    const step = axis < steps.data.length ? steps.data[axis] : 1;
    if (axis >= begin.data.length || (beginMask >> axis) & 1) return step < 0 ? size - 1 : 0;
    const first = begin.data[axis] < 0 ? begin.data[axis] + size : begin.data[axis];
    return Math.max(0, Math.min(step < 0 ? size - 1 : size, first));
  });
  begins.isFixed = begin.isConstant && end.isConstant;
  const kept = [...output.shape]; // with the axes that are dropped, of which one element is read
  const shape = input.shape.map((size, axis) => ((shrinkAxisMask >> axis) & 1 ? 1 : kept.shift()));
  void endMask; // how many elements there are is known from the output
  return slicing(input, output, shape, begins,
    input.shape.map((size, axis) => (axis < steps.data.length ? steps.data[axis] : 1)));
};

function padding([input, pads], [output], filler) {
  const strides = stridesOf(input.shape), outer = stridesOf(output.shape);
  const places = placesOf(output.shape, outer).map((place) => {
    let found = 0;
    for (let axis = 0; axis < outer.length; axis++) {
      const at = (Math.floor(place / outer[axis]) % output.shape[axis]) - pads.data[2 * axis];
      if (at < 0 || at >= input.shape[axis]) return -1;
      found += at * strides[axis];
    }
    return found;
  });
  return copying(input, output, places, filler);
}
kernels.PAD = (inputs, outputs) => padding(inputs, outputs, { data: [0] });
kernels.PADV2 = (inputs, outputs) => padding(inputs, outputs, inputs[2]);

/** Returns what puts tensors side by side along an axis. */
function joining(inputs, output, axis) {
  const after = sizeOf(output.shape.slice(axis + 1));
  const before = sizeOf(output.shape.slice(0, axis));
  const to = output.data, width = to.length / before;
  void after;
  return () => {
    let first = 0;
    for (const { data } of inputs) {
      const part = data.length / before;
      for (let row = 0; row < before; row++) {
        for (let next = 0; next < part; next++) to[row * width + first + next] = data[row * part + next];
      }
      first += part;
    }
  };
}
kernels.CONCATENATION = (inputs, [output], options) =>
  joining(inputs, output, axisOf(options.axis || 0, output.shape));
kernels.PACK = (inputs, [output], options) =>
  joining(inputs, output, axisOf(options.axis || 0, output.shape));

/** Returns what cuts a tensor into parts along an axis. */
function cutting(input, outputs, axis) {
  const before = sizeOf(input.shape.slice(0, axis));
  const from = input.data, width = from.length / before;
  return () => {
    let first = 0;
    for (const { data } of outputs) {
      const part = data.length / before;
      for (let row = 0; row < before; row++) {
        for (let next = 0; next < part; next++) data[row * part + next] = from[row * width + first + next];
      }
      first += part;
    }
  };
}
kernels.SPLIT = ([axis, input], outputs) => cutting(input, outputs, axisOf(axis.data[0], input.shape));
kernels.SPLIT_V = ([input, , axis], outputs) => cutting(input, outputs, axisOf(axis.data[0], input.shape));
kernels.UNPACK = ([input], outputs, options) =>
  cutting(input, outputs, axisOf(options.axis || 0, input.shape));

kernels.GATHER = ([input, at], [output], { axis = 0, batchDims = 0 }) => {
  const along = axisOf(axis, input.shape);
  const batches = sizeOf(input.shape.slice(0, batchDims));
  const before = sizeOf(input.shape.slice(batchDims, along));
  const [, size, after] = aroundAxis(input.shape, along);
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

kernels.GATHER_ND = ([input, at], [output]) => {
  const depth = at.shape[at.shape.length - 1];
  const strides = stridesOf(input.shape), part = sizeOf(input.shape.slice(depth));
  return () => {
    for (let place = 0; place * part < output.data.length; place++) {
      let first = 0;
      for (let axis = 0; axis < depth; axis++) first += at.data[place * depth + axis] * strides[axis];
      for (let step = 0; step < part; step++) output.data[place * part + step] = input.data[first + step];
    }
  };
};

kernels.SCATTER_ND = ([at, updates], [output]) => {
  const depth = at.shape[at.shape.length - 1];
  const strides = stridesOf(output.shape), part = sizeOf(output.shape.slice(depth));
  return () => {
    output.data.fill(0);
    for (let place = 0; place * part < updates.data.length; place++) {
      let first = 0;
      for (let axis = 0; axis < depth; axis++) first += at.data[place * depth + axis] * strides[axis];
      for (let step = 0; step < part; step++) output.data[first + step] += updates.data[place * part + step];
    }
  };
};

kernels.DYNAMIC_UPDATE_SLICE = ([input, update, start], [output]) => {
  const strides = stridesOf(output.shape), places = placesOf(update.shape, strides);
  return () => {
    output.data.set(input.data);
    const first = output.shape.reduce((sum, size, axis) => sum + strides[axis]
      * Math.min(Math.max(start.data[axis], 0), size - update.shape[axis]), 0);
    for (let next = 0; next < places.length; next++) output.data[first + places[next]] = update.data[next];
  };
};

kernels.FILL = ([, value], [output]) => () => output.data.fill(value.data[0]);
kernels.RANGE = ([start, , step], [output]) => () => {
  for (let place = 0; place < output.data.length; place++) {
    output.data[place] = start.data[0] + place * step.data[0];
  }
};
kernels.SHAPE = ([input], [output]) => () => output.data.set(input.shape);
