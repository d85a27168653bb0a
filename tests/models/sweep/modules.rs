//! Modules with weights, normalisations, attention and recurrent layers.

use burn::module::Module;
use burn::nn::attention::{CrossAttentionConfig, MhaInput, MultiHeadAttentionConfig};
use burn::nn::norm::NormalizationConfig;
use burn::nn::transformer::{
    PositionWiseFeedForwardConfig, TransformerDecoderConfig, TransformerDecoderInput,
    TransformerEncoderConfig, TransformerEncoderInput, TransformerEncoderLayer,
};
use burn::nn::*;

use crate::data::Given::{Floats, Ids};
use crate::harness::{ALL, NO_RELU};

use super::rows::sweep;

sweep! {
    linear: Linear, on(device) LinearConfig::new(4, 3).init::<Flex>(device), |net, x| net.forward::<2>(x),
        [Floats(&[4])] => ["linear"], ALL;
    embedding: Embedding, on(device) EmbeddingConfig::new(5, 4).init::<Flex>(device),
        |net, ids| net.forward(ids) * 2.0, [Ids(&[3], 5)] => ["scale"], ALL;
    dropout: Dropout, plain DropoutConfig::new(0.5).init(), |net, x| net.forward::<_, 2>(x) * 2.0,
        [Floats(&[4])] => ["scale"], ALL;
    gaussian_noise: GaussianNoise, plain GaussianNoiseConfig::new(0.5).init(),
        |net, x| net.forward::<_, 2>(x) * 2.0, [Floats(&[4])] => ["scale"], ALL;
    batch_norm: BatchNorm, on(device) BatchNormConfig::new(3).init::<Flex>(device), |net, x| net.forward::<3>(x),
        [Floats(&[3, 4])] => ["batch-norm"], ALL;
    layer_norm: LayerNorm, on(device) LayerNormConfig::new(4).init::<Flex>(device), |net, x| net.forward::<3>(x),
        [Floats(&[3, 4])] => ["normalize"], ALL;
    rms_norm: RmsNorm, on(device) RmsNormConfig::new(4).init::<Flex>(device), |net, x| net.forward::<3>(x),
        [Floats(&[3, 4])] => ["normalize", "scale"], ALL;
    group_norm: GroupNorm, on(device) GroupNormConfig::new(2, 4).init::<Flex>(device), |net, x| net.forward::<3>(x),
        [Floats(&[4, 3])] => ["2 reshape", "normalize", "scale", "shift"], ALL;
    instance_norm: InstanceNorm, on(device) InstanceNormConfig::new(3).init::<Flex>(device),
        |net, x| net.forward::<4>(x),
        [Floats(&[3, 4, 2])] => ["2 reshape", "normalize", "scale", "shift"], ALL;
    local_response_norm: LocalResponseNorm, plain LocalResponseNormConfig::new(3).init(),
        |net, x| net.forward::<_, 3>(x),
        [Floats(&[4, 3])] => [
            "2 elementwise", "4 reshape", "2 permute", "avg-pool", "scale", "shift", "div"
        ], ALL;
    any_norm: Normalization,
        on(device) NormalizationConfig::Layer(LayerNormConfig::new(4)).init::<Flex>(device),
        |net, x| net.forward::<3>(x), [Floats(&[3, 4])] => ["normalize"], ALL;
    positional_encoding: PositionalEncoding, on(device) PositionalEncodingConfig::new(4).init::<Flex>(device),
        |net, x| net.forward(x), [Floats(&[3, 4])] => ["shift"], ALL;
    rotary_encoding: RotaryEncoding, on(device) RotaryEncodingConfig::new(6, 4).init::<Flex>(device),
        |net, x| net.forward::<3>(x),
        [Floats(&[3, 4])] => ["3 reshape", "linear", "scale", "sum"], ALL;
    multi_head_attention: MultiHeadAttention, on(device) MultiHeadAttentionConfig::new(4, 2).init::<Flex>(device),
        |net, x| net.forward(MhaInput::self_attn(x)).context,
        [Floats(&[3, 4])] => ["4 linear", "4 reshape", "5 permute", "2 matmul", "scale", "softmax"], ALL;
    quiet_attention: MultiHeadAttention,
        on(device) MultiHeadAttentionConfig::new(4, 2).with_quiet_softmax(true).init::<Flex>(device),
        |net, x| net.forward(MhaInput::self_attn(x)).context,
        [Floats(&[3, 4])] => ["4 linear", "4 reshape", "5 permute", "2 matmul", "scale", "softmax"], ALL;
    cross_attention: CrossAttention,
        on(device) CrossAttentionConfig::new(4, 5, 2, 1, 2).init::<Flex>(device),
        |net, (query, context)| net.forward(query, context, None),
        [Floats(&[2, 4]), Floats(&[3, 5])] => [
            "4 linear", "8 reshape", "5 permute", "2 expand", "2 matmul", "scale", "softmax"
        ], ALL;
    feed_forward: PositionWiseFeedForward, on(device) PositionWiseFeedForwardConfig::new(4, 6).init::<Flex>(device),
        |net, x| net.forward::<3>(x), [Floats(&[3, 4])] => ["2 linear", "activation"], NO_RELU;
    transformer_encoder: TransformerEncoder,
        on(device) TransformerEncoderConfig::new(4, 6, 2, 1).init::<Flex>(device),
        |net, x| net.forward(TransformerEncoderInput::new(x)),
        [Floats(&[3, 4])] => [
            "6 linear", "4 reshape", "5 permute", "2 matmul", "scale", "softmax", "2 add", "2 normalize", "activation"
        ], NO_RELU, within 1e-5;
    transformer_encoder_layer: TransformerEncoderLayer,
        on(device) TransformerEncoderLayer::<Flex>::new(&TransformerEncoderConfig::new(4, 6, 2, 1), device),
        |net, x| net.forward(x, None, None),
        [Floats(&[3, 4])] => [
            "6 linear", "4 reshape", "5 permute", "2 matmul", "scale", "softmax", "2 add", "2 normalize", "activation"
        ], NO_RELU, within 1e-5;
    transformer_decoder: TransformerDecoder,
        on(device) TransformerDecoderConfig::new(4, 6, 2, 1).init::<Flex>(device),
        |net, (x, memory)| net.forward(TransformerDecoderInput::new(x, memory)),
        [Floats(&[3, 4]), Floats(&[2, 4])] => [
            "10 linear", "8 reshape", "10 permute", "4 matmul", "2 scale", "2 softmax", "3 add", "3 normalize", "activation"
        ], NO_RELU;
    gate: GateController,
        on(device) GateController::<Flex>::new(3, 4, true, Initializer::Zeros, device),
        |net, (x, hidden)| net.gate_product(x, hidden),
        [Floats(&[3]), Floats(&[4])] => ["2 linear", "add"], ALL;
    rnn: Rnn, on(device) RnnConfig::new(3, 4, true).init::<Flex>(device), |net, x| net.forward(x, None).0,
        [Floats(&[2, 3])] => [
            "2 slice", "4 reshape", "3 linear", "shift", "2 activation", "add", "concat"
        ], ALL;
    lstm: Lstm, on(device) LstmConfig::new(3, 4, true).init::<Flex>(device), |net, x| net.forward(x, None).0,
        [Floats(&[2, 3])] => [
            "2 slice", "4 reshape", "12 linear", "4 shift", "10 activation", "scale", "5 mul", "6 add", "concat"
        ], ALL;
    gru: Gru, on(device) GruConfig::new(3, 4, true).init::<Flex>(device), |net, x| net.forward(x, None),
        [Floats(&[2, 3])] => [
            "2 slice", "4 reshape", "9 linear", "4 shift", "6 activation", "4 scale", "6 add", "4 mul", "concat"
        ], ALL;
    bi_rnn: BiRnn, on(device) BiRnnConfig::new(3, 4, true).init::<Flex>(device), |net, x| net.forward(x, None).0,
        [Floats(&[2, 3])] => [
            "4 slice", "8 reshape", "6 linear", "2 shift", "4 activation", "2 add", "3 concat"
        ], ALL;
    bi_lstm: BiLstm, on(device) BiLstmConfig::new(3, 4, true).init::<Flex>(device),
        |net, x| net.forward(x, None).0,
        [Floats(&[2, 3])] => [
            "4 slice", "8 reshape", "24 linear", "8 shift", "20 activation", "2 scale", "10 mul",
            "12 add", "3 concat"
        ], ALL;
    bi_gru: BiGru, on(device) BiGruConfig::new(3, 4, true).init::<Flex>(device), |net, x| net.forward(x, None).0,
        [Floats(&[2, 3])] => [
            "4 slice", "8 reshape", "18 linear", "8 shift", "12 activation", "8 scale", "12 add", "8 mul", "3 concat"
        ], ALL;
}
