//! Padding, cropping and interleaving, by concatenation and unit-step slices only.
//!
//! Assigning into a slice with a step builds an index of every element on some backends, and is
//! slower there by orders of magnitude than the concatenations used here.

use burn_backend::{Backend, Slice};

use crate::Value;

/// `range` of `axis`, all of the other dimensions.
pub fn narrow<B: Backend>(x: &Value<B>, axis: usize, start: usize, length: usize) -> Value<B> {
    let dims = x.dims();
    if start == 0 && length == dims[axis] {
        return x.clone();
    }
    let mut ranges: Vec<Slice> = dims.iter().map(|&size| Slice::from(0..size)).collect();
    ranges[axis] = Slice::from(start..start + length);
    x.clone().slice(&ranges)
}

/// `begin` and `end` elements of `fill` added around `axis`; negative counts crop.
pub fn pad<B: Backend>(x: &Value<B>, axis: usize, begin: isize, end: isize, fill: f64) -> Value<B> {
    let size = x.dims()[axis];
    let first = begin.min(0).unsigned_abs();
    let last = size.saturating_sub(end.min(0).unsigned_abs());
    let filled = |length: usize| {
        let mut dims = x.dims();
        dims[axis] = length;
        x.full_like(&dims, fill)
    };
    if first >= last {
        return filled((size as isize + begin + end).max(0).unsigned_abs());
    }
    let kept = narrow(x, axis, first, last - first);
    let mut parts = Vec::with_capacity(3);
    if begin > 0 {
        parts.push(filled(begin.unsigned_abs()));
    }
    parts.push(kept.clone());
    if end > 0 {
        parts.push(filled(end.unsigned_abs()));
    }
    if parts.len() == 1 { kept } else { Value::cat(parts, axis) }
}

/// `step - 1` zeros between neighbours along `axis`: size `n` becomes `(n - 1) * step + 1`.
pub fn interleave_zeros<B: Backend>(x: &Value<B>, axis: usize, step: usize) -> Value<B> {
    let dims = x.dims();
    if dims[axis] == 1 {
        return x.clone();
    }
    let (head, tail) = dims.split_at(axis + 1);
    let split: Vec<usize> = head.iter().copied().chain([1]).chain(tail.iter().copied()).collect();
    let spread = pad(&x.clone().reshape(&split), axis + 1, 0, step.saturating_sub(1) as isize, 0.0);
    let mut joined = dims.clone();
    joined[axis] = dims[axis] * step;
    narrow(&spread.reshape(&joined), axis, 0, (dims[axis] - 1) * step + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn_backend::TensorData;
    use burn_flex::Flex;

    fn row(data: &[f32]) -> Value<Flex> {
        Value::from_data(TensorData::new(data.to_vec(), [1, data.len()]), &Default::default())
    }

    fn read(value: &Value<Flex>) -> Vec<f32> {
        value.to_data().unwrap().to_vec().unwrap()
    }

    #[test]
    fn pad_adds_and_crops() {
        let x = row(&[1.0, 2.0, 3.0]);
        assert_eq!(read(&pad(&x, 1, 1, 2, 9.0)), [9.0, 1.0, 2.0, 3.0, 9.0, 9.0]);
        assert_eq!(read(&pad(&x, 1, -1, 1, 0.0)), [2.0, 3.0, 0.0]);
        assert_eq!(read(&pad(&x, 1, 1, -2, 0.0)), [0.0, 1.0]);
    }

    #[test]
    fn cropping_everything_leaves_only_fill() {
        assert_eq!(read(&pad(&row(&[1.0]), 1, -2, 3, 7.0)), [7.0, 7.0]);
    }

    #[test]
    fn interleaving_spreads_elements() {
        assert_eq!(
            read(&interleave_zeros(&row(&[1.0, 2.0, 3.0]), 1, 3)),
            [1.0, 0.0, 0.0, 2.0, 0.0, 0.0, 3.0]
        );
    }
}
