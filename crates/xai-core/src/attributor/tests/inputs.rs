use super::*;
use crate::attributor::{
    Attributor, FeatureAblation, InputXGradient, IntegratedGradients, KernelShap, Lime, Lrp, Occlusion,
    Saliency, SmoothGrad,
};
use crate::composite::epsilon_plus;
use crate::evaluation::PixelFlipping;
use crate::layer::Concat;
use crate::model::{Input, Target};

/// `f(a, b) = [a b] W` of 2 and 3 features and 2 classes, and `W`.
fn joined() -> (Model<Flex>, Vec<f64>) {
    let weight = numbers::<Flex, 2>([5, 2], 4, &Default::default());
    let mut graph = GraphBuilder::new();
    let a = graph.input("a", &[1, 2]).unwrap();
    let b = graph.input("b", &[1, 3]).unwrap();
    let both = graph.push("both", Concat::new(1), &[a, b]).unwrap();
    let layer = LinearLayer::new(weight.clone().into(), None).unwrap();
    let y = graph.push("linear", layer, &[both]).unwrap();
    (graph.finish(y).unwrap().into(), values(weight))
}

fn ab() -> (Tensor<Flex, 2>, Tensor<Flex, 2>) {
    (numbers([2, 2], 5, &Default::default()), numbers([2, 3], 6, &Default::default()))
}

/// `x_i W_i1` of both inputs.
fn contributions(weight: &[f64]) -> [Vec<f64>; 2] {
    let (a, b) = ab();
    let of = |x: Tensor<Flex, 2>, first: usize| {
        let width = x.dims()[1];
        values(x).iter().enumerate().map(|(i, x)| x * weight[(first + i % width) * 2 + 1]).collect()
    };
    [of(a, 0), of(b, 2)]
}

fn relevances(attribution: &Attribution<Flex>) -> Vec<Vec<f64>> {
    attribution.relevances().iter().flatten().map(|relevance| read(relevance).unwrap()).collect()
}

#[test]
fn every_method_explains_all_inputs_of_a_linear_model() {
    let (model, weight) = joined();
    let methods: [Box<dyn Attributor<Flex>>; 7] = [
        Box::new(Lrp::new(&model, epsilon_plus())),
        Box::new(InputXGradient::new(&model)),
        Box::new(IntegratedGradients::new(&model).with_steps(3)),
        Box::new(Occlusion::new(&model).with_largest_batch(5)),
        Box::new(FeatureAblation::new(&model)),
        Box::new(KernelShap::new(&model)),
        Box::new(Lime::new(&model).with_ridge(0.0)),
    ];
    for method in methods {
        let got = relevances(&method.attribute(ab(), 1).unwrap());
        for (got, want) in got.iter().zip(contributions(&weight)) {
            assert_close(got, &want, 1e-4);
        }
    }
}

#[test]
fn settings_differ_between_inputs() {
    let (model, weight) = joined();
    let (a, b) = ab();
    let shifted = |x: Tensor<Flex, 2>, by: f64| values(x).iter().map(|x| x - by).collect::<Vec<_>>();
    let got = IntegratedGradients::new(&model).with_baselines([0.5, -1.0]).attribute(ab(), 1).unwrap();
    let want: Vec<_> = shifted(a, 0.5).iter().enumerate().map(|(i, x)| x * weight[i % 2 * 2 + 1]).collect();
    assert_close(&relevances(&got)[0], &want, 1e-5);
    let want: Vec<_> =
        shifted(b, -1.0).iter().enumerate().map(|(i, x)| x * weight[(2 + i % 3) * 2 + 1]).collect();
    assert_close(&relevances(&got)[1], &want, 1e-5);
    let quiet = SmoothGrad::new(&model).with_noise_levels([0.0, 0.1]).attribute(ab(), 1).unwrap();
    let gradient = Saliency::new(&model).attribute(ab(), 1).unwrap();
    assert_close(&relevances(&quiet)[0], &relevances(&gradient)[0], 1e-6);
    // A window of both features of `a`, and one of each feature of `b`.
    let got = Occlusion::new(&model).with_windows([2, 1]).attribute(ab(), 1).unwrap();
    let [of_a, of_b] = contributions(&weight);
    let sum = of_a[0] + of_a[1];
    assert_close(&relevances(&got)[0][..2], &[sum, sum], 1e-5);
    assert_close(&relevances(&got)[1], &of_b, 1e-5);
}

#[test]
fn a_fixed_input_is_left_alone() {
    let (model, weight) = joined();
    let (a, b) = ab();
    let inputs = || (Input::fixed(a.clone()), b.clone());
    let [of_a, of_b] = contributions(&weight);
    let methods: [Box<dyn Attributor<Flex>>; 2] =
        [Box::new(Occlusion::new(&model)), Box::new(IntegratedGradients::new(&model))];
    for method in methods {
        let got = method.attribute(inputs(), 1).unwrap();
        assert!(relevances(&got)[0].iter().all(|relevance| *relevance == 0.0));
        assert_close(&relevances(&got)[1], &of_b, 1e-5);
        // The first explained input.
        assert_eq!(values(got.relevance::<2>().unwrap()), relevances(&got)[1]);
    }
    let got = Lrp::new(&model, epsilon_plus()).attribute(inputs(), 1).unwrap();
    assert_close(&relevances(&got)[0], &of_a, 1e-4);
    assert_close(&values(got.relevance_of::<2>(0).unwrap()), &of_a, 1e-4);
    assert!(got.relevance_of::<2>(2).unwrap_err().to_string().contains("input 2"));
}

#[test]
fn flipping_orders_the_regions_of_all_inputs() {
    let (model, weight) = joined();
    let [of_a, of_b] = contributions(&weight);
    let attribution = Lrp::new(&model, epsilon_plus()).attribute(ab(), 1).unwrap();
    let relevance = (attribution.relevance_of::<2>(0).unwrap(), attribution.relevance_of::<2>(1).unwrap());
    let curves = PixelFlipping::new(&model).curves(ab(), relevance, 1).unwrap();
    let mut drops = [&of_a[..2], &of_b[..3]].concat();
    drops.sort_by(|a, b| b.total_cmp(a));
    let got: Vec<_> = curves[0].scores.windows(2).map(|scores| scores[0] - scores[1]).collect();
    assert_close(&got, &drops, 1e-4);
    let (a, _) = ab();
    let refused = PixelFlipping::new(&model).curves(ab(), a, 1).unwrap_err().to_string();
    assert!(refused.contains("`relevance` has 1 entries, but 2 input(s) are explained"), "{refused}");
}

#[test]
fn inputs_of_another_type_or_number_are_refused() {
    let (model, _) = joined();
    let lrp = Lrp::new(&model, epsilon_plus());
    let (a, b) = ab();
    let refused = |inputs: crate::model::Inputs<Flex>| lrp.attribute(inputs, 1).unwrap_err().to_string();
    assert!(refused(a.clone().into()).contains("2 input(s), but got 1"));
    assert!(refused((a.clone(), b.clone().int()).into()).contains("`b` is int, but the model takes float"));
    assert!(refused((a.clone(), b.clone().greater_elem(0.0)).into()).contains("`b` is bool"));
    let fixed: crate::model::Inputs<Flex> = (Input::fixed(a), Input::fixed(b)).into();
    assert!(refused(fixed).contains("no input is explained"));
    let refused = lrp.attribute(ab(), Target::class(0).with_output(1)).unwrap_err().to_string();
    assert!(refused.contains("output 1 does not exist: the model has 1 output(s)"), "{refused}");
}
