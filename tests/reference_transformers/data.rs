//! What scripts/reference-transformers.py wrote.

use burn::module::Param;
use burn::nn::{Embedding, LayerNorm, LayerNormConfig, Linear, RmsNorm, RmsNormConfig};
use burn::tensor::backend::Backend;
use burn::tensor::{Int, Tensor, TensorData};
use safetensors::{Dtype, SafeTensors};

/// One model: weights, inputs, output and relevances.
#[derive(Clone, Copy)]
pub(super) struct File(pub(super) &'static [u8]);

impl File {
    fn data(self, name: &str, dtype: Dtype) -> (Vec<[u8; 4]>, Vec<usize>) {
        let file = SafeTensors::deserialize(self.0).unwrap();
        let view = file.tensor(name).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(view.dtype(), dtype, "{name}");
        (view.data().as_chunks().0.to_vec(), view.shape().to_vec())
    }

    pub(super) fn floats<B: Backend, const D: usize>(self, name: &str) -> Tensor<B, D> {
        let (bytes, dims) = self.data(name, Dtype::F32);
        let values = bytes.into_iter().map(f32::from_le_bytes).collect();
        Tensor::from_data(TensorData::new::<f32, _>(values, dims), &Default::default())
    }

    pub(super) fn ints<B: Backend, const D: usize>(self, name: &str) -> Tensor<B, D, Int> {
        let (bytes, dims) = self.data(name, Dtype::I32);
        let values = bytes.into_iter().map(i32::from_le_bytes).collect();
        Tensor::from_data(TensorData::new::<i32, _>(values, dims), &Default::default())
    }

    pub(super) fn numbers(self, name: &str) -> Vec<f64> {
        let (bytes, _) = self.data(name, Dtype::F32);
        bytes.into_iter().map(|bytes| f32::from_le_bytes(bytes).into()).collect()
    }

    pub(super) fn weight<B: Backend, const D: usize>(self, at: &str) -> Param<Tensor<B, D>> {
        Param::from_tensor(self.floats(&format!("weight.{at}")))
    }

    /// A matrix of torch, which is the transpose of Burn's.
    pub(super) fn linear_without_bias<B: Backend>(self, at: &str) -> Linear<B> {
        let weight = self.weight::<B, 2>(&format!("{at}.weight")).map(Tensor::transpose);
        Linear { weight, bias: None }
    }

    pub(super) fn linear<B: Backend>(self, at: &str) -> Linear<B> {
        Linear { bias: Some(self.weight(&format!("{at}.bias"))), ..self.linear_without_bias(at) }
    }

    pub(super) fn embedding<B: Backend>(self, at: &str) -> Embedding<B> {
        Embedding { weight: self.weight(&format!("{at}.weight")) }
    }

    pub(super) fn layer_norm<B: Backend>(self, at: &str, width: usize, epsilon: f64) -> LayerNorm<B> {
        let mut norm = LayerNormConfig::new(width).with_epsilon(epsilon).init(&Default::default());
        norm.gamma = self.weight(&format!("{at}.weight"));
        norm.beta = Some(self.weight(&format!("{at}.bias")));
        norm
    }

    pub(super) fn rms_norm<B: Backend>(self, at: &str, width: usize, epsilon: f64) -> RmsNorm<B> {
        let norm = RmsNormConfig::new(width).with_epsilon(epsilon).init(&Default::default());
        RmsNorm { gamma: self.weight(&format!("{at}.weight")), ..norm }
    }
}
