//! The similarity of two sentences, explained as a function of one of them while the other stays as it is.

use burn::tensor::{Bool, Tensor, backend::Backend};
use burn_xai::attributor::{Attribution, Quadrature};
use burn_xai::model::Inputs;
use burn_xai::prelude::*;
use burn_xai::trace::Traced;

use crate::Result;
use crate::model::{MiniLm, normalize};
use crate::report::{Explained, Report, Scores, Share};
use crate::sentence::{Sentence, batch};

/// Name, and what the scores say.
type Method = (&'static str, &'static str);

const LRP: Method = (
    "AttnLRP",
    "Layer-wise relevance propagation for transformers shares the similarity out, layer by layer, \
     back to the tokens.",
);
const INTEGRATED: Method = (
    "integrated gradients",
    "What each token adds to the similarity on the way from a sentence of empty words to this one.",
);
const GRADIENT: Method = (
    "input x gradient",
    "How the similarity answers to a small change of each token. These scores do not add up to it.",
);

/// Why the network takes two sentences for similar, by every method; integrated gradients take so many steps.
pub fn explain<B: Backend>(
    net: &MiniLm<B>,
    sentences: [Sentence; 2],
    steps: usize,
    device: &B::Device,
) -> Result<Report> {
    let pooled = sentences.each_ref().map(|sentence| {
        let (ids, mask) = batch(&[sentence], device);
        net.encode(net.embed(ids), mask)
    });
    let similarity = read(normalize(pooled[0].clone()).matmul(normalize(pooled[1].clone()).transpose()))?;
    let similarity = similarity.first().copied().unwrap_or(f64::NAN);

    let [first, second] = [(0, 1), (1, 0)].map(|(one, other)| {
        let (ids, mask) = batch(&[&sentences[one]], device);
        let inputs: Inputs<B> = (net.embed(ids), mask).into();
        scores(net, &inputs, pooled[one].clone(), normalize(pooled[other].clone()), steps)
    });
    let methods = [LRP, INTEGRATED, GRADIENT].into_iter().zip(first?).zip(second?);
    let methods = methods.map(|(((method, about), first), second)| Explained {
        method,
        about,
        sentences: [first, second],
    });
    let methods = methods.collect();
    Ok(Report { backend: B::name(device), network: "all-MiniLM-L6-v2", similarity, sentences, methods })
}

/// One sentence by every method. Its embedding `pooled` is `[1, 384]`; that of the other, of length 1, too.
fn scores<B: Backend>(
    net: &MiniLm<B>,
    inputs: &Inputs<B>,
    pooled: Tensor<B, 2>,
    other: Tensor<B, 2>,
    steps: usize,
) -> Result<[Scores; 3]> {
    let class = Target::class(0);

    // Relevance propagation has no rule for a quotient of two values yet. So the length of the embedding is a
    // constant here, as the rule for layer norms keeps their standard deviation: the score is the same.
    let length = pooled.square().sum_dim(1).sqrt();
    let fixed = similarity_to(net, other.clone() / length, |embedding| embedding);
    let propagated = Lrp::new(&fixed, attn_lrp()).with_ledger().attribute_inputs(inputs, &class)?;

    let model = similarity_to(net, other, normalize);
    let integrated = IntegratedGradients::new(&model).with_steps(steps);
    let integrated =
        integrated.with_quadrature(Quadrature::GaussLegendre).attribute_inputs(inputs, &class)?;
    let gradient = InputXGradient::new(&model).attribute_inputs(inputs, &class)?;
    Ok([
        Scores { tokens: per_token(&propagated)?, rest: absorbed(&propagated)? },
        Scores { tokens: per_token(&integrated)?, rest: before_the_path(&integrated)? },
        Scores { tokens: per_token(&gradient)?, rest: Vec::new() },
    ])
}

/// The network, with `finish` after it, as a model of one number per sentence: the product with `other`.
fn similarity_to<B: Backend>(
    net: &MiniLm<B>,
    other: Tensor<B, 2>,
    finish: fn(Tensor<Traced<B>, 2>) -> Tensor<Traced<B>, 2>,
) -> Model<B> {
    type Arguments<B> = (Tensor<B, 3>, Tensor<B, 2, Bool>);
    let other = other.transpose();
    record(net, move |net: &MiniLm<Traced<B>>, (embedded, mask): Arguments<Traced<B>>| {
        finish(net.encode(embedded, mask)).matmul(Tensor::from_inner(other.clone()))
    })
}

/// The relevance of each token: that of the numbers that stand for it, added up.
fn per_token<B: Backend>(attribution: &Attribution<B>) -> Result<Vec<f64>> {
    read(attribution.relevance::<3>()?.sum_dim(2))
}

/// What relevance propagation left at constants and stabilizers.
fn absorbed<B: Backend>(attribution: &Attribution<B>) -> Result<Vec<Share>> {
    let ledger = attribution.ledger().ok_or("no ledger was kept")?;
    let sum = |amounts: Vec<f64>| amounts.iter().sum::<f64>();
    // Before the first layer with weights, embeddings of positions and of the token type are added to the words.
    let is_position = |node: &str| !node.starts_with("blocks.") && !node.starts_with("norm");
    let positions =
        ledger.rows().iter().filter(|row| is_position(&row.node)).map(|row| sum(row.bias.clone()));
    let positions = positions.sum();
    Ok(vec![
        Share { name: "positions", amount: positions },
        Share { name: "biases", amount: sum(ledger.bias()) - positions },
        Share { name: "stabilizers", amount: sum(ledger.stabilizer()) + sum(ledger.dropped()) },
        Share { name: "rounding", amount: sum(ledger.unexplained()) },
    ])
}

/// What integrated gradients leave: the similarity at the start of their path, and the error of the sum.
fn before_the_path<B: Backend>(attribution: &Attribution<B>) -> Result<Vec<Share>> {
    let delta = attribution.convergence_delta().map_or(0.0, |delta| delta.iter().sum());
    let all = attribution.scores()?.iter().sum::<f64>() - attribution.relevance_sums()?.iter().sum::<f64>();
    Ok(vec![
        Share { name: "empty words", amount: all + delta },
        Share { name: "error of the sum", amount: -delta },
    ])
}

/// The elements of a tensor, on the host.
fn read<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> Result<Vec<f64>> {
    let data = tensor.try_into_data().map_err(|reason| format!("{reason:?}"))?;
    Ok(data.iter::<f64>().collect())
}
