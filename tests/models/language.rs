//! Transformers that read text.

use burn::module::Module;
use burn::nn::attention::{
    MhaInput, MultiHeadAttention, MultiHeadAttentionConfig, generate_autoregressive_mask,
};
use burn::nn::{
    Dropout, DropoutConfig, Embedding, EmbeddingConfig, Gelu, LayerNorm, LayerNormConfig, Linear,
    LinearConfig, RmsNorm, RmsNormConfig, RotaryEncoding, RotaryEncodingConfig,
};
use burn::tensor::activation::{gelu, silu, softmax};
use burn::tensor::backend::Backend;
use burn::tensor::{Bool, Int, Tensor};

use crate::data::Given::{Floats, Ids, Padding};
use crate::harness::{NO_RELU, networks};
use crate::methods::NO_MAP;

networks! {
    bert: Bert, |net, (ids, types, padding)| net.forward(ids, types, padding),
        [Ids(&[7], 20), Ids(&[7], 2), Padding(7)],
        NO_RELU, refused by NO_MAP;
    bert_from_embeddings: Bert, |net, (x, padding)| net.encode(x, padding),
        [Floats(&[7, 8]), Padding(7)],
        NO_RELU, refused by NO_MAP;
    llama: Llama, |net, ids| net.forward(ids),
        [Ids(&[6], 20)],
        NO_RELU, refused by NO_MAP;
    llama_from_embeddings: Llama, |net, x| net.decode(x),
        [Floats(&[6, 16])],
        NO_RELU, refused by NO_MAP;
    gpt2: Gpt2, |net, ids| net.forward(ids),
        [Ids(&[6], 20)],
        NO_RELU, refused by NO_MAP;
    gpt2_from_embeddings: Gpt2, |net, x| net.decode(x),
        [Floats(&[6, 8])],
        NO_RELU, refused by NO_MAP;
}

/// BERT: post-norm, learned positions, a padding mask, a pooler on the first token.
#[derive(Module, Debug)]
struct Bert<B: Backend> {
    words: Embedding<B>,
    positions: Embedding<B>,
    types: Embedding<B>,
    norm: LayerNorm<B>,
    dropout: Dropout,
    layers: Vec<BertLayer<B>>,
    pooler: Linear<B>,
    classifier: Linear<B>,
}

#[derive(Module, Debug)]
struct BertLayer<B: Backend> {
    attention: MultiHeadAttention<B>,
    attention_norm: LayerNorm<B>,
    intermediate: Linear<B>,
    output: Linear<B>,
    output_norm: LayerNorm<B>,
    dropout: Dropout,
}

impl<B: Backend> BertLayer<B> {
    fn new(width: usize, device: &B::Device) -> Self {
        Self {
            attention: MultiHeadAttentionConfig::new(width, 2).init(device),
            attention_norm: LayerNormConfig::new(width).with_epsilon(1e-12).init(device),
            intermediate: LinearConfig::new(width, 4 * width).init(device),
            output: LinearConfig::new(4 * width, width).init(device),
            output_norm: LayerNormConfig::new(width).with_epsilon(1e-12).init(device),
            dropout: DropoutConfig::new(0.1).init(),
        }
    }

    fn forward(&self, x: Tensor<B, 3>, padding: Tensor<B, 2, Bool>) -> Tensor<B, 3> {
        let attended = self.attention.forward(MhaInput::self_attn(x.clone()).mask_pad(padding)).context;
        let x = self.attention_norm.forward(x + self.dropout.forward(attended));
        let hidden = gelu(self.intermediate.forward(x.clone()));
        let hidden = self.dropout.forward(self.output.forward(hidden));
        self.output_norm.forward(x + hidden)
    }
}

impl<B: Backend> Bert<B> {
    fn new(device: &B::Device) -> Self {
        Self {
            words: EmbeddingConfig::new(20, 8).init(device),
            positions: EmbeddingConfig::new(10, 8).init(device),
            types: EmbeddingConfig::new(2, 8).init(device),
            norm: LayerNormConfig::new(8).with_epsilon(1e-12).init(device),
            dropout: DropoutConfig::new(0.1).init(),
            layers: (0..2).map(|_| BertLayer::new(8, device)).collect(),
            pooler: LinearConfig::new(8, 8).init(device),
            classifier: LinearConfig::new(8, 3).init(device),
        }
    }

