//! Arithmetic of two values of which the second repeats along some dimensions.

use burn_backend::tensor::FloatTensor;
use burn_backend::{Backend, FloatDType, Scalar, Shape, TensorMetadata};

use crate::capability::Capability;

/// `op(a, b)`, element by element; `op` repeats dimensions of size 1.
///
/// Where the backend is fast only if whole rows or whole columns repeat, a value in between, such as
/// one number per channel beside a batch of images, is repeated to a row first.
pub(crate) fn broadcast<B: Backend>(
    a: FloatTensor<B>,
    b: FloatTensor<B>,
    op: fn(FloatTensor<B>, FloatTensor<B>) -> FloatTensor<B>,
) -> FloatTensor<B> {
    let (shape, of_b) = (a.shape(), b.shape());
    if shape == of_b || !Capability::of::<B>().broadcasts_in_rows(a.dtype()) {
        return op(a, b);
    }
    let Some([outer, middle, inner]) = runs(shape.as_slice(), of_b.as_slice()) else { return op(a, b) };
    let reshape = |tensor, dims: [usize; 2]| B::float_reshape(tensor, Shape::from(dims));
    let column = reshape(b, [middle, 1]);
    let result = if outer == 1 {
        op(reshape(a, [middle, inner]), column)
    } else {
        let row = match inner {
            1 => column,
            _ => {
                let (device, dtype) = (B::float_device(&a), FloatDType::from(a.dtype()));
                let ones = B::float_full(Shape::from([middle, inner]), Scalar::Float(1.0), &device, dtype);
                B::float_mul(ones, column)
            }
        };
        op(reshape(a, [outer, middle * inner]), reshape(row, [1, middle * inner]))
    };
    B::float_reshape(result, shape)
}

/// The same for an `op` that may exchange its operands: `b` goes first where that changes no shape, since a
/// backend may put the result in the place of the first if nothing else reads it.
pub(crate) fn broadcast_into_second<B: Backend>(
    a: FloatTensor<B>,
    b: FloatTensor<B>,
    op: fn(FloatTensor<B>, FloatTensor<B>) -> FloatTensor<B>,
) -> FloatTensor<B> {
    match a.shape() == b.shape() {
        true => op(b, a),
        false => broadcast::<B>(a, b, op),
    }
}

/// Elements of `a` in dimensions before, along and after those that `b` shares with it; `None` where
/// these are no run of dimensions, or `a` repeats too.
fn runs(a: &[usize], b: &[usize]) -> Option<[usize; 3]> {
    if a.len() != b.len() {
        return None;
    }
    let shared = |i: &usize| b[*i] != 1;
    let first = (0..a.len()).find(shared).unwrap_or(0);
    let end = (0..a.len()).rfind(shared).map_or(0, |last| last + 1);
    let fits = a[first..end] == b[first..end];
    fits.then(|| [&a[..first], &a[first..end], &a[end..]].map(|sizes| sizes.iter().product()))
}

#[cfg(test)]
mod tests {
    use burn::tensor::TensorData;
    use burn_flex::Flex;

    use super::*;
    use crate::Value;

    #[test]
    fn runs_are_found_in_any_place() {
        assert_eq!(runs(&[8, 3, 4, 4], &[1, 3, 1, 1]), Some([8, 3, 16]));
        assert_eq!(runs(&[8, 3, 4, 4], &[1, 1, 4, 4]), Some([24, 16, 1]));
        assert_eq!(runs(&[8, 3, 4, 4], &[8, 3, 1, 1]), Some([1, 24, 16]));
        assert_eq!(runs(&[8, 3, 4], &[1, 1, 1]), Some([1, 1, 96]));
        assert_eq!(runs(&[8, 3, 1, 4], &[8, 1, 1, 4]), None);
        assert_eq!(runs(&[1, 3, 4], &[8, 3, 4]), None);
        assert_eq!(runs(&[3, 4], &[4]), None);
    }

    #[test]
    fn repeated_values_meet_the_elements_they_belong_to() {
        let value = |dims: &[usize], step: f32| {
            let count: usize = dims.iter().product();
            let data = TensorData::new((0..count).map(|i| i as f32 * step - 1.0).collect(), dims.to_vec());
            Value::<Flex>::from_data(data, &Default::default())
        };
        let read = |value: &Value<Flex>| value.to_data().unwrap().to_vec::<f32>().unwrap();
        let a = value(&[2, 3, 2, 4], 0.25);
        for dims in [[1, 3, 1, 1], [1, 1, 2, 4], [2, 3, 1, 1], [1, 1, 1, 1], [2, 1, 1, 4], [1, 3, 2, 1]] {
            let b = value(&dims, 0.5);
            let whole = b.clone().expand(&a.dims());
            let pairs = read(&a).into_iter().zip(read(&whole));
            let expected: Vec<f32> = pairs.map(|(a, b)| a - b).collect();
            assert_eq!(read(&(&a - &b)), expected, "{dims:?}");
            let reversed: Vec<f32> = expected.iter().map(|difference| -difference).collect();
            assert_eq!(read(&(&b - &a)), reversed, "{dims:?}");
        }
    }
}
