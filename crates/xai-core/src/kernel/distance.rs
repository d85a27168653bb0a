//! Squared distances to centroids.

use std::ops::Range;

use burn_backend::Backend;

use super::narrow;
use crate::Value;

/// Elements of one block of differences: few enough to stay in a cache of a few megabytes, enough
/// to keep a GPU busy.
const BLOCK: usize = 1 << 18;

/// `d_nk = sum_i (x_ni - c_ki)^2`: points `[N, D]`, centroids `[K, D]`, distances `[N, K]`.
///
/// From the differences, not as `|x|^2 - 2 x.c + |c|^2`: far from the origin those terms cancel. The
/// differences are formed block by block, so memory beyond the result stays bounded.
pub fn squared_distances<B: Backend>(points: &Value<B>, centroids: &Value<B>) -> Value<B> {
    let rows = difference_blocks(points, centroids).into_iter().map(|(samples, blocks)| {
        let columns = blocks.into_iter().map(|clusters| {
            let difference = differences(points, centroids, &samples, &clusters);
            (&difference * &difference).sum_dim(2).reshape(&[samples.len(), clusters.len()])
        });
        join(columns.collect(), 1)
    });
    join(rows.collect(), 0)
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
    let rows = difference_blocks(points, centroids).into_iter().filter_map(|(samples, blocks)| {
        let parts = blocks.into_iter().map(|clusters| {
            let difference = differences(points, centroids, &samples, &clusters);
            let weights = narrow(weights, 0, samples.start, samples.len());
            let weights = narrow(&weights, 1, clusters.start, clusters.len());
            let weights = weights.reshape(&[samples.len(), 1, clusters.len()]);
            weights.matmul(&difference * &difference).reshape(&[samples.len(), features])
        });
        parts.reduce(|sum, part| sum + part)
    });
    join(rows.collect(), 0)
}

/// `x_n - c_k` for a block: `[samples, clusters, D]`.
fn differences<B: Backend>(
    points: &Value<B>,
    centroids: &Value<B>,
    samples: &Range<usize>,
    clusters: &Range<usize>,
) -> Value<B> {
    let features = points.dims()[1];
    let points = narrow(points, 0, samples.start, samples.len());
    let centroids = narrow(centroids, 0, clusters.start, clusters.len());
    points.reshape(&[samples.len(), 1, features]) - centroids.reshape(&[1, clusters.len(), features])
}

/// Ranges of samples, each with the ranges of clusters that it is paired with.
fn difference_blocks<B: Backend>(
    points: &Value<B>,
    centroids: &Value<B>,
) -> Vec<(Range<usize>, Vec<Range<usize>>)> {
    let (samples, clusters, features) = (points.dims()[0], centroids.dims()[0], points.dims()[1].max(1));
    let clusters_each = (BLOCK / features).clamp(1, clusters.max(1));
    let samples_each = (BLOCK / (features * clusters_each)).clamp(1, samples.max(1));
    let columns = ranges(clusters, clusters_each);
    ranges(samples, samples_each).into_iter().map(|rows| (rows, columns.clone())).collect()
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