    fn forward(
        &self,
        ids: Tensor<B, 2, Int>,
        types: Tensor<B, 2, Int>,
        padding: Tensor<B, 2, Bool>,
    ) -> Tensor<B, 2> {
        let [_, tokens] = ids.dims();
        let positions = Tensor::<B, 1, Int>::arange(0..tokens as i64, &ids.device()).unsqueeze();
        let embedded =
            self.words.forward(ids) + self.positions.forward(positions) + self.types.forward(types);
        self.encode(embedded, padding)
    }

    fn encode(&self, embedded: Tensor<B, 3>, padding: Tensor<B, 2, Bool>) -> Tensor<B, 2> {
        let mut x = self.dropout.forward(self.norm.forward(embedded));
        for layer in &self.layers {
            x = layer.forward(x, padding.clone());
        }
        let first = x.narrow(1, 0, 1).squeeze_dim::<2>(1);
        self.classifier.forward(self.pooler.forward(first).tanh())
    }
}

/// Rotary embedding, grouped queries, RMS norm, SwiGLU; the scores of the next token.
#[derive(Module, Debug)]
struct Llama<B: Backend> {
    embedding: Embedding<B>,
    layers: Vec<LlamaLayer<B>>,
    norm: RmsNorm<B>,
    head: Linear<B>,
}

#[derive(Module, Debug)]
struct LlamaLayer<B: Backend> {
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

impl<B: Backend> LlamaLayer<B> {
    const HEADS: usize = 4;
    const KEY_HEADS: usize = 2;
    const SIZE: usize = 4;

    fn new(device: &B::Device) -> Self {
        let linear = |from, to| LinearConfig::new(from, to).with_bias(false).init(device);
        let width = Self::HEADS * Self::SIZE;
        Self {
            attention_norm: RmsNormConfig::new(width).init(device),
            query: linear(width, width),
            key: linear(width, Self::KEY_HEADS * Self::SIZE),
            value: linear(width, Self::KEY_HEADS * Self::SIZE),
            out: linear(width, width),
            rotary: RotaryEncodingConfig::new(16, Self::SIZE).init(device),
            mlp_norm: RmsNormConfig::new(width).init(device),
            gate: linear(width, 24),
            up: linear(width, 24),
            down: linear(24, width),
        }
    }

    fn repeat(x: Tensor<B, 4>) -> Tensor<B, 4> {
        let [batch, heads, tokens, size] = x.dims();
        let times = Self::HEADS / heads;
        x.unsqueeze_dim::<5>(2).repeat_dim(2, times).reshape([batch, heads * times, tokens, size])
    }

    fn forward(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        let [batch, tokens, width] = x.dims();
        let heads = |x: Tensor<B, 3>, heads| x.reshape([batch, tokens, heads, Self::SIZE]).swap_dims(1, 2);
        let normal = self.attention_norm.forward(x.clone());
        let query = self.rotary.forward(heads(self.query.forward(normal.clone()), Self::HEADS));
        let key = self.rotary.forward(heads(self.key.forward(normal.clone()), Self::KEY_HEADS));
        let value = heads(self.value.forward(normal), Self::KEY_HEADS);
        let scores = query.matmul(Self::repeat(key).transpose()) / (Self::SIZE as f64).sqrt();
        let mask = Tensor::<B, 2, Bool>::tril_mask([tokens, tokens], 0, &x.device());
        let weights = softmax(scores.mask_fill(mask.unsqueeze(), f32::NEG_INFINITY), 3);
        let context = weights.matmul(Self::repeat(value)).swap_dims(1, 2).reshape([batch, tokens, width]);
        let x = x + self.out.forward(context);
        let normal = self.mlp_norm.forward(x.clone());
        let hidden = silu(self.gate.forward(normal.clone())) * self.up.forward(normal);
        x + self.down.forward(hidden)
    }
}

impl<B: Backend> Llama<B> {
    fn new(device: &B::Device) -> Self {
        Self {
            embedding: EmbeddingConfig::new(20, 16).init(device),
            layers: (0..2).map(|_| LlamaLayer::new(device)).collect(),
            norm: RmsNormConfig::new(16).init(device),
            head: LinearConfig::new(16, 20).with_bias(false).init(device),
        }
    }

