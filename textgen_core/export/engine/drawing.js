// Drawing a token, with the numbers and by the sums of textgen: the same seed draws the same.

const MASK = (1n << 64n) - 1n;
const MULTIPLIERS = [0xd2e7470ee14c6c93n, 0xca5a826395121157n];
const WEYL = [0x9e3779b97f4a7c15n, 0xbb67ae8584caa73bn];
const WEIGHT_STEPS = 2 ** 32;

/** Philox 4x64 with ten rounds (Salmon, Moraes, Dror and Shaw 2011): four numbers of 64 bits. */
function philox(counter, key) {
  let [a, b, c, d] = [BigInt(counter), 0n, 0n, 0n], [low, high] = key;
  for (let round = 0; round < 10; round++) {
    const first = MULTIPLIERS[0] * a, second = MULTIPLIERS[1] * c;
    [a, b, c, d] = [(second >> 64n) ^ b ^ low, second & MASK, (first >> 64n) ^ d ^ high, first & MASK];
    low = (low + WEYL[0]) & MASK;
    high = (high + WEYL[1]) & MASK;
  }
  return [a, b, c, d];
}

/** Returns a function from the place of a new token to its number in [0, 1). */
function uniformNumbers(seed, sample) {
  const key = [BigInt.asUintN(64, BigInt(seed)), BigInt(sample)];
  let block = -1, numbers = [];
  return (place) => {
    if (place >> 2 !== block) {
      block = place >> 2;
      numbers = philox(block + 1, key).map((each) => Number(each >> 11n) * 2 ** -53);
    }
    return numbers[place & 3];
  };
}

/** Returns the token at which the cumulative probability passes a number; -Infinity is never drawn. */
function draw(logits, number) {
  const highest = maximum(logits), weights = new Float64Array(logits.length);
  let total = 0;
  for (let token = 0; token < logits.length; token++) {
    const weight = Math.fround(Math.exp(Math.fround(logits[token] - highest)));
    total += weights[token] = Math.floor(weight * WEIGHT_STEPS); // whole numbers: sums are exact
  }
  const goal = Math.min(Math.floor(number * total), total - 1);
  let sum = 0;
  return Math.max(0, weights.findIndex((weight) => (sum += weight) > goal));
}

/** Returns the highest logit, or what is not a number. */
const maximum = (logits) => logits.reduce((most, each) => (each > most || each !== each ? each : most), -Infinity);

/** Returns the logarithm of the sum of all weights. */
function logTotal(logits) {
  const highest = maximum(logits);
  let total = 0;
  for (let token = 0; token < logits.length; token++) total += Math.exp(logits[token] - highest);
  return highest + Math.log(total);
}
