//! Fully connected layers.

use burn_backend::Backend;

use crate::Value;
use crate::error::{ShapeError, check_filled};

/// Shape of `linear`'s output: `input` with its last dimension replaced by the weight's `d_output`.
///
/// # Errors
/// A [`ShapeError`] when the weight is not `[d_input, d_output]`, the input has no dimension, holds
/// no element or does not end in `d_input`, or the bias is not `[d_output]`.
pub fn linear_output_dims(
    input: &[usize],
    weight: &[usize],
    bias: Option<&[usize]>,
) -> Result<Vec<usize>, ShapeError> {
    let &[d_input, d_output] = weight else {
        return Err(ShapeError::Rank { what: "weight", dims: weight.to_vec(), expected: 2 });
    };
    let Some((&features, leading)) = input.split_last() else {
        return Err(ShapeError::Rank { what: "input", dims: input.to_vec(), expected: 2 });
    };
    check_filled("input", input)?;
    check_filled("weight", weight)?;
    if features != d_input {
        return Err(ShapeError::Features { got: features, expected: d_input });
    }
    if let Some(bias) = bias
        && bias != [d_output]
    {
        return Err(ShapeError::Bias { dims: bias.to_vec(), expected: d_output });
    }
    Ok(leading.iter().copied().chain([d_output]).collect())
}

/// `y = x W + b`: x `[..., d_input]`, weight `[d_input, d_output]`, bias `[d_output]`, y
/// `[..., d_output]`.
pub fn linear<B: Backend>(x: &Value<B>, weight: &Value<B>, bias: Option<&Value<B>>) -> Value<B> {
    let y = rows_times(x, weight.clone());
    match bias {
        Some(bias) => {
            let mut dims = vec![1; y.rank()];
            dims[y.rank() - 1] = bias.dims()[0];
            y + bias.clone().reshape(&dims)
        }
        None => y,
    }
}

/// `c = r W^T`, the transpose of [`linear`] without bias: r `[..., d_output]`, weight
/// `[d_input, d_output]`, c `[..., d_input]`.
pub fn linear_adjoint<B: Backend>(r: &Value<B>, weight: &Value<B>) -> Value<B> {
    let dims = r.dims();
    let (rows, outputs) = rows_of(&dims);
    let c = times_transposed(r.clone().reshape(&[rows, outputs]), weight);
    let inputs = c.dims()[1];
    c.reshape(&[&dims[..dims.len() - 1], &[inputs]].concat())
}

/// `x M^T` over the last two dimensions, `[..., n, k]` and `[..., m, k]` to `[..., n, m]`; leading
/// dimensions of size 1 are repeated.
///
/// One row goes as `M x^T`: cubecl's fused product of one row with a transposed matrix gives wrong
/// numbers for some sizes (one row of 2, a matrix of 6 by 2).
pub fn times_transposed<B: Backend>(x: Value<B>, matrix: &Value<B>) -> Value<B> {
    let swapped = |mut dims: Vec<usize>| {
        let rank = dims.len();
        dims.swap(rank - 2, rank - 1);
        dims
    };
    let dims = x.dims();
    if dims[dims.len() - 2] == 1 {
        // With a size of 1, to exchange dimensions is to reshape.
        let y = matrix.clone().matmul(x.reshape(&swapped(dims)));
        let dims = swapped(y.dims());
        return y.reshape(&dims);
    }
    let axes = swapped((0..matrix.rank()).collect());
    x.matmul(matrix.clone().permute(&axes))
}

/// All leading dimensions as rows, and the last one.
fn rows_of(dims: &[usize]) -> (usize, usize) {
    let last = dims.len() - 1;
    (dims[..last].iter().product(), dims[last])
}

/// `x M` with all leading dimensions of x taken as rows: one large product instead of a batch of
/// small ones that repeat the matrix.
fn rows_times<B: Backend>(x: &Value<B>, matrix: Value<B>) -> Value<B> {
    let dims = x.dims();
    let (rows, inputs) = rows_of(&dims);
    let y = x.clone().reshape(&[rows, inputs]).matmul(matrix);
    let outputs = y.dims()[1];
    y.reshape(&[&dims[..dims.len() - 1], &[outputs]].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_keeps_leading_dimensions() {
        assert_eq!(linear_output_dims(&[2, 7, 3], &[3, 5], Some(&[5])), Ok(vec![2, 7, 5]));
        assert_eq!(linear_output_dims(&[3], &[3, 5], None), Ok(vec![5]));
    }

    #[test]
    fn misfits_are_named() {
        let text = |result: Result<Vec<usize>, ShapeError>| result.unwrap_err().to_string();
        assert_eq!(
            text(linear_output_dims(&[2, 4], &[3, 5], None)),
            "the input has 4 features, but the weight reads 3"
        );
        assert!(text(linear_output_dims(&[0, 3], &[3, 5], None)).contains("holds no element"));
        assert!(text(linear_output_dims(&[], &[3, 5], None)).contains("expected 2 dimensions"));
        assert!(
            text(linear_output_dims(&[2, 3], &[3, 5], Some(&[1, 5]))).contains("one value for each of the 5")
        );
    }
}