    fn forward(&self, ids: Tensor<B, 2, Int>) -> Tensor<B, 2> {
        self.decode(self.embedding.forward(ids))
    }

    fn decode(&self, embedded: Tensor<B, 3>) -> Tensor<B, 2> {
        let [_, tokens, _] = embedded.dims();
        let x = self.layers.iter().fold(embedded, |x, layer| layer.forward(x));
        let last = x.narrow(1, tokens - 1, 1).squeeze_dim::<2>(1);
        self.head.forward(self.norm.forward(last))
    }
}

/// Pre-norm, one linear for query, key and value, GELU by tanh; scores at every token.
#[derive(Module, Debug)]
struct Gpt2<B: Backend> {
    words: Embedding<B>,
    positions: Embedding<B>,
    blocks: Vec<Gpt2Block<B>>,
    norm: LayerNorm<B>,
    head: Linear<B>,
}

#[derive(Module, Debug)]
struct Gpt2Block<B: Backend> {
    norm_1: LayerNorm<B>,
    attention: Linear<B>,
    projection: Linear<B>,
    norm_2: LayerNorm<B>,
    up: Linear<B>,
    activation: Gelu,
    down: Linear<B>,
}

impl<B: Backend> Gpt2Block<B> {
    fn new(device: &B::Device) -> Self {
        Self {
            norm_1: LayerNormConfig::new(8).init(device),
            attention: LinearConfig::new(8, 24).init(device),
            projection: LinearConfig::new(8, 8).init(device),
            norm_2: LayerNormConfig::new(8).init(device),
            up: LinearConfig::new(8, 32).init(device),
            activation: Gelu::new_approximate(),
            down: LinearConfig::new(32, 8).init(device),
        }
    }

    fn forward(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        let [batch, tokens, width] = x.dims();
        let mut parts = self.attention.forward(self.norm_1.forward(x.clone())).chunk(3, 2).into_iter();
        let mut heads = || parts.next().unwrap().reshape([batch, tokens, 2, width / 2]).swap_dims(1, 2);
        let (query, key, value) = (heads(), heads(), heads());
        let scores = query.matmul(key.transpose()).div_scalar(((width / 2) as f64).sqrt());
        let mask = generate_autoregressive_mask::<B>(batch, tokens, &x.device()).unsqueeze_dim::<4>(1);
        let weights = softmax(scores.mask_fill(mask, -1e9), 3);
        let context = weights.matmul(value).swap_dims(1, 2).reshape([batch, tokens, width]);
        let x = x + self.projection.forward(context);
        let hidden = self.activation.forward(self.up.forward(self.norm_2.forward(x.clone())));
        x + self.down.forward(hidden)
    }
}

impl<B: Backend> Gpt2<B> {
    fn new(device: &B::Device) -> Self {
        Self {
            words: EmbeddingConfig::new(20, 8).init(device),
            positions: EmbeddingConfig::new(10, 8).init(device),
            blocks: (0..2).map(|_| Gpt2Block::new(device)).collect(),
            norm: LayerNormConfig::new(8).init(device),
            head: LinearConfig::new(8, 20).with_bias(false).init(device),
        }
    }

    fn forward(&self, ids: Tensor<B, 2, Int>) -> Tensor<B, 3> {
        let [batch, tokens] = ids.dims();
        let positions = Tensor::<B, 1, Int>::arange(0..tokens as i64, &ids.device())
            .reshape([1, tokens])
            .repeat_dim(0, batch);
        self.decode(self.words.forward(ids) + self.positions.forward(positions))
    }

    fn decode(&self, embedded: Tensor<B, 3>) -> Tensor<B, 3> {
        let x = self.blocks.iter().fold(embedded, |x, block| block.forward(x));
        self.head.forward(self.norm.forward(x))
    }
}
