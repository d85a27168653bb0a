//! Matrix products.

use burn_backend::Backend;

use super::{BackwardContext, Interval, LayerKind, LayerOps, LinearMap, Saved};
use crate::Value;
use crate::error::LayerError;
use crate::kernel::times_transposed;

/// A matrix product over the last two dimensions, `[..., n, k]` and `[..., k, m]` to `[..., n, m]`;
/// leading dimensions of size 1 are repeated.
///
/// With a constant factor it is a linear map. `x W` with one matrix W is better a
/// [`Linear`](super::Linear) layer.
#[derive(Debug, Clone)]
pub struct Matmul<B: Backend> {
    constant: Option<Constant<B>>,
}

#[derive(Debug, Clone)]
struct Constant<B: Backend> {
    matrix: Value<B>,
    is_left: bool,
}

impl<B: Backend> Matmul<B> {
    /// `y = a b` of two values.
    pub fn new() -> Self {
        Self { constant: None }
    }

    /// `y = matrix x`.
    pub fn by_left(matrix: Value<B>) -> Self {
        Self { constant: Some(Constant { matrix, is_left: true }) }
    }

    /// `y = x matrix`.
    pub fn by_right(matrix: Value<B>) -> Self {
        Self { constant: Some(Constant { matrix, is_left: false }) }
    }

    /// Whether the constant factor, if there is one, is the left one.
    fn is_left(&self) -> bool {
        self.constant.as_ref().is_some_and(|constant| constant.is_left)
    }
}

impl<B: Backend> Default for Matmul<B> {
    fn default() -> Self {
        Self::new()
    }
}

fn product_dims(left: &[usize], right: &[usize]) -> Result<Vec<usize>, LayerError> {
    let refuse = || LayerError::Matrices { left: left.to_vec(), right: right.to_vec() };
    let rank = left.len();
    if rank < 2 || right.len() != rank || left[rank - 1] != right[rank - 2] {
        return Err(refuse());
    }
    let mut dims = Vec::with_capacity(rank);
    for (&left, &right) in left[..rank - 2].iter().zip(right) {
        match (left, right) {
            _ if left == right => dims.push(left),
            (1, size) | (size, 1) => dims.push(size),
            _ => return Err(refuse()),
        }
    }
    dims.extend([left[rank - 2], right[rank - 1]]);
    Ok(dims)
}

/// The last two dimensions exchanged.
fn transposed<B: Backend>(matrix: &Value<B>) -> Value<B> {
    let rank = matrix.rank();
    let mut axes: Vec<usize> = (0..rank).collect();
    axes.swap(rank - 2, rank - 1);
    matrix.clone().permute(&axes)
}

impl<B: Backend> LayerOps<B> for Matmul<B> {
    fn kind(&self) -> LayerKind {
        LayerKind::Matmul
    }

