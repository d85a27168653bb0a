//! Layers small enough to check by hand, where a computation in another order loses the digits that count,
//! divides 0 by 0, or forgets a share.

use burn::tensor::backend::Backend;
use xai_core::Value;
use xai_core::attributor::Attribution;
use xai_core::graph::Graph;
use xai_core::kernel::{ConvGeometry, PoolGeometry, PoolOutput};
use xai_core::layer::{
    Affine, Coefficient, Concat, Conv, Expand, Layer, Linear, Pad, Pool, Reduce, Softmax, SoftmaxForm,
};
use xai_core::rule::{AlphaBeta, Bound, Epsilon, Gamma, Norm, Pass, Rule, ZBox};

use super::graphs::{chain, wired};
use super::host::{assert_close, explain, value};
use crate::attribution::input_relevance;
use crate::host::Array;

fn array<const N: usize>(dims: [usize; N], data: &[f64]) -> Array {
    Array { dims: dims.to_vec(), data: data.to_vec() }
}

fn row(data: &[f64]) -> Array {
    array([1, data.len()], data)
}

fn linear<B: Backend>(weight: &[f64], bias: Option<f64>, device: &B::Device) -> Layer<B> {
    let bias = bias.map(|bias| value(&array([1], &[bias]), device));
    Linear::new(value(&array([weight.len(), 1], weight), device), bias).unwrap().into()
}

/// Explains `layer` by `rule`, and compares the relevance of its input with `expected`.
fn check<B: Backend>(
    what: &str,
    layer: Layer<B>,
    rule: impl Into<Rule>,
    [x, relevance, expected]: [&Array; 3],
    device: &B::Device,
) -> Attribution<B> {
    let graph = chain::<B>(&x.dims, [("layer", layer)]);
    check_graph(what, &graph, rule, &[x], [relevance, expected], device)
}

fn check_graph<B: Backend>(
    what: &str,
    graph: &Graph<B>,
    rule: impl Into<Rule>,
    inputs: &[&Array],
    [relevance, expected]: [&Array; 2],
    device: &B::Device,
) -> Attribution<B> {
    let inputs: Vec<Value<B>> = inputs.iter().map(|x| value(x, device)).collect();
    let attribution = explain(graph, &rule.into(), &inputs, &value(relevance, device)).unwrap();
    assert_close(what, input_relevance(&attribution), expected);
    attribution
}

fn assert_columns<B: Backend>(what: &str, attribution: &Attribution<B>, bias: f64, dropped: f64) {
    let ledger = attribution.ledger().unwrap();
    let close = |got: &[f64], want: f64| got.iter().all(|got| (got - want).abs() < 1e-4);
    let columns = [(ledger.bias(), bias), (ledger.dropped(), dropped), (ledger.unexplained(), 0.0)];
    assert!(columns.iter().all(|(got, want)| close(got, *want)), "{what}: {ledger}");
}

/// `z` without its bias is `W x` itself, not what is left of a sum with a bias a million times larger.
pub fn a_bias_left_out_takes_no_digits<B: Backend>(device: &B::Device) {
    let epsilon = Epsilon { epsilon: 0.0.into(), zero_bias: true };
    let gamma = Gamma { stabilizer: 0.0.into(), zero_bias: true, ..Gamma::default() };
    let z_box = ZBox { stabilizer: 0.0.into(), ..ZBox::new(0.0, 1.0) };
    let (ones, one) = (row(&[1.0; 3]), row(&[1.0]));
    for bias in [0.0, 100.0, 1e4, 250_000.0] {
        let layer = || linear::<B>(&[0.003, -0.001, 0.0005], Some(bias), device);
        check("epsilon", layer(), epsilon.clone(), [&ones, &one, &row(&[1.2, -0.4, 0.2])], device);
        // 0.00375, -0.001 and 0.000625 of their sum.
        let expected = row(&[1.111_111_111_1, -0.296_296_296_3, 0.185_185_185_2]);
        check("gamma", layer(), gamma.clone(), [&ones, &one, &expected], device);
        let layer = linear::<B>(&[0.003, -0.001], Some(bias), device);
        check("z-box", layer, z_box.clone(), [&row(&[0.5; 2]), &one, &row(&[0.75, 0.25])], device);
    }
}

/// A stabilizer of 0 where no input contributes: the output passes nothing on, the others all they have.
pub fn outputs_without_contributions_pass_nothing_on<B: Backend>(device: &B::Device) {
    // A dark border two pixels wide, and a window that lies on it alone in each corner.
    let lit = |i: usize| (2..4).contains(&(i / 6)) && (2..4).contains(&(i % 6));
    let x = Array::from_fn(&[1, 1, 6, 6], |i| if lit(i) { 1.0 } else { 0.0 });
    let ones = value::<B>(&Array::from_fn(&[1, 1, 2, 2], |_| 1.0), device);
    let conv = Conv::new(ones, None, ConvGeometry::new(2)).unwrap();
    let relevance = Array::from_fn(&[1, 1, 5, 5], |_| 1.0);
    // 9 of the 25 windows see the light: four one pixel, four two, one all four; each pixel is in one of the
    // first, in two of the second, and in the last.
    let expected = x.map(|x| x * (1.0 + 2.0 * 0.5 + 0.25));
    let of = |rule: Rule| check("border", conv.clone().into(), rule, [&x, &relevance, &expected], device);
    for rule in [Epsilon::new(0.0).into(), Norm { stabilizer: 0.0.into() }.into()] {
        assert_columns("border", &of(rule), 0.0, 16.0);
    }

    let rule = AlphaBeta { stabilizer: 0.0.into(), ..AlphaBeta::default() };
    let layer = linear::<B>(&[1.0, 2.0], None, device);
    let [x, one] = [row(&[1.0, 2.0]), row(&[1.0])];
    let got = check("no negative part", layer, rule, [&x, &one, &row(&[0.4, 1.6])], device);
    assert_columns("no negative part", &got, 0.0, -1.0);
}

