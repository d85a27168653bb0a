//! Transformers that read floats: encoders, decoders, cross attention.

use burn::module::{Module, Param};
use burn::nn::attention::{
    CrossAttention, CrossAttentionConfig, MhaInput, MultiHeadAttention, MultiHeadAttentionConfig,
    generate_autoregressive_mask,
};
use burn::nn::conv::{Conv1d, Conv1dConfig};
use burn::nn::transformer::{
    TransformerDecoder, TransformerDecoderConfig, TransformerDecoderInput, TransformerEncoder,
    TransformerEncoderConfig, TransformerEncoderInput,
};
use burn::nn::{
    Embedding, EmbeddingConfig, LayerNorm, LayerNormConfig, Linear, LinearConfig, PaddingConfig1d,
    PositionalEncoding, PositionalEncodingConfig,
};
use burn::tensor::activation::gelu;
use burn::tensor::backend::Backend;
use burn::tensor::module::attention;
use burn::tensor::ops::AttentionModuleOptions;
use burn::tensor::{Bool, Int, Tensor};

use crate::data::Given::{Floats, Ids, Padding};
use crate::harness::{ALL, NO_RELU, networks};
use crate::methods::NO_MAP;

networks! {
    whisper: Whisper, |net, (mel, tokens)| net.forward(mel, tokens),
        [Floats(&[6, 12]), Ids(&[5], 20)],
        NO_RELU;
    burn_encoder: Encoder, |net, (x, padding)| net.forward(x, padding),
        [Floats(&[6, 5]), Padding(6)],
        NO_RELU, refused by NO_MAP;
    burn_decoder: Translator, |net, (memory, target)| net.forward(memory, target),
        [Floats(&[5, 8]), Floats(&[4, 8])],
        NO_RELU, refused by NO_MAP;
    perceiver: Perceiver, |net, (x, padding)| net.forward(x, padding),
        [Floats(&[6, 5]), Padding(6)],
        ALL, refused by NO_MAP;
    fused_attention: Fused, |net, x| net.forward(x),
        [Floats(&[5, 8])],
        ALL, refused by NO_MAP;
}

/// A spectrogram is encoded behind two convolutions; a decoder with cross attention reads tokens, and its
/// scores share the weights of the embedding.
#[derive(Module, Debug)]
struct Whisper<B: Backend> {
    conv_1: Conv1d<B>,
    conv_2: Conv1d<B>,
    sinusoids: PositionalEncoding<B>,
    encoder: Vec<WhisperBlock<B>>,
    encoder_norm: LayerNorm<B>,
    tokens: Embedding<B>,
    positions: Param<Tensor<B, 2>>,
    decoder: Vec<WhisperBlock<B>>,
    decoder_norm: LayerNorm<B>,
}

#[derive(Module, Debug)]
struct WhisperBlock<B: Backend> {
    attention: MultiHeadAttention<B>,
    attention_norm: LayerNorm<B>,
    cross: Option<MultiHeadAttention<B>>,
    cross_norm: Option<LayerNorm<B>>,
    mlp_1: Linear<B>,
    mlp_2: Linear<B>,
    mlp_norm: LayerNorm<B>,
}

impl<B: Backend> WhisperBlock<B> {
    fn new(decodes: bool, device: &B::Device) -> Self {
        let attention = || MultiHeadAttentionConfig::new(8, 2).with_dropout(0.0).init(device);
        let norm = || LayerNormConfig::new(8).init(device);
        Self {
            attention: attention(),
            attention_norm: norm(),
            cross: decodes.then(attention),
            cross_norm: decodes.then(norm),
            mlp_1: LinearConfig::new(8, 16).init(device),
            mlp_2: LinearConfig::new(16, 8).init(device),
            mlp_norm: norm(),
        }
    }

    fn forward(&self, x: Tensor<B, 3>, audio: Option<Tensor<B, 3>>) -> Tensor<B, 3> {
        let mut input = MhaInput::self_attn(self.attention_norm.forward(x.clone()));
        if audio.is_some() {
            let [batch, tokens, _] = x.dims();
            input = input.mask_attn(generate_autoregressive_mask(batch, tokens, &x.device()));
        }
        let mut x = x + self.attention.forward(input).context;
        if let (Some(audio), Some(cross), Some(norm)) = (audio, &self.cross, &self.cross_norm) {
            let input = MhaInput::new(norm.forward(x.clone()), audio.clone(), audio);
            x = x + cross.forward(input).context;
        }
        let hidden = gelu(self.mlp_1.forward(self.mlp_norm.forward(x.clone())));
        x + self.mlp_2.forward(hidden)
    }
}

impl<B: Backend> Whisper<B> {
    fn new(device: &B::Device) -> Self {
        let conv = |from, stride| {
            let config = Conv1dConfig::new(from, 8, 3).with_stride(stride);
            config.with_padding(PaddingConfig1d::Explicit(1, 1)).init(device)
        };
        Self {
            conv_1: conv(6, 1),
            conv_2: conv(8, 2),
            sinusoids: PositionalEncodingConfig::new(8).with_max_sequence_size(16).init(device),
            encoder: vec![WhisperBlock::new(false, device)],
            encoder_norm: LayerNormConfig::new(8).init(device),
            tokens: EmbeddingConfig::new(20, 8).init(device),
            positions: Param::from_tensor(Tensor::zeros([10, 8], device)),
            decoder: vec![WhisperBlock::new(true, device)],
            decoder_norm: LayerNormConfig::new(8).init(device),
        }
    }

