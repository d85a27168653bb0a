//! Squared distances to centroids.

use std::ops::Range;

use burn_backend::Backend;

use crate::Value;
use crate::layout::narrow;

/// Elements of one block of differences: few enough to stay in a processor's cache.
const BLOCK: usize = 1 << 16;

/// Elements from which a block of centroids is worth an operation for every single sample. Backends
/// broadcast a row over a matrix much faster than two tensors over each other.
const WORTHWHILE: usize = 1 << 11;

/// `d_nk = sum_i (x_ni - c_ki)^2`: points `[N, D]`, centroids `[K, D]`, distances `[N, K]`.
///
/// From the differences, not as `|x|^2 - 2 x.c + |c|^2`: far from the origin those terms cancel. The
/// differences are formed block by block, so memory beyond the result stays bounded.
pub fn squared_distances<B: Backend>(points: &Value<B>, centroids: &Value<B>) -> Value<B> {
    let columns = cluster_blocks(centroids).into_iter().map(|(_, block)| {
        let rows = sample_blocks(points, &block).into_iter().map(|samples| {
            let (rows, width) = (samples.len(), block.dims()[0]);
            let squares = squared_differences(points, &block, &samples);
            squares.sum_dim(2).reshape(&[rows, width])
        });
        join(rows.collect(), 0)
    });
    join(columns.collect(), 1)
}

/// `y_ni = sum_k w_nk (x_ni - c_ki)^2`, the squared differences summed over centroids instead of
/// features: points `[N, D]`, centroids `[K, D]`, weights `[N, K]`, sums `[N, D]`. Block by block,
/// as [`squared_distances`].
pub fn weighted_squared_differences<B: Backend>(
    points: &Value<B>,
    centroids: &Value<B>,
    weights: &Value<B>,
) -> Value<B> {
    let features = points.dims()[1];
    let parts = cluster_blocks(centroids).into_iter().map(|(clusters, block)| {
        let weights = narrow(weights, 1, clusters.start, clusters.len());
        let rows = sample_blocks(points, &block).into_iter().map(|samples| {
            let weights = narrow(&weights, 0, samples.start, samples.len());
            let weights = weights.reshape(&[samples.len(), 1, clusters.len()]);
            let squares = squared_differences(points, &block, &samples);
            weights.matmul(squares).reshape(&[samples.len(), features])
        });
        join(rows.collect(), 0)
    });
    parts.reduce(|sum, part| sum + part).unwrap_or_else(|| points.full_like(&points.dims(), 0.0))
}

/// `(c_k - x_n)^2` for a block: `[samples, clusters, D]`.
fn squared_differences<B: Backend>(
    points: &Value<B>,
    centroids: &Value<B>,
    samples: &Range<usize>,
) -> Value<B> {
    let (clusters, features) = (centroids.dims()[0], points.dims()[1]);
    let points = narrow(points, 0, samples.start, samples.len());
    let difference = match samples.len() {
        1 => (centroids - points).reshape(&[1, clusters, features]),
        rows => centroids.clone().reshape(&[1, clusters, features]) - points.reshape(&[rows, 1, features]),
    };
    &difference * &difference
}

/// The centroids in blocks, each with its place.
fn cluster_blocks<B: Backend>(centroids: &Value<B>) -> Vec<(Range<usize>, Value<B>)> {
    let (clusters, features) = (centroids.dims()[0], centroids.dims()[1].max(1));
    let block = |range: Range<usize>| {
        let part = narrow(centroids, 0, range.start, range.len());
        // A slice may be a view into the whole, which is slower to read than memory of its own.
        let part = if range.len() < clusters { part * 1.0 } else { part };
        (range, part)
    };
    ranges(clusters, (BLOCK / features).max(1)).into_iter().map(block).collect()
}

/// Samples that are worked on together with a block of centroids.
fn sample_blocks<B: Backend>(points: &Value<B>, block: &Value<B>) -> Vec<Range<usize>> {
    let size = (block.dims()[0] * block.dims()[1]).max(1);
    ranges(points.dims()[0], if size < WORTHWHILE { BLOCK / size } else { 1 })
}

fn ranges(total: usize, each: usize) -> Vec<Range<usize>> {
    (0..total).step_by(each).map(|start| start..(start + each).min(total)).collect()
}

/// Values joined along `dim`, without a copy where there is only one.
fn join<B: Backend>(mut values: Vec<Value<B>>, dim: usize) -> Value<B> {
    match values.len() {
        1 => values.remove(0),
        _ => Value::cat(values, dim),
    }
}

#[cfg(test)]
mod tests {
    use burn_backend::TensorData;
    use burn_flex::Flex;

    use super::*;

    fn numbers(rows: usize, columns: usize, seed: usize) -> (Vec<f64>, Value<Flex>) {
        let number = |i: usize| ((i * 7919 + seed * 104_729) % 1009) as f64 / 100.0 - 5.0;
        let data: Vec<f64> = (0..rows * columns).map(number).collect();
        let value = Value::from_data(TensorData::new(data.clone(), [rows, columns]), &Default::default());
        (data, value)
    }

    fn read(value: &Value<Flex>) -> Vec<f64> {
        value.to_data().unwrap().to_vec().unwrap()
    }

    fn assert_close(got: &[f64], expected: &[f64]) {
        assert_eq!(got.len(), expected.len());
        for (got, expected) in got.iter().zip(expected) {
            assert!((got - expected).abs() <= 1e-10 * expected.abs().max(1.0), "{got} instead of {expected}");
        }
    }

    #[test]
    fn blocks_give_what_a_loop_gives() {
        // One block; several of samples; several of clusters, the last one smaller.
        for (n, k, d) in [(3, 4, 2), (300, 40, 64), (2, 700, 1000)] {
            let (x, points) = numbers(n, d, 1);
            let (c, centroids) = numbers(k, d, 2);
            let (w, weights) = numbers(n, k, 3);
            let square = |s: usize, j: usize, i: usize| (x[s * d + i] - c[j * d + i]).powi(2);
            let distances: Vec<f64> = (0..n)
                .flat_map(|s| (0..k).map(move |j| (s, j)))
                .map(|(s, j)| (0..d).map(|i| square(s, j, i)).sum())
                .collect();
            assert_close(&read(&squared_distances(&points, &centroids)), &distances);
            let sums: Vec<f64> = (0..n)
                .flat_map(|s| (0..d).map(move |i| (s, i)))
                .map(|(s, i)| (0..k).map(|j| w[s * k + j] * square(s, j, i)).sum())
                .collect();
            assert_close(&read(&weighted_squared_differences(&points, &centroids, &weights)), &sums);
        }
    }
}
