//! `ViTForImageClassification`: patches by a convolution, a class token, learned positions, pre-norm.

use burn::module::{Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{LayerNorm, Linear};
use burn::tensor::Tensor;
use burn::tensor::activation::{gelu, softmax};
use burn::tensor::backend::Backend;

use super::data::File;
use super::{HEADS, LAYERS, WIDTH};

const PATCH: usize = 4;
const EPSILON: f64 = 1e-6;

#[derive(Module, Debug)]
pub(super) struct Vit<B: Backend> {
    patches: Conv2d<B>,
    class_token: Param<Tensor<B, 3>>,
    positions: Param<Tensor<B, 3>>,
    layers: Vec<Layer<B>>,
    norm: LayerNorm<B>,
    head: Linear<B>,
}

#[derive(Module, Debug)]
struct Layer<B: Backend> {
    attention_norm: LayerNorm<B>,
    query: Linear<B>,
    key: Linear<B>,
    value: Linear<B>,
    out: Linear<B>,
    mlp_norm: LayerNorm<B>,
    up: Linear<B>,
    down: Linear<B>,
}

impl<B: Backend> Layer<B> {
    fn load(file: File, at: &str) -> Self {
        let linear = |name| file.linear(&format!("{at}.{name}"));
        let norm = |name| file.layer_norm(&format!("{at}.{name}"), WIDTH, EPSILON);
        Self {
            attention_norm: norm("layernorm_before"),
            query: linear("attention.attention.query"),
            key: linear("attention.attention.key"),
            value: linear("attention.attention.value"),
            out: linear("attention.output.dense"),
            mlp_norm: norm("layernorm_after"),
            up: linear("intermediate.dense"),
            down: linear("output.dense"),
        }
    }

    fn forward(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        let [batch, tokens, width] = x.dims();
        let size = WIDTH / HEADS;
        let normal = self.attention_norm.forward(x.clone());
        let [query, key, value] = [&self.query, &self.key, &self.value].map(|linear| {
            linear.forward(normal.clone()).reshape([batch, tokens, HEADS, size]).swap_dims(1, 2)
        });
        let scores = query.matmul(key.transpose()) * (size as f64).powf(-0.5);
        let context = softmax(scores, 3).matmul(value).swap_dims(1, 2).reshape([batch, tokens, width]);
        let x = x + self.out.forward(context);
        let hidden = gelu(self.up.forward(self.mlp_norm.forward(x.clone())));
        x + self.down.forward(hidden)
    }
}

impl<B: Backend> Vit<B> {
    pub(super) fn load(file: File) -> Self {
        let at = "vit.embeddings";
        let patches = Conv2dConfig::new([3, WIDTH], [PATCH, PATCH]).with_stride([PATCH, PATCH]);
        let mut patches = patches.init(&Default::default());
        patches.weight = file.weight(&format!("{at}.patch_embeddings.projection.weight"));
        patches.bias = Some(file.weight(&format!("{at}.patch_embeddings.projection.bias")));
        Self {
            patches,
            class_token: file.weight(&format!("{at}.cls_token")),
            positions: file.weight(&format!("{at}.position_embeddings")),
            layers: (0..LAYERS).map(|i| Layer::load(file, &format!("vit.encoder.layer.{i}"))).collect(),
            norm: file.layer_norm("vit.layernorm", WIDTH, EPSILON),
            head: file.linear("classifier"),
        }
    }

    pub(super) fn forward(&self, images: Tensor<B, 4>) -> Tensor<B, 2> {
        let x = self.patches.forward(images).flatten::<3>(2, 3).swap_dims(1, 2);
        let [batch, _, width] = x.dims();
        let token = self.class_token.val().expand([batch, 1, width]);
        let x = Tensor::cat(vec![token, x], 1) + self.positions.val();
        let x = self.layers.iter().fold(x, |x, layer| layer.forward(x));
        self.head.forward(self.norm.forward(x).narrow(1, 0, 1).squeeze_dim(1))
    }
}
