//! What forward functions take and return.

use std::fmt::Display;

use burn::tensor::{Bool, Int, Tensor};
use burn_backend::Backend;
use xai_core::Value;
use xai_core::model::{Input, InputKind};

use crate::backend::Traced;

/// The arguments of a forward function: a tensor of floats, ints or bools on [`Traced<B>`], or a tuple
/// of up to four.
#[diagnostic::on_unimplemented(
    message = "a forward function cannot take `{Self}`",
    note = "it takes a tensor on `Traced<B>`, or several as one argument: a closure `|net, (ids, mask)| ...`"
)]
pub trait ForwardInputs<B: Backend>: Sized {
    /// Type and number of dimensions of each tensor.
    fn kinds() -> Vec<(InputKind, usize)>;

    /// Takes the tensors from the front of `inputs`; `None` where there are none of their kinds.
    fn take(inputs: &mut impl Iterator<Item = Input<Traced<B>>>) -> Option<Self>;
}

/// All outputs of a forward function: float values, and the types of the others.
pub type Outputs<B> = Vec<Result<Value<Traced<B>>, InputKind>>;

/// What a forward function returns: a tensor, a tuple of up to four, a `Vec`, or a `Result` of those.
/// They may be nested; outputs are counted from first to last.
#[diagnostic::on_unimplemented(
    message = "a forward function cannot return `{Self}`",
    note = "return tensors on `Traced<B>`: one, a tuple of up to four, a `Vec`, or a `Result` of those"
)]
pub trait ForwardOutputs<B: Backend> {
    /// All outputs in order.
    ///
    /// # Errors
    /// The text of the error that the function returned.
    fn outputs(self) -> Result<Outputs<B>, String>;
}

impl<B: Backend, const D: usize> ForwardInputs<B> for Tensor<Traced<B>, D> {
    fn kinds() -> Vec<(InputKind, usize)> {
        vec![(InputKind::Float, D)]
    }

    fn take(inputs: &mut impl Iterator<Item = Input<Traced<B>>>) -> Option<Self> {
        inputs.next()?.floats().first()?.clone().into_tensor()
    }
}

impl<B: Backend, const D: usize> ForwardOutputs<B> for Tensor<Traced<B>, D> {
    fn outputs(self) -> Result<Outputs<B>, String> {
        Ok(vec![Ok(self.into())])
    }
}

macro_rules! discrete {
    ($($kind:ident),*) => {$(
        impl<B: Backend, const D: usize> ForwardInputs<B> for Tensor<Traced<B>, D, $kind> {
            fn kinds() -> Vec<(InputKind, usize)> {
                vec![(InputKind::$kind, D)]
            }

            fn take(inputs: &mut impl Iterator<Item = Input<Traced<B>>>) -> Option<Self> {
                match inputs.next()? {
                    input if input.dims().len() != D => None,
                    Input::$kind(primitive) => Some(Tensor::new(primitive)),
                    _ => None,
                }
            }
        }

        impl<B: Backend, const D: usize> ForwardOutputs<B> for Tensor<Traced<B>, D, $kind> {
            fn outputs(self) -> Result<Outputs<B>, String> {
                Ok(vec![Err(InputKind::$kind)])
            }
        }
    )*};
}
discrete!(Int, Bool);

macro_rules! tuples {
    ($(($($part:ident $type:ident),*)),* $(,)?) => {$(
        impl<B: Backend, $($type: ForwardInputs<B>),*> ForwardInputs<B> for ($($type,)*) {
            fn kinds() -> Vec<(InputKind, usize)> {
                [$($type::kinds()),*].concat()
            }

            fn take(inputs: &mut impl Iterator<Item = Input<Traced<B>>>) -> Option<Self> {
                Some(($($type::take(inputs)?,)*))
            }
        }

        impl<B: Backend, $($type: ForwardOutputs<B>),*> ForwardOutputs<B> for ($($type,)*) {
            fn outputs(self) -> Result<Outputs<B>, String> {
                let ($($part,)*) = self;
                Ok([$($part.outputs()?),*].concat())
            }
        }
    )*};
}
tuples!((a A), (a A, b C), (a A, b C, c D), (a A, b C, c D, d E));

impl<B: Backend, Y: ForwardOutputs<B>> ForwardOutputs<B> for Vec<Y> {
    fn outputs(self) -> Result<Outputs<B>, String> {
        let parts: Vec<_> = self.into_iter().map(Y::outputs).collect::<Result<_, _>>()?;
        Ok(parts.concat())
    }
}

impl<B: Backend, Y: ForwardOutputs<B>, E: Display> ForwardOutputs<B> for Result<Y, E> {
    fn outputs(self) -> Result<Outputs<B>, String> {
        // The long form, in which errors of some libraries say what caused them.
        self.map_err(|error| format!("{error:#}"))?.outputs()
    }
}
