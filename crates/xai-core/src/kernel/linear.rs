//! Fully connected layers.

use burn_backend::Backend;

use super::ShapeError;
use super::error::check_filled;
use crate::Value;

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
    rows_times(r, weight.clone().permute(&[1, 0]))
}

/// `x M` with all leading dimensions of x taken as rows: one large product instead of a batch of
/// small ones that repeat the matrix.
fn rows_times<B: Backend>(x: &Value<B>, matrix: Value<B>) -> Value<B> {
    let mut dims = x.dims();
    let last = dims.len() - 1;
    let rows = dims[..last].iter().product();
    let y = x.clone().reshape(&[rows, dims[last]]).matmul(matrix);
    dims[last] = y.dims()[1];
    y.reshape(&dims)
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
