//! The similarity of two sentences, explained as a function of one of them while the other stays as it is.

use burn::tensor::{Bool, Int, Tensor, backend::Backend};
use burn_xai::attributor::{Attribution, Quadrature};
use burn_xai::engine::LedgerRow;
use burn_xai::model::Inputs;
use burn_xai::prelude::*;
use burn_xai::trace::Traced;

use crate::Result;
use crate::model::MiniLm;
use crate::report::{Explained, Report, Scores, Share};
use crate::sentence::{Sentence, batch};

/// Name, and what the scores say.
type Method = (&'static str, &'static str);

const LRP: Method = (
    "AttnLRP",
    "Layer-wise relevance propagation for transformers shares the similarity out, layer by layer, \
     back to the tokens. What comes from positions, biases and softmaxes belongs to no token.",
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
    let embedded = sentences.each_ref().map(|sentence| {
        let (ids, mask) = batch(&[sentence], device);
        net.forward(ids, mask)
    });
    let similarity = read(embedded[0].clone().matmul(embedded[1].clone().transpose()))?;
    let similarity = similarity.first().copied().unwrap_or(f64::NAN);

    let [first, second] = [(0, 1), (1, 0)].map(|(one, other)| {
        let inputs = batch(&[&sentences[one]], device).into();
        scores(&similarity_to(net, embedded[other].clone()), &inputs, steps)
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

/// One sentence by every method.
fn scores<B: Backend>(model: &Model<B>, inputs: &Inputs<B>, steps: usize) -> Result<[Scores; 3]> {
    let class = Target::class(0);
    let propagated = Lrp::new(model, attn_lrp()).with_ledger().attribute_inputs(inputs, &class)?;
    let integrated = IntegratedGradients::new(model).with_steps(steps);
    let integrated =
        integrated.with_quadrature(Quadrature::GaussLegendre).attribute_inputs(inputs, &class)?;
    let gradient = InputXGradient::new(model).attribute_inputs(inputs, &class)?;
    Ok([
        Scores { tokens: read(propagated.relevance::<2>()?)?, rest: absorbed(&propagated)? },
        Scores { tokens: read(integrated.relevance::<2>()?)?, rest: before_the_path(&integrated)? },
        Scores { tokens: read(gradient.relevance::<2>()?)?, rest: Vec::new() },
    ])
}

/// The network as a model of one number per sentence: the cosine with an embedding `[1, 384]` of length 1.
fn similarity_to<B: Backend>(net: &MiniLm<B>, other: Tensor<B, 2>) -> Model<B> {
    type Arguments<B> = (Tensor<B, 2, Int>, Tensor<B, 2, Bool>);
    let other = other.transpose();
    record(net, move |net: &MiniLm<Traced<B>>, (ids, mask): Arguments<Traced<B>>| {
        net.forward(ids, mask).matmul(Tensor::from_inner(other.clone()))
    })
}

/// What relevance propagation left on the way to the words.
fn absorbed<B: Backend>(attribution: &Attribution<B>) -> Result<Vec<Share>> {
    let rows = attribution.ledger().ok_or("no ledger was kept")?.rows();
    let sum = |amounts: &[f64]| amounts.iter().sum::<f64>();
    // The constants that are added to the words have the names of their tables.
    let of_tables = |row: &&LedgerRow| ["positions", "token_types"].contains(&row.node.as_str());
    let positions = rows.iter().filter(of_tables).map(|row| sum(&row.bias)).sum();
    // What a softmax gives at scores of 0 is a constant of it.
    let is_softmax = |row: &&LedgerRow| row.node.ends_with(".softmax");
    let softmaxes = rows.iter().filter(is_softmax).map(|row| sum(&row.bias)).sum();
    let others = rows.iter().filter(|row| !is_softmax(row) && !of_tables(row));
    let biases = others.map(|row| sum(&row.bias)).sum();
    let rounding = rows.iter().map(|row| sum(&row.unexplained()));
    let stabilizers = rows.iter().map(|row| sum(&row.stabilizer) + sum(&row.dropped));
    Ok(vec![
        Share { name: "positions", amount: positions },
        Share { name: "biases", amount: biases },
        Share { name: "softmaxes", amount: softmaxes },
        Share { name: "stabilizers and rounding", amount: stabilizers.chain(rounding).sum() },
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use burn_flex::Flex;

    use super::*;
    use crate::model::{HIDDEN, normalize};
    use crate::sentence::Token;

    /// A sentence of tokens with these numbers.
    fn sentence(ids: &[u32]) -> Sentence {
        let token =
            |&id| Token { id, piece: String::new(), text: String::new(), spaced: true, special: false };
        Sentence { text: String::new(), tokens: ids.iter().map(token).collect() }
    }

    #[test]
    fn scores_add_up_and_padding_has_none() {
        let device = Default::default();
        let net = MiniLm::<Flex>::new(&device);
        let (short, long) = (sentence(&[101, 7, 2000, 102]), sentence(&[101, 9, 8, 3000, 7, 5, 102]));
        let report = explain(&net, [short.clone(), long.clone()], 20, &device).unwrap();
        for method in &report.methods {
            for scores in method.sentences.iter().filter(|scores| !scores.rest.is_empty()) {
                let all = scores.sum() + scores.rest.iter().map(|share| share.amount).sum::<f64>();
                assert!((all - report.similarity).abs() < 1e-3, "{}: {scores:?}", method.method);
            }
        }

        let (ids, mask) = batch(&[&short, &long], &device);
        let other = normalize(Tensor::<Flex, 2>::ones([1, HIDDEN], &device));
        let score = |ids, mask| {
            let model = similarity_to(&net, other.clone());
            let attribution = Lrp::new(&model, attn_lrp()).attribute((ids, mask), 0);
            read(attribution.unwrap().relevance::<2>().unwrap()).unwrap()
        };
        let (alone, padded) = (batch(&[&short], &device), score(ids, mask));
        let alone = score(alone.0, alone.1);
        assert_eq!(padded.len(), 14);
        assert_eq!(padded[4..7], [0.0; 3]);
        let largest = alone.iter().fold(0.0, |largest: f64, score| score.abs().max(largest));
        for (alone, padded) in alone.iter().zip(&padded) {
            assert!((alone - padded).abs() <= 1e-4 * largest, "{alone} {padded}");
        }
    }
}
