//! Losses, as functions of the predictions.

use burn::module::Module;
use burn::nn::loss::*;
use burn::tensor::{Int, Tensor, TensorData, backend::Backend};

use crate::data::Given::Floats;
use crate::harness::{ALL, GRADIENT_ONLY, ONLY_THE_GRADIENT};

use super::rows::sweep;

/// Numbers between 0 and 1 like `x`.
fn targets<B: Backend>(x: &Tensor<B, 2>) -> Tensor<B, 2> {
    let [rows, columns] = x.dims();
    let targets: Vec<f32> = (0..rows * columns).map(|i| 0.2 + (i % 4) as f32 * 0.2).collect();
    Tensor::from_data(TensorData::new(targets, [rows, columns]), &x.device())
}

/// The first class for all.
fn classes<B: burn::tensor::backend::Backend, const D: usize>(x: &Tensor<B, D>) -> Tensor<B, 1, Int> {
    Tensor::zeros([x.dims()[0]], &x.device())
}

/// The loss of each sample by itself, `[batch, 1]`, of one that is a mean over the batch.
fn each<B: Backend>(x: Tensor<B, 2>, loss: impl Fn(Tensor<B, 2>) -> Tensor<B, 1>) -> Tensor<B, 2> {
    let samples = x.split(1, 0).into_iter().map(|sample| loss(sample).unsqueeze_dim(1));
    Tensor::cat(samples.collect(), 0)
}

sweep! {
    mse: MseLoss, plain MseLoss::new(), |net, x| net.forward_no_reduction(targets(&x), x),
        [Floats(&[4])] => ["shift", "elementwise"], ALL;
    huber: HuberLoss, plain HuberLossConfig::new(0.5).init(),
        |net, x| { let targets = targets(&x); net.forward_no_reduction(x, targets) },
        [Floats(&[4])] => ["2 shift", "elementwise", "3 scale", "activation", "mul", "add"], ALL;
    smooth_l1: SmoothL1Loss, plain SmoothL1LossConfig::new().init(),
        |net, x| { let targets = targets(&x); net.forward(x, targets) },
        [Floats(&[4])] => ["2 shift", "2 elementwise", "4 scale", "add"], ALL;
    lp: LpLoss, plain LpLossConfig::l1(), |net, x| { let targets = targets(&x); net.forward_no_reduction(x, targets) },
        [Floats(&[4])] => ["shift", "elementwise"], ALL;
    kl_div: KLDivLoss, plain KLDivLossConfig::new().init(),
        |net, x| { let targets = targets(&x); net.forward_no_reduction(x, targets) },
        [Floats(&[4])] => ["shift", "scale"], ALL;
    poisson: PoissonNllLoss, plain PoissonNllLossConfig::new().init(),
        |net, x| { let targets = targets(&x); net.forward_no_reduction(x, targets) },
        [Floats(&[4])] => ["elementwise", "scale", "sub"], ALL;
    cosine_embedding: CosineEmbeddingLoss, plain CosineEmbeddingLossConfig::new().init(),
        |net, (a, b)| { let same = classes(&a) + 1; net.forward_no_reduction(a, b, same) },
        [Floats(&[4]), Floats(&[4])] => [
            "2 mul", "3 sum", "4 elementwise", "3 activation", "div", "reshape", "3 scale", "3 shift", "add"
        ], ALL;
    cross_entropy: CrossEntropyLoss, on(device) CrossEntropyLossConfig::new().init::<Flex>(device),
        |net, x| each(x, |x| { let class = classes(&x); net.forward(x, class) }),
        [Floats(&[4])] => ["6 slice", "3 softmax", "6 reshape", "3 mean", "3 scale", "concat"], ALL;
    binary_cross_entropy: BinaryCrossEntropyLoss,
        on(device) BinaryCrossEntropyLossConfig::new().with_logits(true).init::<Flex>(device),
        |net, x| each(x, |x| { let targets = targets(&x).greater_elem(0.5).int(); net.forward(x, targets) }),
        [Floats(&[4])] => [
            "3 slice", "3 scale", "3 activation", "3 sub", "3 mean", "3 reshape", "concat"
        ], ALL;
    rnnt: RNNTLoss, plain RNNTLossConfig::new().init(),
        |net, x| {
            let lengths = classes(&x) + 1;
            let targets = lengths.clone().unsqueeze_dim(1);
            net.forward(x, targets, lengths.clone() * 2, lengths)
        },
        [Floats(&[2, 2, 3])] => [
            "softmax", "11 slice", "5 reshape", "2 concat", "sum", "4 shift", "10 scale", "8 add", "pad", "sub",
            "elementwise", "activation", "2 unsupported"
        ], ONLY_THE_GRADIENT;
    ctc: CTCLoss, plain CTCLossConfig::new().init(),
        |net, x| {
            let lengths = classes(&x) + 1;
            let targets = lengths.clone().unsqueeze_dim(1);
            let log_probs = burn::tensor::activation::log_softmax::<3, _>(x, 2).swap_dims(0, 1);
            net.forward(log_probs, targets, lengths.clone() * 4, lengths)
        },
        [Floats(&[4, 3])] => ["softmax", "permute", "unsupported"], GRADIENT_ONLY;
}
