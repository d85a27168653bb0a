//! Copies of a batch in one run against one after the other.

use std::sync::{Arc, Mutex};

use super::nodes::Difference;
use super::*;
use crate::attributor::{Attributor, IntegratedGradients, Lrp, Progress, Quadrature, SmoothGrad};
use crate::composite::{Composite, Matcher};
use crate::error::ExplainError;
use crate::graph::Graph;
use crate::layer::{Arithmetic, Embedding, Expand};
use crate::model::{GraphSource, Input, Inputs, Signature, Target};
use crate::rule::Rule;

/// For batches of 2: one copy per run, two, three with a last run of fewer, all.
const LARGEST: [usize; 4] = [1, 5, 6, 32];

/// Integrated gradients and SmoothGrad of `inputs` at any largest batch: relevance, and the error of the
/// integral.
#[track_caller]
fn assert_alike(model: &Model<Flex>, inputs: impl Into<Inputs<Flex>>, target: &Target<Flex>) {
    let inputs = inputs.into();
    let smooth = SmoothGrad::new(model).with_samples(6).with_noise_level(0.2);
    let smooth = |largest| smooth.clone().with_largest_batch(largest).attribute_inputs(&inputs, target);
    let one = relevance(&smooth(1).unwrap());
    for largest in LARGEST {
        assert_close(&relevance(&smooth(largest).unwrap()), &one, 1e-6);
    }
    for quadrature in [Quadrature::Right, Quadrature::Trapezoid, Quadrature::GaussLegendre] {
        let method = IntegratedGradients::new(model).with_steps(6).with_quadrature(quadrature);
        let integrated = |largest| {
            let method = method.clone().with_baseline(0.1).with_largest_batch(largest);
            let got = method.attribute_inputs(&inputs, target).unwrap();
            (relevance(&got), got.convergence_delta().unwrap().to_vec())
        };
        let (one, delta) = integrated(1);
        let scale = one.iter().fold(0.0f64, |scale, one| scale.max(one.abs()));
        for (got, deltas) in LARGEST.map(integrated) {
            assert_close(&got, &one, 1e-6);
            let error = deltas.iter().zip(&delta).map(|(got, want)| (got - want).abs());
            assert!(error.fold(0.0, f64::max) <= 1e-4 * scale, "{deltas:?} {delta:?}");
        }
    }
}

#[test]
fn the_number_of_copies_per_run_changes_nothing() {
    assert_alike(&model(), images(2), &Target::argmax());
    assert_alike(&model(), images(2), &Target::classes([2, 0]).with_contrast_to_runner_up());
    let weights = numbers::<Flex, 2>([2, 3], 3, &Default::default());
    assert_alike(&model(), images(2), &Target::relevance(weights));
}

#[test]
fn rows_of_ids_are_stacked() {
    let device = Default::default();
    let mut graph = GraphBuilder::new();
    let table = Embedding::new(numbers::<Flex, 2>([9, 4], 1, &device).into(), 0).unwrap();
    let words = graph.lookup("words", table, &[1, 5]).unwrap();
    let bent = graph.push("bent", Activation::Tanh, &[words]).unwrap();
    let flat = graph.push("flat", Reshape::flatten(), &[bent]).unwrap();
    let head = graph.push("head", &linear_module::<Flex>(&device), &[flat]).unwrap();
    let ids = Tensor::<Flex, 2, burn::tensor::Int>::from_ints([[0, 1, 2, 3, 4], [8, 8, 7, 0, 5]], &device);
    assert_alike(&graph.finish(head).unwrap().into(), ids, &Target::argmax());
}

#[test]
fn a_reference_of_the_batchs_size_belongs_to_each_copy() {
    let (model, _) = linear();
    let composite = Composite::new("difference").append(Matcher::Any, Rule::custom("difference"));
    let lrp = Lrp::new(&model, composite).with_rule("difference", Difference);
    let lrp = lrp.with_reference(features() * -0.5 + 2.0);
    let of = |largest| {
        let method = SmoothGrad::of(lrp.clone()).with_samples(6).with_largest_batch(largest);
        relevance(&method.attribute(features(), 0).unwrap())
    };
    for largest in LARGEST {
        assert_close(&of(largest), &of(1), 1e-5);
    }
}

/// What both methods tell of 6 copies of a batch of 2, at most 4 samples per run.
fn heard(model: &Model<Flex>) -> [Vec<usize>; 2] {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let listen = || {
        let heard = heard.clone();
        move |progress: Progress| heard.lock().unwrap().push(progress.done)
    };
    let smooth = SmoothGrad::new(model).with_samples(6).with_largest_batch(4).with_progress(listen());
    smooth.attribute(features(), 0).unwrap();
    let of_smooth = std::mem::take(&mut *heard.lock().unwrap());
    let integrated = IntegratedGradients::new(model).with_steps(6).with_quadrature(Quadrature::Midpoint);
    integrated.with_largest_batch(4).with_progress(listen()).attribute(features(), 0).unwrap();
    let of_integrated = std::mem::take(&mut *heard.lock().unwrap());
    [of_smooth, of_integrated]
}

/// A graph that says it holds for one input alone.
struct OfOneInput(Graph<Flex>);

impl GraphSource<Flex> for OfOneInput {
    fn signature(&self) -> Signature<Flex> {
        self.0.signature()
    }

    fn graph(&self, inputs: &Inputs<Flex>, output: usize) -> Result<Graph<Flex>, ExplainError> {
        GraphSource::graph(&self.0, inputs, output)
    }

    fn output(&self, inputs: &Inputs<Flex>, output: usize) -> Result<Value<Flex>, ExplainError> {
        GraphSource::output(&self.0, inputs, output)
    }

    fn depends_on_values(&self) -> bool {
        true
    }
}

#[test]
fn copies_fill_runs_but_for_a_model_that_reads_values() {
    let (model, _) = linear();
    assert_eq!(heard(&model), [vec![1, 3, 5, 6], vec![2, 4, 6]]);
    let graph = model.graph(features(), 0).unwrap();
    let reads = Model::new(OfOneInput(Graph::clone(&graph)));
    assert_eq!(heard(&reads), [vec![1, 2, 3, 4, 5, 6], vec![1, 2, 3, 4, 5, 6]]);
}

#[test]
fn squares_of_an_input_that_all_samples_share_are_taken_copy_by_copy() {
    let mut graph = GraphBuilder::new();
    let x = graph.input("x", &[2, 3]).unwrap();
    let shared = graph.input("shared", &[1, 3]).unwrap();
    let wide = graph.push("wide", Expand::new([2, 3]), &[shared]).unwrap();
    let product = graph.push("product", Arithmetic::Mul, &[x, wide]).unwrap();
    let model: Model<Flex> = graph.finish(product).unwrap().into();
    let x = numbers::<Flex, 2>([2, 3], 1, &Default::default());
    let shared = Input::fixed(numbers::<Flex, 2>([1, 3], 2, &Default::default()));
    let squares = |largest| {
        let method = SmoothGrad::new(&model).with_squares().with_samples(5).with_largest_batch(largest);
        let found = method.attribute((x.clone(), shared.clone()), Target::class(1)).unwrap();
        found.relevances().iter().flatten().flat_map(|relevance| read(relevance).unwrap()).collect::<Vec<_>>()
    };
    assert_close(&squares(8), &squares(1), 1e-6);
}
