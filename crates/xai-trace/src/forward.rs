//! What a forward function may take and return.

use std::fmt::Display;
use std::sync::Arc;

use burn::tensor::{Bool, Int, Tensor, TensorPrimitive};
use burn_backend::Backend;
use xai_core::model::{Input, InputKind, Inputs};

use crate::backend::Traced;
use crate::mask::TracedMask;
use crate::tensor::{Node, TracedTensor};

/// What a forward function takes: a float, int or bool tensor on [`Traced<B>`], or a tuple of up to
/// four.
pub trait ForwardInputs<B: Backend>: Sized {
    /// Type and number of dimensions of each.
    fn kinds() -> Vec<(InputKind, usize)>;

    /// The inputs as the function takes them; `None` if they are of other types. Float inputs are
    /// followed if they are to be `recorded`.
    #[doc(hidden)]
    fn take(inputs: &Inputs<B>, recorded: &mut Recording<B>) -> Option<Self>;
}

/// The inputs of one recording.
#[doc(hidden)]
pub struct Recording<B: Backend> {
    /// Whether float inputs are followed.
    pub(crate) follows: bool,
    /// The node of each float input.
    pub(crate) nodes: Vec<Arc<Node<B>>>,
}

/// One tensor that a forward function takes.
trait ForwardInput<B: Backend>: Sized {
    const KIND: InputKind;
    const RANK: usize;
    fn take(input: &Input<B>, recorded: &mut Recording<B>) -> Option<Self>;
}

impl<B: Backend, const D: usize> ForwardInput<B> for Tensor<Traced<B>, D> {
    const KIND: InputKind = InputKind::Float;
    const RANK: usize = D;

    fn take(input: &Input<B>, recorded: &mut Recording<B>) -> Option<Self> {
        let primitive = input.float()?.clone().into_primitive();
        let traced = match recorded.follows {
            true => {
                let (traced, node) = TracedTensor::input(primitive);
                recorded.nodes.push(node);
                traced
            }
            false => TracedTensor::constant(primitive),
        };
        Some(Tensor::from_primitive(TensorPrimitive::Float(traced)))
    }
}

impl<B: Backend, const D: usize> ForwardInput<B> for Tensor<Traced<B>, D, Int> {
    const KIND: InputKind = InputKind::Int;
    const RANK: usize = D;

    fn take(input: &Input<B>, _: &mut Recording<B>) -> Option<Self> {
        match input {
            Input::Int(tensor) => Some(Tensor::from_primitive(tensor.clone())),
            _ => None,
        }
    }
}

impl<B: Backend, const D: usize> ForwardInput<B> for Tensor<Traced<B>, D, Bool> {
    const KIND: InputKind = InputKind::Bool;
    const RANK: usize = D;

    fn take(input: &Input<B>, _: &mut Recording<B>) -> Option<Self> {
        match input {
            Input::Bool(tensor) => Some(Tensor::from_primitive(TracedMask::constant(tensor.clone()))),
            _ => None,
        }
    }
}

macro_rules! single {
    ($($tensor:ty),*) => {$(
        impl<B: Backend, const D: usize> ForwardInputs<B> for $tensor {
            fn kinds() -> Vec<(InputKind, usize)> {
                vec![(Self::KIND, Self::RANK)]
            }

            fn take(inputs: &Inputs<B>, recorded: &mut Recording<B>) -> Option<Self> {
                inputs.iter().next().and_then(|input| ForwardInput::take(input, recorded))
            }
        }
    )*};
}
single!(Tensor<Traced<B>, D>, Tensor<Traced<B>, D, Int>, Tensor<Traced<B>, D, Bool>);

macro_rules! tuples {
    ($(($($input:ident),*)),* $(,)?) => {$(
        #[allow(private_bounds)]
        impl<B: Backend, $($input: ForwardInput<B>),*> ForwardInputs<B> for ($($input,)*) {
            fn kinds() -> Vec<(InputKind, usize)> {
                vec![$(($input::KIND, $input::RANK)),*]
            }

            fn take(inputs: &Inputs<B>, recorded: &mut Recording<B>) -> Option<Self> {
                let mut inputs = inputs.iter();
                Some(($($input::take(inputs.next()?, recorded)?,)*))
            }
        }
    )*};
}
tuples!((X1), (X1, X2), (X1, X2, X3), (X1, X2, X3, X4));

/// What a forward function returns: a tensor on [`Traced<B>`], a tuple of up to four, a `Vec`, or a
/// `Result` of any of these. Outputs are counted from 0 in this order.
pub trait ForwardOutputs<B: Backend> {
    /// Adds all outputs to `outputs`.
    ///
    /// # Errors
    /// The text of the function's own error.
    #[doc(hidden)]
    fn collect(self, outputs: &mut Vec<Output<B>>) -> Result<(), String>;
}

/// One output of a forward function.
#[doc(hidden)]
pub enum Output<B: Backend> {
    Float(TracedTensor<B>),
    Other(InputKind),
}

impl<B: Backend, const D: usize> ForwardOutputs<B> for Tensor<Traced<B>, D> {
    fn collect(self, outputs: &mut Vec<Output<B>>) -> Result<(), String> {
        outputs.push(Output::Float(self.into_primitive().tensor()));
        Ok(())
    }
}

impl<B: Backend, const D: usize> ForwardOutputs<B> for Tensor<Traced<B>, D, Int> {
    fn collect(self, outputs: &mut Vec<Output<B>>) -> Result<(), String> {
        outputs.push(Output::Other(InputKind::Int));
        Ok(())
    }
}

impl<B: Backend, const D: usize> ForwardOutputs<B> for Tensor<Traced<B>, D, Bool> {
    fn collect(self, outputs: &mut Vec<Output<B>>) -> Result<(), String> {
        outputs.push(Output::Other(InputKind::Bool));
        Ok(())
    }
}

impl<B: Backend, T: ForwardOutputs<B>> ForwardOutputs<B> for Vec<T> {
    fn collect(self, outputs: &mut Vec<Output<B>>) -> Result<(), String> {
        self.into_iter().try_for_each(|output| output.collect(outputs))
    }
}

impl<B: Backend, T: ForwardOutputs<B>, E: Display> ForwardOutputs<B> for Result<T, E> {
    fn collect(self, outputs: &mut Vec<Output<B>>) -> Result<(), String> {
        self.map_err(|error| error.to_string())?.collect(outputs)
    }
}

macro_rules! output_tuples {
    ($(($($name:ident: $output:ident),*)),* $(,)?) => {$(
        impl<B: Backend, $($output: ForwardOutputs<B>),*> ForwardOutputs<B> for ($($output,)*) {
            fn collect(self, outputs: &mut Vec<Output<B>>) -> Result<(), String> {
                let ($($name,)*) = self;
                $($name.collect(outputs)?;)*
                Ok(())
            }
        }
    )*};
}
output_tuples!((a: Y1), (a: Y1, b: Y2), (a: Y1, b: Y2, c: Y3), (a: Y1, b: Y2, c: Y3, d: Y4));
