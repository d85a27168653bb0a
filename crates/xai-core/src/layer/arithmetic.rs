//! Arithmetic between two values. (A sum of values is [`Add`](super::Add).)

use burn_backend::Backend;

use super::{BackwardContext, Interval, LayerKind, LayerOps, Saved};
use crate::Value;
use crate::error::LayerError;

/// An operation on two values of one shape, element by element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arithmetic {
    /// `y = a - b`.
    Sub,
    /// `y = a b`: gates, attention to channels.
    Mul,
    /// `y = a / b`.
    Div,
}

fn two<'a>(inputs: &[&'a [usize]]) -> Result<[&'a [usize]; 2], LayerError> {
    match inputs {
        [a, b] => Ok([*a, *b]),
        _ => Err(LayerError::Arity { expected: "two inputs", got: inputs.len() }),
    }
}

impl<B: Backend> LayerOps<B> for Arithmetic {
    fn kind(&self) -> LayerKind {
        match self {
            Self::Sub => LayerKind::Sub,
            Self::Mul => LayerKind::Mul,
            Self::Div => LayerKind::Div,
        }
    }

    fn output_dims(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, LayerError> {
        let [a, b] = two(inputs)?;
        if a == b {
            return Ok(a.to_vec());
        }
        Err(LayerError::UnequalShapes { first: a.to_vec(), other: b.to_vec() })
    }

    fn forward(&self, inputs: Vec<Value<B>>) -> Result<Value<B>, LayerError> {
        let got = inputs.len();
        let [a, b] =
            <[_; 2]>::try_from(inputs).map_err(|_| LayerError::Arity { expected: "two inputs", got })?;
        Ok(match self {
            Self::Sub => a - b,
            Self::Mul => a * b,
            Self::Div => a / b,
        })
    }

    fn vjp_saved(&self) -> Saved {
        match self {
            Self::Sub => Saved::NOTHING,
            Self::Mul | Self::Div => Saved::INPUTS,
        }
    }

    fn vjp(&self, context: &BackwardContext<'_, B>, gradient: Value<B>) -> Result<Vec<Value<B>>, LayerError> {
        Ok(match self {
            Self::Sub => vec![gradient.clone(), gradient * -1.0],
            Self::Mul => vec![&gradient * context.input(1)?, &gradient * context.input(0)?],
            Self::Div => {
                let (a, b) = (context.input(0)?, context.input(1)?);
                let part = gradient / b;
                vec![part.clone(), part * a / b * -1.0]
            }
        })
    }

    fn output_interval(&self, inputs: &[Interval]) -> Interval {
        match (self, inputs) {
            (Self::Sub, [a, b]) => *a - *b,
            (Self::Mul, [a, b]) if a.is_gate() && b.is_gate() => Interval::UNIT,
            _ => Interval::hull(inputs.iter().copied()).sign_only(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::testing::{check, numbers};
    use burn_flex::Flex;

    #[test]
    fn gradients_go_to_both() {
        for layer in [Arithmetic::Sub, Arithmetic::Mul, Arithmetic::Div] {
            check(layer, &[numbers(&[2, 3], 1), numbers(&[2, 3], 2).abs() + 0.5]);
        }
    }

    #[test]
    fn shapes_must_be_equal() {
        let dims = |inputs: &[&[usize]]| LayerOps::<Flex>::output_dims(&Arithmetic::Mul, inputs);
        assert!(matches!(dims(&[&[1, 2], &[1, 1]]), Err(LayerError::UnequalShapes { .. })));
        assert!(matches!(dims(&[&[1, 2]]), Err(LayerError::Arity { got: 1, .. })));
    }
}
