//! Numbers on the host, and their way to a backend and back.

use burn::tensor::backend::Backend;
use burn::tensor::{DType, TensorData};
use xai_core::Value;

/// A row-major f64 array of any rank.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// Size of each dimension.
    pub dims: Vec<usize>,
    /// Elements, the last dimension fastest.
    pub data: Vec<f64>,
}

impl Array {
    /// An array of zeros.
    pub fn zeros(dims: &[usize]) -> Self {
        Self { dims: dims.to_vec(), data: vec![0.0; dims.iter().product()] }
    }

    /// An array whose element number `i` is `f(i)`.
    pub fn from_fn(dims: &[usize], f: impl FnMut(usize) -> f64) -> Self {
        Self { dims: dims.to_vec(), data: (0..dims.iter().product()).map(f).collect() }
    }

    /// A value on the host.
    pub fn of<B: Backend>(value: &Value<B>) -> Self {
        Self { dims: value.dims(), data: elements(value) }
    }

    /// The array on a device, in the element type `dtype`.
    pub fn value<B: Backend>(&self, dtype: DType, device: &B::Device) -> Value<B> {
        let data = TensorData::new(self.data.clone(), self.dims.clone());
        Value::from_data(data.convert_dtype(dtype), device)
    }

    /// The array with `f` of each element.
    pub fn map(&self, f: impl Fn(f64) -> f64) -> Self {
        Self { dims: self.dims.clone(), data: self.data.iter().map(|&x| f(x)).collect() }
    }

    /// Sample `n` of a batch, as a batch of one.
    pub fn sample(&self, n: usize) -> Self {
        let mut dims = self.dims.clone();
        dims[0] = 1;
        let size: usize = dims.iter().product();
        Self { dims, data: self.data[n * size..][..size].to_vec() }
    }

    /// A matrix with rows and columns exchanged; any other array as it is.
    pub fn transposed(&self) -> Self {
        let [rows, columns] = self.dims[..] else { return self.clone() };
        Self::from_fn(&[columns, rows], |i| self.data[i % rows * columns + i / rows])
    }

    /// The parts of an array that was stacked along its last dimension.
    pub fn columns(&self) -> Vec<Self> {
        let Some((&count, dims)) = self.dims.split_last() else { return vec![self.clone()] };
        let column = |i: usize| self.data.iter().skip(i).step_by(count).copied().collect();
        (0..count).map(|i| Self { dims: dims.to_vec(), data: column(i) }).collect()
    }

    /// The largest absolute difference to `other`, relative to the largest absolute element of
    /// self; infinite when shapes differ or anything is NaN.
    pub fn relative_error(&self, other: &Self) -> f64 {
        if self.dims == other.dims { relative_error(&other.data, &self.data) } else { f64::INFINITY }
    }
}

/// All elements on the host, in row-major order.
pub fn elements<B: Backend>(value: &Value<B>) -> Vec<f64> {
    value.to_data().expect("the backend can be read").iter::<f64>().collect()
}

/// `max|got - want| / max|want|`; the plain `max|got|` where `want` is all 0, infinite where an
/// element is NaN.
pub fn relative_error(got: &[f64], want: &[f64]) -> f64 {
    assert_eq!(got.len(), want.len(), "only tensors of one shape can be compared");
    let scale = want.iter().fold(0.0f64, |scale, want| scale.max(want.abs()));
    let mut error = 0.0f64;
    for (got, want) in got.iter().zip(want) {
        let difference = (got - want).abs();
        // `f64::max` would let NaN pass.
        error = error.max(if difference.is_nan() { f64::INFINITY } else { difference });
    }
    if scale > 0.0 { error / scale } else { error }
}

/// A reproducible stream of numbers, independent of any backend's generator.
pub(crate) struct Numbers(u64);

impl Numbers {
    pub(crate) fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// Splitmix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A whole number less than `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// Numbers in (-1, 1) that are never 0, the same in f32 and f64.
    pub(crate) fn array(&mut self, dims: &[usize]) -> Array {
        Array::from_fn(dims, |_| ((self.next() % 256) as f64 - 127.5) / 128.0)
    }

    /// Numbers in (0.25, 1.25).
    pub(crate) fn positive(&mut self, dims: &[usize]) -> Array {
        Array::from_fn(dims, |_| 0.25 + ((self.next() % 256) as f64 + 0.5) / 256.0)
    }

    /// Numbers of which no two are equal and none is 0, so that every maximum is unique.
    pub(crate) fn distinct(&mut self, dims: &[usize]) -> Array {
        let count: usize = dims.iter().product();
        let mut places: Vec<usize> = (0..count).collect();
        for i in (1..count).rev() {
            places.swap(i, self.below(i + 1));
        }
        Array::from_fn(dims, |i| (places[i] as f64 - count as f64 / 2.0 + 0.25) / 64.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_is_relative_to_the_largest_element() {
        assert_eq!(relative_error(&[1.0, -4.0], &[1.5, -4.0]), 0.125);
        assert_eq!(relative_error(&[0.25, 0.0], &[0.0, 0.0]), 0.25);
    }

    #[test]
    fn neither_nan_nor_another_shape_passes() {
        assert_eq!(relative_error(&[f64::NAN, 1.0], &[0.0, 1.0]), f64::INFINITY);
        assert_eq!(relative_error(&[1.0, 1.0], &[1.0, f64::NAN]), f64::INFINITY);
        assert_eq!(Array::zeros(&[2, 3]).relative_error(&Array::zeros(&[3, 2])), f64::INFINITY);
    }

    #[test]
    fn transposing_exchanges_rows_and_columns() {
        let matrix = Array { dims: vec![2, 3], data: vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0] };
        let transposed = Array { dims: vec![3, 2], data: vec![1.0, 4.0, 2.0, 5.0, 3.0, 6.0] };
        assert_eq!(matrix.transposed(), transposed);
    }

    #[test]
    fn columns_are_the_parts_of_a_stack() {
        let stack = Array { dims: vec![2, 1, 2], data: vec![1.0, 2.0, 3.0, 4.0] };
        let column = |data: [f64; 2]| Array { dims: vec![2, 1], data: data.to_vec() };
        assert_eq!(stack.columns(), [column([1.0, 3.0]), column([2.0, 4.0])]);
    }
}