/// A score of minus infinity takes no part in a softmax, and gets nothing.
pub fn masked_scores_get_nothing<B: Backend>(device: &B::Device) {
    let mask = value::<B>(&row(&[0.0, 0.0, f64::NEG_INFINITY]), device);
    let graph = chain::<B>(
        &[1, 3],
        [
            ("mask", Affine::shift(Coefficient::Tensor(mask)).into()),
            ("softmax", Softmax::new(SoftmaxForm::Softmax, 1).into()),
        ],
    );
    let first = 1.0 / (1.0 + 1f64.exp());
    let slope = first * (1.0 - first);
    let [x, relevance] = [row(&[1.0, 2.0, 5.0]), row(&[first, 0.0, 0.0])];
    let expected = row(&[slope, -2.0 * slope, 0.0]);
    let got =
        check_graph("mask", &graph, Norm { stabilizer: 0.0.into() }, &[&x], [&relevance, &expected], device);
    assert!(got.ledger().unwrap().bias().iter().all(|bias| bias.is_finite()));
}

/// Added constants, constants between inputs and padding absorb their share in one column.
pub fn constants_have_one_column<B: Backend>(device: &B::Device) {
    let norm = || Norm { stabilizer: 0.0.into() };
    let one_and_four = value::<B>(&row(&[1.0, 4.0]), device);
    let shift: Layer<B> = Affine::shift(Coefficient::Tensor(one_and_four.clone())).into();
    let [x, sum] = [row(&[2.0, 3.0]), row(&[3.0, 7.0])];
    assert_columns("shift", &check("shift", shift, norm(), [&x, &sum, &x], device), 5.0, 0.0);

    let concat: Layer<B> = Concat::with_constants(1, [None, Some(one_and_four)]).into();
    let four = row(&[2.0, 3.0, 1.0, 4.0]);
    for rule in [Rule::from(norm()), Pass.into()] {
        let got = check("concat", concat.clone(), rule, [&x, &four, &x], device);
        assert_columns("concat", &got, 5.0, 0.0);
    }

    let pad = || Pad::new([(0, 0), (1, 1)], 5.0).into();
    let graph = chain::<B>(&[1, 3], [("pad", pad()), ("sum", linear(&[1.0; 5], None, device))]);
    let [x, y] = [row(&[1.0, 2.0, 3.0]), row(&[16.0])];
    let got = check_graph("pad", &graph, norm(), &[&x], [&y, &x], device);
    assert_columns("pad", &got, 10.0, 0.0);
    let [x, y] = [row(&[1.0, 2.0, 3.0]), row(&[5.0, 1.0, 2.0, 3.0, 5.0])];
    assert_columns("pad", &check("pad", pad(), Pass, [&x, &y, &x], device), 10.0, 0.0);
}

/// Values that repeat, where a sum or a mean reads them.
pub fn repeated_values_are_summed<B: Backend>(device: &B::Device) {
    let graph = wired::<B>(
        &[("x", &[1, 2, 1])],
        [
            ("expand", Expand::new([1, 2, 5]).into(), &["x"][..]),
            ("sum", Reduce::sum([1]).into(), &["expand"]),
        ],
    );
    let x = array([1, 2, 1], &[1.0, 3.0]);
    let ones = Array::from_fn(&[1, 1, 5], |_| 1.0);
    let expected = array([1, 2, 1], &[1.25, 3.75]);
    check_graph("sum", &graph, Norm { stabilizer: 0.0.into() }, &[&x], [&ones, &expected], device);

    let per_channel = |values: [f64; 2]| Bound::Tensor { dims: vec![2, 1], values: values.to_vec() };
    let rule =
        ZBox { stabilizer: 0.0.into(), ..ZBox::new(per_channel([-3.0, -4.0]), per_channel([3.0, 4.0])) };
    let x = Array::from_fn(&[1, 2, 5], |i| if i < 5 { 1.0 } else { 3.0 });
    let expected = Array::from_fn(&[1, 2, 5], |i| if i < 5 { 4.0 / 11.0 } else { 7.0 / 11.0 });
    check::<B>("z-box", Reduce::mean([1]).into(), rule, [&x, &ones, &expected], device);
}

/// Padding of an average that does not count it.
pub fn averages_count_what_is_there<B: Backend>(device: &B::Device) {
    let windows = PoolGeometry::Sliding {
        kernel: vec![2],
        stride: vec![1],
        padding: vec![(0, 1)],
        dilation: vec![1],
        output: PoolOutput::Floor,
    };
    let [x, r] = [array([1, 1, 2], &[2.0, 4.0]), array([1, 1, 2], &[3.0, 2.0])];
    let expected = array([1, 1, 2], &[1.0, 4.0]);
    let rule = Norm { stabilizer: 0.0.into() };
    check::<B>("average", Pool::average(windows, false).into(), rule, [&x, &r, &expected], device);
}
