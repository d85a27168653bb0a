//! Transformer blocks: layer norm, attention, masks, gates. LRP is compared with the gradient of the same block
//! with some factors detached, by automatic differentiation: an independent way to the same numbers.

use burn::module::{AutodiffModule, Module};
use burn::nn::attention::{
    MhaInput, MultiHeadAttention, MultiHeadAttentionConfig, generate_autoregressive_mask,
};
use burn::nn::{Gelu, LayerNorm, LayerNormConfig, Linear, LinearConfig};
use burn::tensor::activation::{sigmoid, softmax};
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};
use burn_autodiff::Autodiff;
use burn_flex::Flex;
use burn_xai::attributor::{Attributor, Lrp, Saliency};
use burn_xai::composite::{Composite, Presets, epsilon_plus};
use burn_xai::layer::LayerKind;
use burn_xai::model::Target;
use burn_xai::rule::{SignalTakesAll, Uniform};
use burn_xai::{record, record_fn, trace::Traced};

type A = Autodiff<Flex>;
type T<const D: usize> = Tensor<Traced<Flex>, D>;

#[derive(Module, Debug)]
struct Block<B: Backend> {
    norm: LayerNorm<B>,
    query: Linear<B>,
    key: Linear<B>,
    value: Linear<B>,
    up: Linear<B>,
    head: Linear<B>,
}

/// What is taken for a constant.
#[derive(Clone, Copy, PartialEq)]
enum Detached {
    Nothing,
    /// Half of each matrix product, the standard deviation, the slope of activations.
    AttnLrp,
    /// The attention weights, the standard deviation, the slope of activations.
    CpLrp,
}

impl<B: Backend> Block<B> {
    fn new(device: &B::Device) -> Self {
        let linear = |to: usize| LinearConfig::new(6, to).init(device);
        Self {
            norm: LayerNormConfig::new(6).init(device),
            query: linear(6),
            key: linear(6),
            value: linear(6),
            up: linear(6),
            head: linear(3),
        }
    }

    fn normalised(&self, x: Tensor<B, 3>, detached: Detached) -> Tensor<B, 3> {
        if detached == Detached::Nothing {
            return self.norm.forward(x);
        }
        let centred = x.clone() - x.mean_dim(2);
        let std = (centred.clone() * centred.clone()).mean_dim(2).add_scalar(1e-5).sqrt();
        let y = centred / std.detach() * self.norm.gamma.val().unsqueeze();
        y + self.norm.beta.as_ref().unwrap().val().unsqueeze()
    }

    fn product(a: Tensor<B, 3>, b: Tensor<B, 3>, detached: Detached) -> Tensor<B, 3> {
        if detached != Detached::AttnLrp {
            return a.matmul(b);
        }
        (a.clone().matmul(b.clone().detach()) + a.detach().matmul(b)) * 0.5
    }

    /// `[batch, tokens, 6]` to scores `[batch, 3]`.
    fn run(&self, x: Tensor<B, 3>, detached: Detached) -> Tensor<B, 2> {
        let n = self.normalised(x.clone(), detached);
        let (query, key) = (self.query.forward(n.clone()), self.key.forward(n.clone()));
        let scores = Self::product(query, key.swap_dims(1, 2), detached) / 6f64.sqrt();
        let weights = softmax(scores, 2);
        let weights = if detached == Detached::CpLrp { weights.detach() } else { weights };
        let x = x + Self::product(weights, self.value.forward(n), detached);
        let up = self.up.forward(self.normalised(x.clone(), detached));
        let active = Gelu::new().forward(up.clone());
        let active = match detached {
            Detached::Nothing => active,
            _ => up.clone() * (active / up).detach(),
        };
        self.head.forward((x + active).mean_dim(1).flatten(1, 2))
    }
}

fn numbers(dims: [usize; 3]) -> TensorData {
    let count = dims.iter().product();
    let number = |i: usize| ((i * 7919 + 13) % 997) as f32 / 498.5 - 1.0;
    TensorData::new((0..count).map(number).collect::<Vec<_>>(), dims)
}

/// Input times the gradient of the first score, by automatic differentiation.
fn by_autodiff(block: &Block<A>, detached: Detached) -> Vec<f32> {
    let x = Tensor::<A, 3>::from_data(numbers([2, 4, 6]), &Default::default()).require_grad();
    let score = block.run(x.clone(), detached).slice([0..2, 0..1]).sum();
    let gradient = x.grad(&score.backward()).unwrap();
    (gradient * x.inner()).into_data().to_vec().unwrap()
}

#[track_caller]
fn assert_close(got: &[f32], want: &[f32], tolerance: f32) {
    let largest = want.iter().fold(0f32, |largest, x| largest.max(x.abs()));
    let off = got.iter().zip(want).map(|(a, b)| (a - b).abs()).fold(0f32, f32::max);
    assert!(off <= tolerance * largest, "off by {off} of {largest}");
}

