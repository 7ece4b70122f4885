/**
 * How many values fell into which bucket: number of the bucket → count.
 * Bucket 0 holds 0; bucket n holds what lies above 1.04^(n-1) and up to
 * 1.04^n, so that a value read back is off by 2 % at most, whatever its size.
 * Histograms of different times and nodes add up without loss.
 */
export type Histogram = Record<string, number>

const GROWTH = 1.04
const LOG = Math.log(GROWTH)

/** A histogram of one value of `ms`, `count` times. */
export function histogramOf(ms: number, count = 1): Histogram {
  return { [bucketOf(ms)]: count }
}

/** A histogram of values in ms. */
export function histogramOfAll(values: number[]): Histogram {
  const histogram: Histogram = {}
  for (const ms of values) {
    const bucket = bucketOf(ms)
    histogram[bucket] = (histogram[bucket] ?? 0) + 1
  }
  return histogram
}

/** Adds to a histogram, which is changed: a sum of many would be copied as often. */
export function addToHistogram(sum: Histogram, more: Histogram): void {
  for (const [bucket, count] of Object.entries(more)) {
    sum[bucket] = (sum[bucket] ?? 0) + count
  }
}

export function sumOf(histograms: Histogram[]): Histogram {
  const sum: Histogram = {}
  histograms.forEach((each) => addToHistogram(sum, each))
  return sum
}

/**
 * The value that `share` of the values do not exceed, in whole ms.
 *
 * @param share above 0, up to 1
 * @returns null when the histogram is empty
 */
export function percentile(histogram: Histogram, share: number): number | null {
  const buckets = Object.entries(histogram)
    .map(([bucket, count]) => [Number(bucket), count])
    .sort(([a], [b]) => a - b)
  const total = buckets.reduce((sum, [, count]) => sum + count, 0)
  let seen = 0
  for (const [bucket, count] of buckets) {
    seen += count
    if (seen >= total * share) {
      return middleOf(bucket)
    }
  }
  return null
}

function bucketOf(ms: number): number {
  // Just below a whole number is the border itself, out of the logarithm's last digit
  return ms <= 0 ? 0 : Math.max(1, Math.ceil(Math.log(ms) / LOG - 1e-9))
}

/** The value of a bucket that is equally far, as a ratio, from both of its borders. */
function middleOf(bucket: number): number {
  return bucket === 0 ? 0 : Math.round((2 * GROWTH ** bucket) / (GROWTH + 1))
}
