use burn::nn::activation as nn;
use burn_flex::Flex;

use super::*;
use crate::layer::testing::{check, forward, numbers, read, value, vjp};

const ALL: [Activation; 24] = [
    Activation::Relu,
    Activation::Relu6,
    Activation::Clamp { min: Some(-0.5), max: Some(1.25) },
    Activation::Clamp { min: None, max: Some(0.25) },
    Activation::Clamp { min: Some(0.25), max: None },
    Activation::LeakyRelu { slope: 0.1 },
    Activation::Elu { alpha: 1.5 },
    Activation::Celu { alpha: 0.75 },
    Activation::Selu,
    Activation::Gelu,
    Activation::GeluTanh,
    Activation::Silu,
    Activation::Sigmoid,
    Activation::Tanh,
    Activation::Softplus { beta: 2.0 },
    Activation::Softplus { beta: -1.0 },
    Activation::HardSigmoid { alpha: 0.3, beta: 0.4 },
    Activation::HardSwish,
    Activation::Mish,
    Activation::LogSigmoid,
    Activation::Softsign,
    Activation::ThresholdedRelu { threshold: 0.5 },
    Activation::Shrink { lambda: 0.5, bias: 0.25 },
    Activation::Shrink { lambda: 0.5, bias: 0.0 },
];

#[test]
fn every_derivative_is_the_slope() {
    for activation in ALL {
        check(activation, &[numbers(&[3, 4, 5], 1) * 2.5]);
    }
}

#[test]
fn the_kinks_are_those_of_the_framework() {
    let slope = |activation: Activation, x: f64| {
        read(&vjp(&activation.into(), &[value(&[x], &[1, 1])], value(&[1.0], &[1, 1]))[0])[0]
    };
    assert_eq!(slope(Activation::Relu, 0.0), 0.0);
    assert_eq!(slope(Activation::Relu6, 0.0), 0.0);
    assert_eq!(slope(Activation::Relu6, 6.0), 0.0);
    assert_eq!(slope(Activation::Clamp { min: Some(1.0), max: Some(2.0) }, 1.0), 1.0);
    assert_eq!(slope(Activation::Clamp { min: Some(1.0), max: Some(2.0) }, 2.0), 1.0);
    assert_eq!(slope(Activation::LeakyRelu { slope: 0.1 }, 0.0), 1.0);
    assert_eq!(slope(Activation::Elu { alpha: 1.5 }, 0.0), 1.5);
    assert_eq!(slope(Activation::Selu, 0.0), 1.050_700_987_355_480_5);
    assert_eq!(slope(Activation::HardSigmoid { alpha: 0.5, beta: 0.0 }, 2.0), 0.5);
    assert_eq!(slope(Activation::HardSwish, -3.0), -0.5);
    assert_eq!(slope(Activation::HardSwish, 3.0), 1.5);
    assert_eq!(slope(Activation::ThresholdedRelu { threshold: 0.5 }, 0.5), 0.0);
    assert_eq!(slope(Activation::Shrink { lambda: 0.5, bias: 0.5 }, -0.5), 0.0);
}

#[test]
fn large_arguments_stay_finite() {
    for activation in ALL {
        let x = value(&[-1e30, -1e4, -800.0, 800.0, 1e4, 1e30], &[1, 6]);
        let y = forward(&activation.into(), std::slice::from_ref(&x));
        let slopes = vjp(&activation.into(), std::slice::from_ref(&x), x.full_like(&[1, 6], 1.0));
        for value in read(&y).into_iter().chain(read(&slopes[0])) {
            assert!(value.is_finite(), "{}: {:?} {:?}", activation.name(), read(&y), read(&slopes[0]));
        }
    }
}

#[test]
fn outputs_lie_in_the_interval_that_is_told() {
    for activation in ALL {
        let ops: &dyn LayerOps<Flex> = &activation;
        let any = numbers(&[100], 1) * 3.0;
        for (input, x) in [(Interval::ANY, any.clone()), (Interval::NON_NEGATIVE, any.abs())] {
            let told = ops.output_interval(&[input]);
            let y = read(&forward(&activation.into(), &[x]));
            let inside = |y: &f64| (told.low()..=told.high()).contains(y);
            assert!(y.iter().all(inside), "{} {told:?}: {y:?}", activation.name());
        }
    }
}

#[test]
fn modules_keep_their_settings() {
    assert_eq!(Activation::from(&nn::LeakyReluConfig::new().init()), Activation::LeakyRelu { slope: 0.01 });
    assert_eq!(Activation::from(&nn::Gelu::new_approximate()), Activation::GeluTanh);
    assert_eq!(
        Activation::from(&nn::SoftShrinkConfig::new().init()),
        Activation::Shrink { lambda: 0.5, bias: 0.5 }
    );
    assert_eq!(Activation::clamp(Some(0.0), Some(6.0)), Activation::Relu6);
    assert_eq!(Activation::clamp(Some(0.0), None), Activation::Relu);
}

#[test]
fn unusable_settings_are_errors() {
    let refusal = |activation: Activation| {
        LayerOps::<Flex>::output_dims(&activation, &[&[1, 2]]).unwrap_err().to_string()
    };
    assert!(refusal(Activation::Softplus { beta: 0.0 }).contains("`beta` of `softplus` is 0"));
    assert!(refusal(Activation::Celu { alpha: f64::NAN }).contains("a finite number"));
    assert!(refusal(Activation::Clamp { min: Some(1.0), max: Some(0.0) }).contains("at least `min`"));
    assert!(refusal(Activation::Shrink { lambda: -1.0, bias: 0.0 }).contains("at least 0"));
}

#[test]
fn the_serialised_form_is_the_name() {
    let text = serde_json::to_string(&Activation::LeakyRelu { slope: 0.5 }).unwrap();
    assert_eq!(text, r#"{"leaky-relu":{"slope":0.5}}"#);
    for activation in ALL {
        let text = serde_json::to_string(&activation).unwrap();
        assert!(text.contains(&format!("\"{}\"", activation.name())), "{text}");
        assert_eq!(serde_json::from_str::<Activation>(&text).unwrap(), activation);
    }
}

#[test]
fn all_names_are_listed() {
    let mut names = ALL.map(|activation| activation.name()).to_vec();
    names.dedup();
    assert_eq!(names, Activation::NAMES);
    // The enum's own list, as serde tells it.
    let error = serde_json::from_str::<Activation>("\"unknown\"").unwrap_err().to_string();
    assert_eq!(error.matches('`').count(), 2 * (Activation::NAMES.len() + 1), "{error}");
}
