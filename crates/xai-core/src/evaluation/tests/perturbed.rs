//! Metrics that perturb the input at random.

use std::cell::RefCell;

use super::*;
use crate::attributor::{Attribution, Attributor, InputXGradient, Noise, Saliency};
use crate::model::Inputs;

/// Four perturbations of the two samples of [`net_samples`].
fn perturbations(scale: f64, seed: usize) -> Vec<Value<Flex>> {
    let drawn: Vec<f64> = numbers(48, seed).into_iter().map(|x| scale * x).collect();
    drawn.chunks(12).map(|drawn| value(drawn.to_vec(), &[2, 6])).collect()
}

fn net_samples() -> (Value<Flex>, Value<Flex>) {
    (value(numbers(12, 3), &[2, 6]), value(numbers(12, 4), &[2, 6]))
}

#[test]
fn infidelity_is_that_of_captum() {
    let (x, relevance) = net_samples();
    let perturbations: Vec<Inputs<Flex>> = perturbations(0.5, 5).into_iter().map(Inputs::from).collect();
    // `captum.metrics.infidelity`, with `normalize`, and with `infidelity_perturb_func_decorator(True)`.
    for largest_batch in [1, 5, 32] {
        let infidelity = Infidelity::new(&relu_net()).with_largest_batch(largest_batch);
        let values = |infidelity: Infidelity<Flex>| {
            let target = Target::classes([1, 2]);
            infidelity
                .values_with_perturbations(x.clone(), relevance.clone(), target, &perturbations)
                .unwrap()
        };
        assert_close(&values(infidelity.clone()), &[2.8528485037104145, 0.3336658010418343]);
        assert_close(&values(infidelity.clone().with_scaling()), &[0.1827887723833994, 0.2305369825617597]);
        assert_close(&values(infidelity.with_contributions()), &[19.29688451496903, 721.7599470653884]);
    }
}

#[test]
fn elements_at_the_baseline_contribute_nothing() {
    // Predicted is 2 * 1 / 2 of the first element alone, and the score falls by 1 + 0.5.
    let (x, relevance) = (rows([[2.0, 0.0, 0.0, 0.0]]), rows([[2.0, 5.0, 0.0, 0.0]]));
    let perturbation = [Inputs::from(rows([[1.0, 1.0, 0.0, 0.0]]))];
    let infidelity = Infidelity::new(&linear()).with_contributions();
    assert_eq!(infidelity.values_with_perturbations(x, relevance, 0, &perturbation).unwrap(), [0.25]);
}

#[test]
fn max_sensitivity_is_that_of_captum() {
    let (x, _) = net_samples();
    let near: Vec<Inputs<Flex>> =
        perturbations(0.3, 6).into_iter().map(|step| Inputs::from(x.clone() + step)).collect();
    let sensitivity = MaxSensitivity::new(&relu_net());
    let values = |method: &dyn Attributor<Flex>| {
        sensitivity.values_at(method, x.clone(), Target::classes([1, 2]), &near).unwrap()
    };
    // `captum.metrics.sensitivity_max`. The second sample's ReLUs stay as they are.
    assert_close(&values(&Saliency::new(&relu_net())), &[0.488195293243733, 0.0]);
    assert_close(&values(&InputXGradient::new(&relu_net())), &[1.0965736190114668, 0.5357099204514507]);
}

/// Of the linear model, for class 0.
const WEIGHTS: [f32; 4] = [1.0, 0.5, -1.5, 2.0];

#[test]
fn right_relevance_of_a_linear_model_has_no_infidelity() {
    let (x, contributions) = samples();
    let gradient = rows([WEIGHTS; 2]);
    let perturbations = [
        Perturbation::Gaussian(0.5),
        Perturbation::Window(2.into()),
        Perturbation::Window([3].into()),
        Perturbation::Places(0.5),
    ];
    for perturbation in perturbations {
        let infidelity = Infidelity::new(&linear()).with_perturbation(perturbation.clone());
        let zero = infidelity.values(x.clone(), gradient.clone(), 0).unwrap();
        assert!(zero.iter().all(|value| *value < 1e-10), "{perturbation:?}: {zero:?}");
        let wrong = infidelity.values(x.clone(), gradient.clone() * 2.0, 0).unwrap();
        assert!(wrong.iter().all(|value| *value > 1e-3), "{perturbation:?}: {wrong:?}");
        let scaled = infidelity.with_scaling().values(x.clone(), gradient.clone() * 2.0, 0).unwrap();
        assert!(scaled.iter().all(|value| *value < 1e-10), "{perturbation:?}: {scaled:?}");
    }
    for perturbation in [Perturbation::Window(2.into()), Perturbation::Places(0.5)] {
        let infidelity = Infidelity::new(&linear()).with_perturbation(perturbation).with_contributions();
        let zero = infidelity.values(x.clone(), contributions.clone(), 0).unwrap();
        assert!(zero.iter().all(|value| *value < 1e-10), "{zero:?}");
        // From another baseline on, contributions are others.
        let shifted = infidelity.clone().with_baseline(1.0);
        let wrong = shifted.values(x.clone(), contributions.clone(), 0).unwrap();
        assert!(wrong.iter().all(|value| *value > 1e-3), "{wrong:?}");
        let right = (x.clone() - value_of(1.0)) * gradient.clone();
        let zero = shifted.values(x.clone(), right, 0).unwrap();
        assert!(zero.iter().all(|value| *value < 1e-10), "{zero:?}");
    }
}