#[test]
fn attention_rules_are_gradients_with_detached_factors() {
    let device = Default::default();
    let block = Block::<A>::new(&device);
    let model = record(&block.valid(), |block, x: T<3>| block.run(x, Detached::Nothing));
    let x = || Tensor::<Flex, 3>::from_data(numbers([2, 4, 6]), &device);
    let presets = Presets { epsilon: 1e-9.into(), stabilizer: 1e-9.into(), ..Presets::default() };
    for (composite, detached) in
        [(presets.attn_lrp(), Detached::AttnLrp), (presets.cp_lrp(), Detached::CpLrp)]
    {
        let attribution = Lrp::new(&model, composite).attribute(x(), Target::class(0)).unwrap();
        let got: Vec<f32> = attribution.relevance::<3>().unwrap().into_data().to_vec().unwrap();
        assert_close(&got, &by_autodiff(&block, detached), 1e-4);
    }
    let gradient = Saliency::new(&model).attribute(x(), Target::class(0)).unwrap().relevance::<3>().unwrap();
    let got: Vec<f32> = (gradient * x()).into_data().to_vec().unwrap();
    assert_close(&got, &by_autodiff(&block, Detached::Nothing), 1e-5);
}

#[derive(Module, Debug)]
struct Causal<B: Backend> {
    attention: MultiHeadAttention<B>,
    head: Linear<B>,
}

impl<B: Backend> Causal<B> {
    fn forward(&self, x: Tensor<B, 3>) -> Tensor<B, 2> {
        let [batch, tokens, _] = x.dims();
        let mask = generate_autoregressive_mask(batch, tokens, &x.device());
        let context = self.attention.forward(MhaInput::self_attn(x).mask_attn(mask)).context;
        self.head.forward(context.slice([0..batch, 1..2]).flatten(1, 2))
    }
}

/// Burn's own attention with its mask: the score of the second token knows nothing of the later ones.
#[test]
fn tokens_behind_a_mask_have_no_relevance() {
    let device = Default::default();
    let causal = Causal::<Flex> {
        attention: MultiHeadAttentionConfig::new(6, 2).init(&device),
        head: LinearConfig::new(6, 2).init(&device),
    };
    let model = record(&causal, Causal::forward);
    for composite in [Presets::default().attn_lrp(), Presets::default().cp_lrp()] {
        let x = Tensor::<Flex, 3>::from_data(numbers([1, 4, 6]), &device);
        let lrp = Lrp::new(&model, composite).with_ledger();
        let attribution = lrp.attribute(x, Target::class(0)).unwrap();
        let tokens: Vec<f32> =
            attribution.relevance::<3>().unwrap().abs().sum_dim(2).into_data().to_vec().unwrap();
        assert!(tokens[0] > 0.0 && tokens[1] > 0.0 && tokens[2..] == [0.0, 0.0], "{tokens:?}");
        let finite = |sums: Vec<f64>| sums.iter().all(|sum| sum.is_finite());
        let ledger = attribution.ledger().unwrap();
        assert!(finite(ledger.bias()) && finite(ledger.unexplained()), "{ledger}");
    }
}

fn explain(
    forward: impl Fn((T<2>, T<2>)) -> T<2> + Send + Sync + 'static,
    rule: impl Into<burn_xai::rule::Rule>,
    [a, b]: [Tensor<Flex, 2>; 2],
) -> [Vec<f32>; 2] {
    let rules = Composite::new("product")
        .append([LayerKind::Mul, LayerKind::Matmul], rule)
        .append_all(epsilon_plus());
    let attribution = Lrp::new(&record_fn(forward), rules).attribute((a, b), Target::class(0)).unwrap();
    [0, 1].map(|input| attribution.relevance_of::<2>(input).unwrap().into_data().to_vec().unwrap())
}

#[test]
fn products_worked_out_by_hand() {
    let device = Default::default();
    let row = |numbers: [f32; 2]| Tensor::<Flex, 2>::from_floats([numbers], &device);
    let one = |number: f32| Tensor::<Flex, 2>::from_floats([[number]], &device);
    let times = |(a, b): (T<2>, T<2>)| a * b;
    assert_eq!(explain(times, Uniform::default(), [one(2.0), one(3.0)]), [[3.0], [3.0]]);
    // Neither is known to be a gate.
    assert_eq!(explain(times, SignalTakesAll::default(), [one(2.0), one(3.0)]), [[3.0], [3.0]]);
    let gated = |(a, b): (T<2>, T<2>)| sigmoid(a) * b;
    let [gate, signal] = explain(gated, SignalTakesAll::default(), [one(0.0), one(3.0)]);
    assert_eq!((gate[0], signal[0]), (0.0, 1.5));

    let matrices = |(a, v): (T<2>, T<2>)| a.matmul(v.transpose());
    let [a, v] = explain(matrices, Uniform { stabilizer: 0.0.into() }, [row([1.0, 2.0]), row([3.0, 4.0])]);
    assert_close(&a, &[1.5, 4.0], 1e-6);
    assert_close(&v, &[1.5, 4.0], 1e-6);
}

/// A gate, as in squeeze and excitation, under a preset for images.
#[test]
fn gates_are_served_by_presets_for_images() {
    let device = Default::default();
    let linear = LinearConfig::new(3, 3).init::<Traced<Flex>>(&device);
    let model = record_fn(move |x: T<2>| x.clone() * sigmoid(linear.forward(x)));
    let x = Tensor::<Flex, 2>::from_floats([[1.0, -2.0, 0.5]], &device);
    for preset in Presets::default().all(-3.0, 3.0) {
        let lrp = Lrp::new(&model, preset.clone()).with_ledger();
        let attribution = lrp.attribute(x.clone(), Target::class(1)).unwrap();
        if preset.name().starts_with("epsilon") {
            let relevance: Vec<f32> = attribution.relevance::<2>().unwrap().into_data().to_vec().unwrap();
            let score = attribution.scores().unwrap()[0] as f32;
            assert_eq!(relevance, [0.0, score, 0.0], "{}", preset.name());
        }
    }
}
