//! Elementwise non-linearities.

use burn::nn;
use burn_backend::Backend;
use serde::{Deserialize, Serialize};

use super::{Layer, LayerKind, LayerOps, Reads, Site, one_input};
use crate::Value;
use crate::error::LayerError;

/// An elementwise non-linearity `y = f(x)`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Activation {
    /// `max(x, 0)`; its derivative at 0 is 0.
    Relu,
}

impl Activation {
    /// The activation's stable name, as composites write it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Relu => "relu",
        }
    }
}

impl<B: Backend> LayerOps<B> for Activation {
    fn kind(&self) -> LayerKind {
        LayerKind::Activation
    }

    fn output_dims(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, LayerError> {
        one_input(inputs).map(<[usize]>::to_vec)
    }

    fn forward(&self, inputs: &[&Value<B>]) -> Result<Value<B>, LayerError> {
        let x = one_input(inputs)?;
        Ok(match self {
            Self::Relu => Value::from_primitive(B::relu(x.clone().into_primitive())),
        })
    }

    fn vjp_reads(&self) -> Reads {
        match self {
            Self::Relu => Reads::OUTPUT,
        }
    }

    fn vjp(&self, site: &Site<'_, B>, gradient: Value<B>) -> Result<Vec<Value<B>>, LayerError> {
        Ok(vec![match self {
            Self::Relu => gradient.where_positive(site.output()?),
        }])
    }

    fn keeps_non_negative(&self, _: bool) -> bool {
        match self {
            Self::Relu => true,
        }
    }
}

impl<B: Backend> From<&nn::Relu> for Layer<B> {
    fn from(_: &nn::Relu) -> Self {
        Activation::Relu.into()
    }
}