fn value_of(number: f32) -> Value<Flex> {
    rows([[number; 4]])
}

#[test]
fn noise_has_the_variance_that_infidelity_expects() {
    // Without relevance it is the mean square of w . I, |w|^2 s^2.
    let x = rows([[1.0, -2.0, 0.5, 3.0]]);
    let infidelity =
        Infidelity::new(&linear()).with_perturbation(Perturbation::Gaussian(0.3)).with_draws(4000);
    let value = infidelity.with_largest_batch(1000).values(x, rows([[0.0; 4]]), 0).unwrap()[0];
    let expected = 7.5 * 0.09;
    // Five standard errors of the mean of 4,000 squares of a normal number.
    assert!((value / expected - 1.0).abs() < 5.0 * (2.0f64 / 4000.0).sqrt(), "{value}");
}

#[test]
fn every_window_is_removed_as_often_as_the_others() {
    // Of 3 windows of 2 features, which take 0.5, -0.5 and 1 off the score of 4 features.
    let x = rows([[0.0, 1.0, 2.0 / 3.0, 1.0]]);
    let infidelity = Infidelity::new(&linear()).with_perturbation(Perturbation::Window(2.into()));
    let value = infidelity.with_draws(6000).with_largest_batch(1000).values(x, rows([[0.0; 4]]), 0).unwrap();
    let expected = (0.25 + 0.25 + 1.0) / 3.0;
    // Five standard errors: the squares 0.25, 0.25 and 1 have the deviation 0.354.
    assert!((value[0] - expected).abs() < 5.0 * 0.354 / 6000f64.sqrt(), "{value:?}");
}

#[test]
fn channels_are_removed_together() {
    // The channels of each pixel cancel out, so that nothing happens to the score.
    let mut graph = GraphBuilder::new();
    let x = graph.input("x", &[1, 2, 3, 3]).unwrap();
    let flat = graph.push("flat", Reshape::flatten(), &[x]).unwrap();
    let weight = [numbers(9, 1), numbers(9, 1).iter().map(|w| -w).collect()].concat();
    let y = graph.push("y", Linear::new(value(weight, &[18, 1]), None).unwrap(), &[flat]).unwrap();
    let model = Model::from(graph.finish(y).unwrap());
    let (x, zero) = (value(vec![1.0; 18], &[1, 2, 3, 3]), value(vec![0.0; 18], &[1, 2, 3, 3]));
    let values = |perturbation| {
        let infidelity = Infidelity::new(&model).with_perturbation(perturbation);
        infidelity.values(x.clone(), zero.clone(), 0).unwrap()[0]
    };
    assert!(values(Perturbation::Places(0.5)) < 1e-20);
    assert!(values(Perturbation::Window(2.into())) < 1e-20);
    assert!(values(Perturbation::Window([1, 2, 2].into())) > 1e-3);
}

#[test]
fn perturbations_of_a_sample_do_not_depend_on_the_batch() {
    let (x, relevance) = net_samples();
    let one = |x: &Value<Flex>| x.clone().slice(&[burn::tensor::Slice::from(0..1)]);
    for perturbation in
        [Perturbation::Gaussian(0.5), Perturbation::Window(2.into()), Perturbation::Places(0.3)]
    {
        let infidelity = Infidelity::new(&relu_net()).with_perturbation(perturbation).with_draws(9);
        let both = infidelity.values(x.clone(), relevance.clone(), 1).unwrap();
        let alone = infidelity.values(one(&x), one(&relevance), 1).unwrap();
        assert_close(&alone, &both[..1]);
        assert_ne!(infidelity.with_seed(1).values(x.clone(), relevance.clone(), 1).unwrap(), both);
    }
}

/// Gives the input as its relevance, and remembers it.
struct Echo {
    model: Model<Flex>,
    seen: RefCell<Vec<Vec<f64>>>,
}

impl Attributor<Flex> for Echo {
    fn name(&self) -> &str {
        "echo"
    }

