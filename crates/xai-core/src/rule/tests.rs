//! Every rule against its plain form, and the number of passes each makes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use burn::tensor::TensorData;
use burn_flex::Flex;

use super::plain::Plain;
use super::split::Split;
use super::stabilizer::Sign;
use super::terms::{Term, share_out};
use super::*;
use crate::Value;
use crate::kernel::ConvGeometry;
use crate::layer::{Activation, Conv, Layer, LayerKind, LayerOps, Linear, Saved};

type V = Value<Flex>;

impl<B: Backend> PropagationRule<B> for Plain<ZPlus> {
    fn bind(&self, node: &NodeView<'_, B>) -> Result<BoundRule<B>, RuleError> {
        let ZPlus { stabilizer, zero_bias } = self.0.clone();
        Plain(AlphaBeta { alpha: 1.0, beta: 0.0, stabilizer, zero_bias }).bind(node)
    }
}

impl<B: Backend> PropagationRule<B> for Plain<AlphaBeta> {
    fn bind(&self, node: &NodeView<'_, B>) -> Result<BoundRule<B>, RuleError> {
        self.0.by_parts(require_linear(node)?, node, Split::Apart)
    }
}

impl<B: Backend> PropagationRule<B> for Plain<ZBox> {
    fn bind(&self, node: &NodeView<'_, B>) -> Result<BoundRule<B>, RuleError> {
        let map = require_linear(node)?;
        let (rule, st) = (self.0.clone(), self.0.check(node)?);
        let part = |of: fn(&Value<B>) -> Value<B>| map.weight().map(of);
        let (positive, negative) = (part(Value::positive), part(Value::negative));
        Ok(BoundRule::new(Saved::INPUTS, move |context, relevance| {
            let (map, x) = (linear_map(context)?, context.input(0)?);
            let whole = |bound: &Bound| bound.expanded(x, &x.dims()).map(|bound| bound * -1.0);
            let mut terms = vec![
                Term { x: x.clone(), weight: map.weight() },
                Term { x: whole(&rule.low)?, weight: positive.as_ref() },
            ];
            if let Some(negative) = &negative {
                terms.push(Term { x: whole(&rule.high)?, weight: Some(negative) });
            }
            Ok::<_, LayerError>(vec![share_out(context, terms, None, (&st, Sign::Any), relevance)?])
        }))
    }
}

/// Deterministic values in -1..1 of both signs.
fn values(count: usize, seed: u64) -> Vec<f64> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

fn value(dims: &[usize], seed: u64) -> V {
    let data = TensorData::new(values(dims.iter().product(), seed), dims.to_vec());
    Value::from_data(data, &Default::default())
}

fn read(value: &V) -> Vec<f64> {
    value.to_data().unwrap().iter::<f64>().collect()
}

/// A linear layer that counts the passes made through it.
#[derive(Debug, Clone)]
struct Counted {
    inner: Layer<Flex>,
    forward: Arc<AtomicUsize>,
    adjoint: Arc<AtomicUsize>,
}

impl Counted {
    fn map(&self) -> &dyn LinearMap<Flex> {
        self.inner.ops().linear_map().unwrap()
    }
}

