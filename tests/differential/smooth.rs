//! The library's gradient of random graphs against the reference's and its finite differences.

use burn_xai::backend::flex::Flex;
use burn_xai::prelude::*;
use xai_testkit::host::{Array, elements};

use super::dice::Dice;
use super::finite::agrees;
use super::graph::{Graph, Node};
use super::layer::Layer;
use super::library::{PRECISIONS, array, model, value};
use super::num::{Num, Nums};
use super::program::numbers;

/// With the default canonizers, which must not change any gradient.
pub(crate) fn check(graph: &Graph, seed: u64) -> Result<(), String> {
    let detached = |node: &Node| matches!(node.layer, Some((Layer::Detach, _)));
    if graph.nodes.iter().any(detached) {
        return Ok(());
    }
    let (dtype, _) = PRECISIONS[0];
    let model: Model<Flex> = model(graph, dtype)?;
    // A little beside the graph's own inputs, where kinks are.
    let dice = &mut Dice::new(!seed);
    let mut beside = |node: &Node| Nums {
        data: node.value.data.iter().map(|x| Num::from(x.value + numbers(dice, 1)[0] / 64.0)).collect(),
        dims: node.value.dims.clone(),
    };
    let at_inputs: Vec<Nums> =
        graph.nodes.iter().filter(|node| node.layer.is_none()).map(&mut beside).collect();
    if graph.run(&at_inputs).is_none() {
        return Ok(());
    }
    let target = Target::relevance(value(&graph.relevance, dtype));
    let inputs: Vec<_> = at_inputs.iter().map(|input| value(&array(input), dtype)).collect();
    let attribution = Saliency::new(&model).attribute(inputs, target).map_err(|error| error.to_string())?;
    let gradient: Vec<f64> = attribution.relevances().iter().flatten().flat_map(elements).collect();
    for _ in 0..2 {
        let direction = numbers(dice, gradient.len());
        let f = |step: f64| {
            let mut direction = direction.iter();
            let moved = |input: &Nums| Nums {
                dims: input.dims.clone(),
                data: input
                    .data
                    .iter()
                    .map(|x| Num::from(x.value + step * direction.next().unwrap()))
                    .collect(),
            };
            let moved: Vec<Nums> = at_inputs.iter().map(moved).collect();
            graph.run(&moved).map_or(f64::NAN, |output| score(&output, &graph.relevance))
        };
        let slope = gradient.iter().zip(&direction).map(|(gradient, direction)| gradient * direction).sum();
        agrees(slope, f)?;
    }
    Ok(())
}

fn score(output: &Nums, weights: &Array) -> f64 {
    output.data.iter().zip(&weights.data).map(|(y, weight)| y.value * weight).sum()
}