    fn attribute_inputs(
        &self,
        inputs: &Inputs<Flex>,
        target: &Target<Flex>,
    ) -> Result<Attribution<Flex>, ExplainError> {
        let output = self.model.output(inputs.clone(), 0)?;
        let start = target.clone().resolve(&output)?;
        let x = inputs.floats();
        self.seen.borrow_mut().push(crate::engine::read(&x[0])?);
        Ok(Attribution::new(inputs, x, output, start))
    }
}

#[test]
fn inputs_stay_in_the_box() {
    let (x, _) = net_samples();
    let echo = Echo { model: relu_net(), seen: RefCell::default() };
    let sensitivity = MaxSensitivity::new(&relu_net()).with_radius(0.25).with_draws(20);
    let values = sensitivity.values(&echo, x.clone(), 0).unwrap();
    let seen = echo.seen.take();
    assert_eq!(seen.len(), 21);
    let steps = |near: &[f64]| near.iter().zip(&seen[0]).map(|(a, b)| a - b).collect::<Vec<_>>();
    let all: Vec<f64> = seen[1..].iter().flat_map(|near| steps(near)).collect();
    assert!(all.iter().all(|step| step.abs() <= 0.25 + 1e-12));
    assert!(all.iter().any(|step| *step > 0.2) && all.iter().any(|step| *step < -0.2));
    // The relevance moves like the input, so the values follow from the draws of each sample.
    for (sample, value) in values.iter().enumerate() {
        let mut noise = Noise::new(0, 0, 2);
        let norm = |values: &[f64]| values.iter().map(|value| value * value).sum::<f64>().sqrt();
        let drawn = (0..20).map(|_| {
            let steps: Vec<f64> = noise.draw_uniform(6).iter().map(|u| 0.25 * (2.0 * u - 1.0)).collect();
            norm(&steps[sample * 6..(sample + 1) * 6])
        });
        let largest = drawn.fold(0.0, f64::max);
        assert_close(&[*value], &[largest / norm(&seen[0][sample * 6..(sample + 1) * 6])]);
    }
}

#[test]
fn without_relevance_the_change_counts_by_itself() {
    let echo = Echo { model: linear(), seen: RefCell::default() };
    let near = [Inputs::from(rows([[3.0, 4.0, 0.0, 0.0]])), rows([[1.0, 0.0, 0.0, 0.0]]).into()];
    let values = MaxSensitivity::new(&linear()).values_at(&echo, rows([[0.0; 4]]), 0, &near).unwrap();
    assert_eq!(values, [5.0]);
}

#[test]
fn misfits_are_errors() {
    let (x, relevance) = samples();
    let infidelity = || Infidelity::new(&linear());
    let refused = |infidelity: Infidelity<Flex>| refusal(infidelity.values(x.clone(), relevance.clone(), 0));
    let parameter = |error: AttributorError| match error {
        AttributorError::Parameter { parameter, .. } => parameter,
        other => panic!("{other}"),
    };
    assert_eq!(parameter(refused(infidelity().with_draws(0))), "draws");
    assert_eq!(parameter(refused(infidelity().with_largest_batch(0))), "largest_batch");
    for deviation in [-1.0, f64::NAN, f64::INFINITY] {
        let refused = refused(infidelity().with_perturbation(Perturbation::Gaussian(deviation)));
        assert_eq!(parameter(refused), "deviation");
    }
    assert_eq!(parameter(refused(infidelity().with_perturbation(Perturbation::Places(1.5)))), "probability");
    let window = refused(infidelity().with_perturbation(Perturbation::Window(5.into())));
    assert!(matches!(window, AttributorError::Size { got: 5, largest: 4, .. }));
    let given = |given: &[Inputs<Flex>]| {
        refusal(infidelity().values_with_perturbations(x.clone(), relevance.clone(), 0, given))
    };
    assert_eq!(parameter(given(&[])), "perturbations");
    assert!(matches!(given(&[rows([[0.0; 4]]).into()]), AttributorError::Noise { .. }));

    let saliency = Saliency::new(&linear());
    let sensitivity = || MaxSensitivity::new(&linear());
    let refused = |sensitivity: MaxSensitivity<Flex>| refusal(sensitivity.values(&saliency, x.clone(), 0));
    assert_eq!(parameter(refused(sensitivity().with_draws(0))), "draws");
    assert_eq!(parameter(refused(sensitivity().with_radius(f64::NAN))), "radius");
    assert_eq!(parameter(refusal(sensitivity().values_at(&saliency, x.clone(), 0, &[]))), "near");
    let near = [Inputs::from(rows([[0.0; 4]]))];
    let error = refusal(sensitivity().values_at(&saliency, x.clone(), 0, &near));
    assert!(matches!(error, AttributorError::NearInputs { .. }));
}