impl LayerOps<Flex> for Counted {
    fn kind(&self) -> LayerKind {
        self.inner.kind()
    }
    fn output_dims(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, LayerError> {
        self.inner.ops().output_dims(inputs)
    }
    fn forward(&self, inputs: Vec<V>) -> Result<V, LayerError> {
        self.inner.ops().forward(inputs)
    }
    fn vjp_saved(&self) -> Saved {
        self.inner.ops().vjp_saved()
    }
    fn vjp(&self, context: &BackwardContext<'_, Flex>, gradient: V) -> Result<Vec<V>, LayerError> {
        Ok(vec![self.adjoint(gradient, self.map().weight(), context.dims()?)])
    }
    fn linear_map(&self) -> Option<&dyn LinearMap<Flex>> {
        Some(self)
    }
}

impl LinearMap<Flex> for Counted {
    fn weight(&self) -> Option<&V> {
        self.map().weight()
    }
    fn bias(&self, output_rank: usize) -> Option<V> {
        self.map().bias(output_rank)
    }
    fn summed_dims(&self, input_rank: usize) -> Option<[usize; 2]> {
        self.map().summed_dims(input_rank)
    }
    fn apply(&self, x: &V, weight: Option<&V>) -> V {
        self.forward.fetch_add(1, Ordering::Relaxed);
        self.map().apply(x, weight)
    }
    fn adjoint(&self, r: V, weight: Option<&V>, input_dims: &[usize]) -> V {
        self.adjoint.fetch_add(1, Ordering::Relaxed);
        self.map().adjoint(r, weight, input_dims)
    }
    fn apply_ones(&self, like: &V, input_dims: &[usize]) -> V {
        self.forward.fetch_add(1, Ordering::Relaxed);
        self.map().apply_ones(like, input_dims)
    }
    fn sum_alike(&self, r: V) -> V {
        self.map().sum_alike(r)
    }
    fn adjoint_ones(&self, r: V, input_dims: &[usize]) -> V {
        self.adjoint.fetch_add(1, Ordering::Relaxed);
        self.map().adjoint_ones(r, input_dims)
    }
}

/// A layer with an input for it, both of 64-bit floats.
fn layers() -> Vec<(Layer<Flex>, V)> {
    let geometry =
        ConvGeometry { stride: vec![2, 1], padding: vec![(1, 0), (1, 1)], dilation: vec![1, 2], groups: 2 };
    let linear = Linear::new(value(&[6, 5], 1), Some(value(&[5], 2))).unwrap();
    let conv = Conv::new(value(&[6, 2, 3, 2], 3), Some(value(&[6], 4)), geometry).unwrap();
    let bare = Linear::new(value(&[6, 5], 5), None).unwrap();
    let dense =
        ConvGeometry { stride: vec![1, 2], padding: vec![(1, 1), (0, 1)], dilation: vec![2, 1], groups: 1 };
    let dense = Conv::new(value(&[3, 4, 3, 2], 10), Some(value(&[3], 11)), dense).unwrap();
    vec![
        (linear.into(), value(&[3, 6], 6)),
        (conv.into(), value(&[2, 4, 7, 6], 7)),
        (bare.into(), value(&[3, 2, 6], 8)),
        (dense.into(), value(&[2, 4, 7, 6], 12)),
    ]
}

/// Relevance of the layer's input, with the passes that a second run makes (the first may compute
/// what is kept per shape).
fn propagate(rule: &dyn PropagationRule<Flex>, layer: &Layer<Flex>, x: &V, signed: bool) -> (V, [usize; 2]) {
    let counted = Counted { inner: layer.clone(), forward: Arc::default(), adjoint: Arc::default() };
    let (forward, adjoint) = (counted.forward.clone(), counted.adjoint.clone());
    let layer = Layer::custom(counted);
    let x = if signed { x.clone() } else { x.abs() };
    let output = layer.ops().forward(vec![x.clone()]).unwrap();
    let (dims, output_dims) = (x.dims(), output.dims());
    let input_dims = [dims.as_slice()];
    let node = NodeView::alone(&layer, &input_dims, &output_dims).with_non_negative_inputs(!signed);
    let bound = rule.bind(&node).unwrap();
    let run = || {
        let passed = bound.propagate_alone(&layer, &[&x], &output, value(&output_dims, 9)).unwrap();
        passed.relevance.into_iter().next().unwrap()
    };
    run();
    let before = [forward.load(Ordering::Relaxed), adjoint.load(Ordering::Relaxed)];
    let relevance = run();
    let passes = [forward.load(Ordering::Relaxed) - before[0], adjoint.load(Ordering::Relaxed) - before[1]];
    (relevance, passes)
}

/// Passes for inputs of any sign, and for inputs that are never negative.
type Budget = [[usize; 2]; 2];

/// Checks a rule against its plain form on every layer, and its passes against the budgets for
/// layers that take two inputs side by side and for layers that do not.
fn check<R>(rule: R, joined: Budget, apart: Budget)
where
    R: PropagationRule<Flex> + Clone,
    Plain<R>: PropagationRule<Flex>,
{
    check_with_bias(rule, joined, apart, 0);
}

/// The same for a rule that makes more forward passes, `for_bias`, on layers with a bias.
fn check_with_bias<R>(rule: R, joined: Budget, apart: Budget, for_bias: usize)
where
    R: PropagationRule<Flex> + Clone,
    Plain<R>: PropagationRule<Flex>,
{
    for (layer, x) in layers() {
        let map = layer.ops().linear_map().unwrap();
        let budgets = if map.summed_dims(x.rank()).is_some() { joined } else { apart };
        let more = if map.bias(x.rank()).is_some() { for_bias } else { 0 };
        for (signed, [forward, adjoint]) in [(true, budgets[0]), (false, budgets[1])] {
            let budget = [forward + more, adjoint];
            let (fast, passes) = propagate(&rule, &layer, &x, signed);
            let (plain, _) = propagate(&Plain(rule.clone()), &layer, &x, signed);
            let (fast, plain) = (read(&fast), read(&plain));
            let scale = plain.iter().fold(0.0, |scale: f64, r| scale.max(r.abs()));
            let gap = fast.iter().zip(&plain).map(|(fast, plain)| (fast - plain).abs()).fold(0.0, f64::max);
            assert!(gap <= 1e-9 * scale, "{rule:?} on {}: {gap} of {scale}", layer.kind());
            assert_eq!(passes, budget, "[forward, adjoint] passes of {rule:?} on {}", layer.kind());
        }
    }
}

#[test]
fn z_plus_is_its_plain_form_in_fewer_passes() {
    for zero_bias in [false, true] {
        check(ZPlus { zero_bias, ..ZPlus::default() }, [[1, 1]; 2], [[2, 2], [1, 1]]);
    }
}

#[test]
fn alpha_beta_is_its_plain_form_in_fewer_passes() {
    for (alpha, zero_bias) in [(2.0, false), (1.5, true)] {
        check(
            AlphaBeta { alpha, beta: alpha - 1.0, zero_bias, ..AlphaBeta::default() },
            [[2, 2]; 2],
            [[4, 4], [2, 2]],
        );
    }
    check(AlphaBeta { alpha: 1.0, beta: 0.0, ..AlphaBeta::default() }, [[1, 1]; 2], [[2, 2], [1, 1]]);
}

#[test]
fn gamma_is_its_plain_form_in_fewer_passes() {
    for (gamma, zero_bias) in [(0.25, false), (1.0, true), (0.0, false)] {
        let rule = Gamma { gamma, zero_bias, ..Gamma::default() };
        check_with_bias(rule, [[1, 2]; 2], [[1, 2]; 2], usize::from(zero_bias));
    }
}

#[test]
fn z_box_is_its_plain_form_in_fewer_passes() {
    check(ZBox::new(-1.0, 1.5), [[1, 1]; 2], [[2, 2]; 2]);
}

#[test]
fn rules_without_a_plain_form_keep_their_budgets() {
    let rules: [(&dyn PropagationRule<Flex>, [usize; 2]); 4] = [
        (&Epsilon::default(), [0, 1]),
        (&Norm::default(), [0, 1]),
        (&WSquare::default(), [0, 1]),
        (&Flat::default(), [0, 1]),
    ];
    for (rule, budget) in rules {
        for (layer, x) in layers() {
            let (_, passes) = propagate(rule, &layer, &x, true);
            assert_eq!(passes, budget, "[forward, adjoint] passes of {rule:?} on {}", layer.kind());
        }
    }
}

#[test]
fn flat_spreads_as_weights_of_ones_do() {
    for (layer, x) in layers() {
        let map = layer.ops().linear_map().unwrap();
        let ones = map.weight().unwrap().full_like(&map.weight().unwrap().dims(), 1.0);
        let (flat, _) = propagate(&Flat::default(), &layer, &x, true);
        let z = map.apply(&x.full_like(&x.dims(), 1.0), Some(&ones));
        let s = value(&z.dims(), 9) / Stabilizer::default().apply(&z);
        let expected = read(&map.adjoint(s, Some(&ones), &x.dims()));
        for (flat, expected) in read(&flat).iter().zip(expected) {
            assert!((flat - expected).abs() < 1e-9, "{flat} {expected} on {}", layer.kind());
        }
    }
}

/// Relevance of the input, when relevance 1 arrives at every output of a linear layer without
/// bias, all in 32-bit floats.
fn in_f32(rule: &dyn PropagationRule<Flex>, weight: &V, x: &V) -> Vec<f64> {
    let to_f32 = |v: &V| V::from_data(v.to_data().unwrap().convert::<f32>(), &Default::default());
    let layer: Layer<Flex> = Linear::new(to_f32(weight), None).unwrap().into();
    let x = to_f32(x);
    let output = layer.ops().forward(vec![x.clone()]).unwrap();
    let (dims, output_dims) = (x.dims(), output.dims());
    let input_dims = [dims.as_slice()];
    let node = NodeView::alone(&layer, &input_dims, &output_dims);
    let bound = rule.bind(&node).unwrap();
    let relevance = output.full_like(&output_dims, 1.0);
    read(&bound.propagate_alone(&layer, &[&x], &output, relevance).unwrap().relevance[0])
}

#[test]
fn outputs_without_contributions_of_a_sign_pass_no_noise() {
    // All contributions are negative, so z+ is 0.
    let x = (value(&[4, 64], 1).abs() + 0.1) * 100.0;
    let weight = value(&[64, 3], 2).abs() * -1.0;
    let alpha_beta = AlphaBeta { alpha: 1.0, beta: 0.0, ..AlphaBeta::default() };
    let rules: [&dyn PropagationRule<Flex>; 2] = [&ZPlus::default(), &alpha_beta];
    for rule in rules {
        let relevance = in_f32(rule, &weight, &x);
        assert!(relevance.iter().all(|r| r.abs() < 1e-6), "{rule:?}: {relevance:?}");
    }
}

#[test]
fn small_contributions_of_a_sign_keep_their_digits() {
    // One positive contribution, 0.001, beside negative ones of thousands.
    let mut data = values(64, 1).iter().map(|x| x.abs() * -1000.0).collect::<Vec<_>>();
    data[7] = 0.001;
    let weight = V::from_data(TensorData::new(data, [64, 1]), &Default::default());
    let x = weight.full_like(&[1, 64], 1.0);
    let alpha_beta = AlphaBeta { stabilizer: 0.0.into(), ..AlphaBeta::default() };
    let z_plus = ZPlus { stabilizer: 0.0.into(), zero_bias: false };
    let expected = |alpha: f64| alpha - 1e-6..alpha + 1e-6;
    let (of_z_plus, of_alpha_beta) = (in_f32(&z_plus, &weight, &x)[7], in_f32(&alpha_beta, &weight, &x)[7]);
    assert!(expected(1.0).contains(&of_z_plus), "{of_z_plus}");
    assert!(expected(2.0).contains(&of_alpha_beta), "{of_alpha_beta}");
}

#[test]
fn an_output_in_the_corner_of_the_box_does_not_drown_the_others() {
    // The first output sees the second input alone, which is in the corner for it: its denominator
    // is 0, and what it would pass on, a million times more than the second output, must be 0.
    let weight = V::from_data(TensorData::new(vec![0.0, 1.0, 1.0, -0.5], [2, 2]), &Default::default());
    let x = V::from_data(TensorData::new(vec![2.0, 0.0], [1, 2]), &Default::default());
    let relevance = in_f32(&ZBox::new(0.0, 3.0), &weight, &x);
    for (relevance, expected) in relevance.iter().zip([2.0 / 3.5, 1.5 / 3.5]) {
        assert!((relevance - expected).abs() < 1e-5, "{relevance} {expected}");
    }
}

#[test]
fn parameters_out_of_range_are_refused() {
    let (layer, x) = layers().remove(0);
    let (dims, output_dims) = (x.dims(), vec![3, 5]);
    let input_dims = [dims.as_slice()];
    let node = NodeView::alone(&layer, &input_dims, &output_dims);
    let refusal = |rule: &dyn PropagationRule<Flex>| rule.bind(&node).unwrap_err().to_string();
    assert!(refusal(&AlphaBeta { alpha: 2.0, beta: 0.5, ..AlphaBeta::default() }).contains("alpha - beta"));
    assert!(refusal(&AlphaBeta { alpha: 0.5, beta: -0.5, ..AlphaBeta::default() }).contains("beta"));
    assert!(refusal(&Gamma { gamma: -1.0, ..Gamma::default() }).contains("gamma"));
    assert!(refusal(&ZBox::new(1.0, -1.0)).contains("low"));
    let swapped = Bound::Tensor { dims: vec![6], values: vec![-2.0, -2.0, 3.0, -2.0, -2.0, -2.0] };
    assert!(refusal(&ZBox::new(swapped, 1.0)).contains("`low` is 3"));
    assert!(refusal(&ZBox::new(f64::NAN, 1.0)).contains("finite"));
    let short = Bound::Tensor { dims: vec![5], values: vec![0.0; 5] };
    assert!(refusal(&ZBox::new(short, 1.0)).contains("[6]"));
    assert!(refusal(&WinnerTakesAll).contains("a max or min pool"));
    assert!(refusal(&ReluDeconvNet).contains("a ReLU"));
    for alpha in [1.4, 1.9, 2.2] {
        // In floating point alpha - beta is not exactly 1 here.
        assert!(AlphaBeta { alpha, beta: alpha - 1.0, ..AlphaBeta::default() }.bind(&node).is_ok());
    }
    assert!(AlphaBeta { alpha: 2.2, beta: 1.2, ..AlphaBeta::default() }.bind(&node).is_ok());
}

#[test]
fn rules_for_relu_apply_to_relu6() {
    let row = |data: [f64; 5]| V::from_data(TensorData::new(data.to_vec(), [1, 5]), &Default::default());
    let layer: Layer<Flex> = Activation::Relu6.into();
    let (x, relevance) = (row([-1.0, 0.5, 3.0, 6.0, 7.0]), row([1.0, 2.0, -3.0, 4.0, 5.0]));
    let output = layer.ops().forward(vec![x.clone()]).unwrap();
    let passed = |rule: &dyn PropagationRule<Flex>| {
        let bound = rule.bind(&NodeView::alone(&layer, &[&[1, 5]], &[1, 5])).unwrap();
        let passed = bound.propagate_alone(&layer, &[&x], &output, relevance.clone()).unwrap();
        read(&passed.relevance[0])
    };
    assert_eq!(passed(&ReluGuidedBackprop), [0.0, 2.0, 0.0, 0.0, 0.0]);
    assert_eq!(passed(&ReluDeconvNet), [1.0, 2.0, 0.0, 4.0, 5.0]);
    let refused = ReluBetaSmooth::default().bind(&NodeView::alone(&layer, &[&[1, 5]], &[1, 5]));
    assert!(matches!(refused, Err(RuleError::Ability { needs: "a ReLU", .. })));
}

#[test]
fn a_scaled_stabilizer_sees_the_denominators_of_its_side() {
    let rule = Gamma { stabilizer: Stabilizer::from(0.5).with_rms(), ..Gamma::default() };
    for (layer, x) in layers() {
        let output = layer.ops().forward(vec![x.clone()]).unwrap();
        let (dims, output_dims) = (x.dims(), output.dims());
        let input_dims = [dims.as_slice()];
        let node = NodeView::alone(&layer, &input_dims, &output_dims);
        let passed = |rule: &dyn PropagationRule<Flex>| {
            let bound = rule.bind(&node).unwrap();
            read(&bound.propagate_alone(&layer, &[&x], &output, output.clone()).unwrap().relevance[0])
        };
        assert_eq!(passed(&rule), passed(&Plain(rule.clone())));
    }
}
