//! all-MiniLM-L6-v2, written as any Burn user writes a network.
//!
//! Nothing in it knows that it will be explained: no hooks, no wrapped layers, no second forward pass.
//!
//! Wang et al., "MiniLM", NeurIPS 2020, arXiv 2002.10957, is the small BERT (Devlin et al., NAACL 2019, arXiv
//! 1810.04805) that Reimers and Gurevych's Sentence-BERT (EMNLP 2019, arXiv 1908.10084) was trained from.

use burn::module::Module;
use burn::nn::{Embedding, EmbeddingConfig, Gelu, LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::tensor::activation::softmax;
use burn::tensor::linalg::{Norm, vector_normalize};
use burn::tensor::{Bool, Int, Tensor, backend::Backend};

/// Numbers of a sentence embedding.
pub const HIDDEN: usize = 384;

/// Numbers between the two linear layers of a block.
const WIDE: usize = 1536;
/// Parts of a token that attend to others, each on its own.
const HEADS: usize = 12;
const LAYERS: usize = 6;
const VOCABULARY: usize = 30522;
const POSITIONS: usize = 512;
/// BERT tells the first text of a pair from the second; a single sentence is all first.
const TOKEN_TYPES: usize = 2;
/// What layer norms add to the variance; BERT's value, not that of Burn and PyTorch.
const NORM_EPSILON: f64 = 1e-12;
/// The least length by which an embedding is divided, as in PyTorch's `normalize`.
const LENGTH_EPSILON: f64 = 1e-12;

fn linear<B: Backend>(from: usize, to: usize, device: &B::Device) -> Linear<B> {
    LinearConfig::new(from, to).init(device)
}

fn norm<B: Backend>(device: &B::Device) -> LayerNorm<B> {
    LayerNormConfig::new(HIDDEN).with_epsilon(NORM_EPSILON).init(device)
}

/// Attention of all tokens to all real ones.
#[derive(Module, Debug)]
pub struct Attention<B: Backend> {
    query: Linear<B>,
    key: Linear<B>,
    value: Linear<B>,
    output: Linear<B>,
}

impl<B: Backend> Attention<B> {
    fn new(device: &B::Device) -> Self {
        let [query, key, value, output] = [(); 4].map(|()| linear(HIDDEN, HIDDEN, device));
        Self { query, key, value, output }
    }

    fn forward(&self, x: Tensor<B, 3>, padding: Tensor<B, 4, Bool>) -> Tensor<B, 3> {
        let [batch, tokens, _] = x.dims();
        let width = HIDDEN / HEADS;
        let heads = |x: Tensor<B, 3>| x.reshape([batch, tokens, HEADS, width]).swap_dims(1, 2);
        let query = heads(self.query.forward(x.clone()));
        let key = heads(self.key.forward(x.clone()));
        let value = heads(self.value.forward(x));
        let scores = query.matmul(key.transpose()) / (width as f64).sqrt();
        let weights = softmax(scores.mask_fill(padding, f32::NEG_INFINITY), 3);
        let seen = weights.matmul(value).swap_dims(1, 2);
        self.output.forward(seen.reshape([batch, tokens, HIDDEN]))
    }
}

/// Attention, then two linear layers on each token; each added to its input and normalised.
#[derive(Module, Debug)]
pub struct Block<B: Backend> {
    attention: Attention<B>,
    attention_norm: LayerNorm<B>,
    widen: Linear<B>,
    gelu: Gelu,
    narrow: Linear<B>,
    norm: LayerNorm<B>,
}

impl<B: Backend> Block<B> {
    fn new(device: &B::Device) -> Self {
        Self {
            attention: Attention::new(device),
            attention_norm: norm(device),
            widen: linear(HIDDEN, WIDE, device),
            gelu: Gelu::new(),
            narrow: linear(WIDE, HIDDEN, device),
            norm: norm(device),
        }
    }

    fn forward(&self, x: Tensor<B, 3>, padding: Tensor<B, 4, Bool>) -> Tensor<B, 3> {
        let x = self.attention_norm.forward(x.clone() + self.attention.forward(x, padding));
        let wide = self.gelu.forward(self.widen.forward(x.clone()));
        self.norm.forward(x + self.narrow.forward(wide))
    }
}

/// The network: from token ids to an embedding of the sentence.
#[derive(Module, Debug)]
pub struct MiniLm<B: Backend> {
    words: Embedding<B>,
    positions: Embedding<B>,
    token_types: Embedding<B>,
    norm: LayerNorm<B>,
    blocks: Vec<Block<B>>,
}

impl<B: Backend> MiniLm<B> {
    /// The network with random weights.
    pub fn new(device: &B::Device) -> Self {
        let table = |rows| EmbeddingConfig::new(rows, HIDDEN).init(device);
        Self {
            words: table(VOCABULARY),
            positions: table(POSITIONS),
            token_types: table(TOKEN_TYPES),
            norm: norm(device),
            blocks: (0..LAYERS).map(|_| Block::new(device)).collect(),
        }
    }

    /// Embeddings `[batch, 384]` of length 1, from token ids `[batch, tokens]` and a mask of the same shape
    /// that is true for real tokens and false for padding. At most 512 tokens.
    pub fn forward(&self, ids: Tensor<B, 2, Int>, mask: Tensor<B, 2, Bool>) -> Tensor<B, 2> {
        let device = ids.device();
        let [batch, tokens] = ids.dims();
        let positions = self.positions.forward(Tensor::arange(0..tokens as i64, &device).unsqueeze());
        let token_types = self.token_types.forward(Tensor::zeros([1, tokens], &device));
        // Nobody attends to padding.
        let padding = mask.clone().bool_not().reshape([batch, 1, 1, tokens]);
        let padding = padding.expand([batch, HEADS, tokens, tokens]);

        let mut x = self.norm.forward(self.words.forward(ids) + positions + token_types);
        for block in &self.blocks {
            x = block.forward(x, padding.clone());
        }
        // The mean of the real tokens.
        let real = mask.float().unsqueeze_dim::<3>(2);
        let count = real.clone().sum_dim(1);
        normalize(((x * real).sum_dim(1) / count).squeeze_dim(1))
    }
}

/// Vectors `[batch, n]` at length 1.
pub fn normalize<B: Backend>(vectors: Tensor<B, 2>) -> Tensor<B, 2> {
    vector_normalize(vectors, Norm::L2, 1, LENGTH_EPSILON)
}