    fn output_dims(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, LayerError> {
        match (&self.constant, inputs) {
            (None, [left, right]) => product_dims(left, right),
            (Some(constant), [x]) if constant.is_left => product_dims(&constant.matrix.dims(), x),
            (Some(constant), [x]) => product_dims(x, &constant.matrix.dims()),
            (None, _) => Err(LayerError::Arity { expected: "two inputs", got: inputs.len() }),
            (Some(_), _) => Err(LayerError::Arity { expected: "one input", got: inputs.len() }),
        }
    }

    fn forward(&self, inputs: Vec<Value<B>>) -> Result<Value<B>, LayerError> {
        match (&self.constant, inputs.as_slice()) {
            (None, [left, right]) => Ok(left.clone().matmul(right.clone())),
            (Some(constant), [x]) => Ok(self.apply(x, Some(&constant.matrix))),
            _ => Err(LayerError::Arity { expected: "one or two inputs", got: inputs.len() }),
        }
    }

    fn vjp_saved(&self) -> Saved {
        match self.constant {
            Some(_) => Saved::NOTHING,
            None => Saved::INPUTS,
        }
    }

    fn vjp(&self, context: &BackwardContext<'_, B>, gradient: Value<B>) -> Result<Vec<Value<B>>, LayerError> {
        if let Some(constant) = &self.constant {
            return Ok(vec![self.adjoint(gradient, Some(&constant.matrix), context.dims()?)]);
        }
        let (left, right) = (context.input(0)?, context.input(1)?);
        let to_left = times_transposed(gradient.clone(), right).sum_to(&left.dims());
        Ok(vec![to_left, transposed(left).matmul(gradient).sum_to(&right.dims())])
    }

    fn linear_map(&self) -> Option<&dyn LinearMap<B>> {
        self.constant.as_ref().map(|_| self as &dyn LinearMap<B>)
    }

    fn output_interval(&self, inputs: &[Interval]) -> Interval {
        match self.constant {
            Some(_) => Interval::ANY,
            None => Interval::hull(inputs.iter().copied()).sign_only(),
        }
    }

    fn parameters(&self) -> Vec<&Value<B>> {
        self.constant.iter().map(|constant| &constant.matrix).collect()
    }
}

/// Only products with a constant are asked for it, see [`LayerOps::linear_map`].
impl<B: Backend> LinearMap<B> for Matmul<B> {
    fn weight(&self) -> Option<&Value<B>> {
        self.constant.as_ref().map(|constant| &constant.matrix)
    }

    fn bias(&self, _: usize) -> Option<Value<B>> {
        None
    }

    fn is_per_sample(&self) -> bool {
        // From the left, dimension 0 of a plain matrix is summed over; a constant with leading
        // dimensions may differ between samples.
        self.constant.as_ref().is_some_and(|constant| constant.matrix.rank() == 2 && !constant.is_left)
    }

    fn summed_dims(&self, input_rank: usize) -> Option<[usize; 2]> {
        let [row, column] = [input_rank.checked_sub(2)?, input_rank - 1];
        Some(if self.is_left() { [row, column] } else { [column, row] })
    }

    fn apply(&self, x: &Value<B>, weight: Option<&Value<B>>) -> Value<B> {
        let Some(weight) = weight.or(self.weight()) else { return x.clone() };
        match self.is_left() {
            true => weight.clone().matmul(x.clone()),
            false => x.clone().matmul(weight.clone()),
        }
    }

    fn adjoint(&self, r: Value<B>, weight: Option<&Value<B>>, input_dims: &[usize]) -> Value<B> {
        let Some(weight) = weight.or(self.weight()) else { return r };
        let back = match self.is_left() {
            true => transposed(weight).matmul(r),
            false => times_transposed(r, weight),
        };
        back.sum_to(input_dims)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::testing::{check, numbers};

    #[test]
    fn products_of_values_broadcast_and_give_both_gradients() {
        check(Matmul::new(), &[numbers(&[2, 3], 1), numbers(&[3, 4], 2)]);
        check(Matmul::new(), &[numbers(&[2, 5, 2, 3], 1), numbers(&[2, 5, 3, 4], 2)]);
        check(Matmul::new(), &[numbers(&[2, 1, 2, 3], 1), numbers(&[1, 5, 3, 4], 2)]);
    }

    #[test]
    fn a_constant_factor_makes_it_linear() {
        check(Matmul::by_left(numbers(&[1, 4, 3], 1)), &[numbers(&[2, 3, 5], 2)]);
        check(Matmul::by_right(numbers(&[6, 5, 4], 1)), &[numbers(&[1, 3, 5], 2)]);
        check(Matmul::by_right(numbers(&[2, 5, 4], 1)), &[numbers(&[2, 3, 5], 2)]);
    }

    #[test]
    fn misfits_are_refused() {
        for (left, right) in [
            ([2, 3].as_slice(), [4, 2].as_slice()),
            (&[3], &[3]),
            (&[2, 2, 3], &[3, 3, 2]),
            (&[1, 2, 3], &[3, 2]),
        ] {
            let refusal = Matmul::<burn_flex::Flex>::new().output_dims(&[left, right]);
            assert!(matches!(refusal, Err(LayerError::Matrices { .. })), "{left:?} {right:?}");
        }
    }
}
