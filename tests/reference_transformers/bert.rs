//! `BertForSequenceClassification`: post-norm, a padding mask, GELU, a pooler on the first token.

use burn::module::Module;
use burn::nn::attention::{MhaInput, MultiHeadAttention, MultiHeadAttentionConfig};
use burn::nn::{Embedding, LayerNorm, Linear};
use burn::tensor::activation::gelu;
use burn::tensor::backend::Backend;
use burn::tensor::{Bool, Int, Tensor};

use super::data::File;
use super::{HEADS, LAYERS, WIDTH};

const EPSILON: f64 = 1e-12;

#[derive(Module, Debug)]
pub(super) struct Bert<B: Backend> {
    words: Embedding<B>,
    positions: Embedding<B>,
    types: Embedding<B>,
    norm: LayerNorm<B>,
    layers: Vec<Layer<B>>,
    pooler: Linear<B>,
    classifier: Linear<B>,
}

#[derive(Module, Debug)]
struct Layer<B: Backend> {
    attention: MultiHeadAttention<B>,
    attention_norm: LayerNorm<B>,
    intermediate: Linear<B>,
    output: Linear<B>,
    output_norm: LayerNorm<B>,
}

impl<B: Backend> Layer<B> {
    fn load(file: File, at: &str) -> Self {
        let mut attention = MultiHeadAttentionConfig::new(WIDTH, HEADS).init(&Default::default());
        attention.query = file.linear(&format!("{at}.attention.self.query"));
        attention.key = file.linear(&format!("{at}.attention.self.key"));
        attention.value = file.linear(&format!("{at}.attention.self.value"));
        attention.output = file.linear(&format!("{at}.attention.output.dense"));
        Self {
            attention,
            attention_norm: file.layer_norm(&format!("{at}.attention.output.LayerNorm"), WIDTH, EPSILON),
            intermediate: file.linear(&format!("{at}.intermediate.dense")),
            output: file.linear(&format!("{at}.output.dense")),
            output_norm: file.layer_norm(&format!("{at}.output.LayerNorm"), WIDTH, EPSILON),
        }
    }

    fn forward(&self, x: Tensor<B, 3>, padding: Tensor<B, 2, Bool>) -> Tensor<B, 3> {
        let attended = self.attention.forward(MhaInput::self_attn(x.clone()).mask_pad(padding)).context;
        let x = self.attention_norm.forward(x + attended);
        let hidden = gelu(self.intermediate.forward(x.clone()));
        self.output_norm.forward(x + self.output.forward(hidden))
    }
}

impl<B: Backend> Bert<B> {
    pub(super) fn load(file: File) -> Self {
        let at = "bert.embeddings";
        Self {
            words: file.embedding(&format!("{at}.word_embeddings")),
            positions: file.embedding(&format!("{at}.position_embeddings")),
            types: file.embedding(&format!("{at}.token_type_embeddings")),
            norm: file.layer_norm(&format!("{at}.LayerNorm"), WIDTH, EPSILON),
            layers: (0..LAYERS).map(|i| Layer::load(file, &format!("bert.encoder.layer.{i}"))).collect(),
            pooler: file.linear("bert.pooler.dense"),
            classifier: file.linear("classifier"),
        }
    }

    pub(super) fn forward(&self, ids: Tensor<B, 2, Int>, padding: Tensor<B, 2, Bool>) -> Tensor<B, 2> {
        self.encode(self.words.forward(ids), padding)
    }

    /// From the embedded words; types are all 0.
    pub(super) fn encode(&self, words: Tensor<B, 3>, padding: Tensor<B, 2, Bool>) -> Tensor<B, 2> {
        let [batch, tokens, _] = words.dims();
        let positions = Tensor::<B, 1, Int>::arange(0..tokens as i64, &words.device()).unsqueeze();
        let types = self.types.forward(Tensor::zeros([batch, tokens], &words.device()));
        let x = self.norm.forward(words + types + self.positions.forward(positions));
        let x = self.layers.iter().fold(x, |x, layer| layer.forward(x, padding.clone()));
        let first = x.narrow(1, 0, 1).squeeze_dim::<2>(1);
        self.classifier.forward(self.pooler.forward(first).tanh())
    }
}
