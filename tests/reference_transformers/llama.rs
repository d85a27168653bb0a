//! `LlamaForCausalLM`: RMS norm, rotary embedding, grouped queries, SwiGLU; the scores of the next token.

use burn::module::Module;
use burn::nn::{Embedding, Linear, RmsNorm, RotaryEncoding, RotaryEncodingConfig};
use burn::tensor::activation::{silu, softmax};
use burn::tensor::backend::Backend;
use burn::tensor::{Bool, Int, Tensor};

use super::data::File;
use super::{HEADS, LAYERS, WIDTH};

const KEY_HEADS: usize = 2;
const SIZE: usize = WIDTH / HEADS;
const EPSILON: f64 = 1e-6;

#[derive(Module, Debug)]
pub(super) struct Llama<B: Backend> {
    embedding: Embedding<B>,
    layers: Vec<Layer<B>>,
    norm: RmsNorm<B>,
    head: Linear<B>,
}

#[derive(Module, Debug)]
struct Layer<B: Backend> {
    attention_norm: RmsNorm<B>,
    query: Linear<B>,
    key: Linear<B>,
    value: Linear<B>,
    out: Linear<B>,
    rotary: RotaryEncoding<B>,
    mlp_norm: RmsNorm<B>,
    gate: Linear<B>,
    up: Linear<B>,
    down: Linear<B>,
}

/// `transformers` turns element `i` of a head with element `i + SIZE / 2`, Burn each even element with the next.
/// Both are the same network when the outputs of the linear are put in that order.
fn interleaved<B: Backend>(linear: Linear<B>) -> Linear<B> {
    let weight = linear.weight.map(|weight| {
        let [from, to] = weight.dims();
        weight.reshape([from, to / SIZE, 2, SIZE / 2]).swap_dims(2, 3).reshape([from, to])
    });
    Linear { weight, bias: None }
}

fn repeat<B: Backend>(x: Tensor<B, 4>) -> Tensor<B, 4> {
    let [batch, heads, tokens, size] = x.dims();
    x.unsqueeze_dim::<5>(2).repeat_dim(2, HEADS / heads).reshape([batch, HEADS, tokens, size])
}

impl<B: Backend> Layer<B> {
    fn load(file: File, at: &str) -> Self {
        let linear = |name| file.linear_without_bias(&format!("{at}.{name}"));
        let norm = |name| file.rms_norm(&format!("{at}.{name}"), WIDTH, EPSILON);
        Self {
            attention_norm: norm("input_layernorm"),
            query: interleaved(linear("self_attn.q_proj")),
            key: interleaved(linear("self_attn.k_proj")),
            value: linear("self_attn.v_proj"),
            out: linear("self_attn.o_proj"),
            rotary: RotaryEncodingConfig::new(16, SIZE).init(&Default::default()),
            mlp_norm: norm("post_attention_layernorm"),
            gate: linear("mlp.gate_proj"),
            up: linear("mlp.up_proj"),
            down: linear("mlp.down_proj"),
        }
    }

    fn forward(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        let [batch, tokens, width] = x.dims();
        let heads = |x: Tensor<B, 3>, heads| x.reshape([batch, tokens, heads, SIZE]).swap_dims(1, 2);
        let normal = self.attention_norm.forward(x.clone());
        let query = self.rotary.forward(heads(self.query.forward(normal.clone()), HEADS));
        let key = self.rotary.forward(heads(self.key.forward(normal.clone()), KEY_HEADS));
        let value = heads(self.value.forward(normal), KEY_HEADS);
        let scores = query.matmul(repeat(key).transpose()) / (SIZE as f64).sqrt();
        let later = Tensor::<B, 2, Bool>::tril_mask([tokens, tokens], 0, &x.device());
        let weights = softmax(scores.mask_fill(later.unsqueeze(), f32::NEG_INFINITY), 3);
        let context = weights.matmul(repeat(value)).swap_dims(1, 2).reshape([batch, tokens, width]);
        let x = x + self.out.forward(context);
        let normal = self.mlp_norm.forward(x.clone());
        let hidden = silu(self.gate.forward(normal.clone())) * self.up.forward(normal);
        x + self.down.forward(hidden)
    }
}

impl<B: Backend> Llama<B> {
    pub(super) fn load(file: File) -> Self {
        Self {
            embedding: file.embedding("model.embed_tokens"),
            layers: (0..LAYERS).map(|i| Layer::load(file, &format!("model.layers.{i}"))).collect(),
            norm: file.rms_norm("model.norm", WIDTH, EPSILON),
            head: file.linear_without_bias("lm_head"),
        }
    }

    pub(super) fn forward(&self, ids: Tensor<B, 2, Int>) -> Tensor<B, 2> {
        self.decode(self.embedding.forward(ids))
    }

    pub(super) fn decode(&self, embedded: Tensor<B, 3>) -> Tensor<B, 2> {
        let [_, tokens, _] = embedded.dims();
        let x = self.layers.iter().fold(embedded, |x, layer| layer.forward(x));
        let last = x.narrow(1, tokens - 1, 1).squeeze_dim::<2>(1);
        self.head.forward(self.norm.forward(last))
    }
}