    fn forward(&self, mel: Tensor<B, 3>, tokens: Tensor<B, 2, Int>) -> Tensor<B, 3> {
        let audio = gelu(self.conv_2.forward(gelu(self.conv_1.forward(mel))));
        let audio = self.sinusoids.forward(audio.swap_dims(1, 2));
        let audio = self.encoder.iter().fold(audio, |x, block| block.forward(x, None));
        let audio = self.encoder_norm.forward(audio);

        let [_, length] = tokens.dims();
        let positions = self.positions.val().slice(0..length).unsqueeze::<3>();
        let x = self.tokens.forward(tokens) + positions;
        let x = self.decoder.iter().fold(x, |x, block| block.forward(x, Some(audio.clone())));
        let words = self.tokens.weight.val().transpose().unsqueeze::<3>();
        self.decoder_norm.forward(x).matmul(words)
    }
}

/// Burn's own encoder, with padding, classifying by the mean.
#[derive(Module, Debug)]
struct Encoder<B: Backend> {
    embed: Linear<B>,
    positions: PositionalEncoding<B>,
    encoder: TransformerEncoder<B>,
    head: Linear<B>,
}

impl<B: Backend> Encoder<B> {
    fn new(device: &B::Device) -> Self {
        Self {
            embed: LinearConfig::new(5, 8).init(device),
            positions: PositionalEncodingConfig::new(8).with_max_sequence_size(16).init(device),
            encoder: TransformerEncoderConfig::new(8, 16, 2, 2).init(device),
            head: LinearConfig::new(8, 3).init(device),
        }
    }

    fn forward(&self, x: Tensor<B, 3>, padding: Tensor<B, 2, Bool>) -> Tensor<B, 2> {
        let x = self.positions.forward(self.embed.forward(x));
        let x = self.encoder.forward(TransformerEncoderInput::new(x).mask_pad(padding));
        self.head.forward(x.mean_dim(1).squeeze_dim::<2>(1))
    }
}

/// Burn's own decoder, pre-norm and with quiet softmax.
#[derive(Module, Debug)]
struct Translator<B: Backend> {
    decoder: TransformerDecoder<B>,
    head: Linear<B>,
}

impl<B: Backend> Translator<B> {
    fn new(device: &B::Device) -> Self {
        let config = TransformerDecoderConfig::new(8, 16, 2, 1);
        Self {
            decoder: config.with_norm_first(true).with_quiet_softmax(true).init(device),
            head: LinearConfig::new(8, 4).init(device),
        }
    }

    fn forward(&self, memory: Tensor<B, 3>, target: Tensor<B, 3>) -> Tensor<B, 3> {
        let [batch, length, _] = target.dims();
        let mask = generate_autoregressive_mask(batch, length, &target.device());
        let input = TransformerDecoderInput::new(target, memory).target_mask_attn(mask);
        self.head.forward(self.decoder.forward(input))
    }
}

/// A few learned queries look at a long input; two of them share a head of keys.
#[derive(Module, Debug)]
struct Perceiver<B: Backend> {
    latents: Param<Tensor<B, 3>>,
    cross: CrossAttention<B>,
    norm: LayerNorm<B>,
    attention: MultiHeadAttention<B>,
    head: Linear<B>,
}

impl<B: Backend> Perceiver<B> {
    fn new(device: &B::Device) -> Self {
        Self {
            latents: Param::from_tensor(Tensor::zeros([1, 3, 8], device)),
            cross: CrossAttentionConfig::new(8, 5, 2, 1, 4).init(device),
            norm: LayerNormConfig::new(8).init(device),
            attention: MultiHeadAttentionConfig::new(8, 2).init(device),
            head: LinearConfig::new(8, 3).init(device),
        }
    }

    fn forward(&self, x: Tensor<B, 3>, padding: Tensor<B, 2, Bool>) -> Tensor<B, 2> {
        let [batch, _, _] = x.dims();
        let latents = self.latents.val().repeat_dim(0, batch);
        let latents = latents.clone() + self.cross.forward(latents, x, Some(padding));
        let normal = self.norm.forward(latents.clone());
        let latents = latents + self.attention.forward(MhaInput::self_attn(normal)).context;
        self.head.forward(latents.mean_dim(1).squeeze_dim::<2>(1))
    }
}

/// Causal attention as the one operation that Burn has for it.
#[derive(Module, Debug)]
struct Fused<B: Backend> {
    query: Linear<B>,
    key: Linear<B>,
    value: Linear<B>,
    out: Linear<B>,
}

impl<B: Backend> Fused<B> {
    fn new(device: &B::Device) -> Self {
        let linear = || LinearConfig::new(8, 8).init(device);
        Self { query: linear(), key: linear(), value: linear(), out: linear() }
    }

    fn forward(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        let [batch, tokens, width] = x.dims();
        let heads = |linear: &Linear<B>| {
            linear.forward(x.clone()).reshape([batch, tokens, 2, width / 2]).swap_dims(1, 2)
        };
        let options = AttentionModuleOptions { is_causal: true, ..Default::default() };
        let (query, key, value) = (heads(&self.query), heads(&self.key), heads(&self.value));
        let context = attention(query, key, value, None, None, options);
        x.clone() + self.out.forward(context.swap_dims(1, 2).reshape([batch, tokens, width]))
    }
}
