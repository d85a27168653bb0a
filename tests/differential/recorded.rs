//! Random programs, recorded: against the programs themselves, autodiff and finite differences.

use burn::tensor::Tensor;
use burn_autodiff::Autodiff;
use burn_xai::Value;
use burn_xai::backend::flex::Flex;
use burn_xai::prelude::*;
use burn_xai::trace::Traced;
use xai_testkit::host::{Array, elements, relative_error};

use super::dice::Dice;
use super::program::{Any, numbers, run, tensor};

type A = Autodiff<Flex>;

/// Operations whose gradient in Burn 0.21 differs from finite differences, which agree with the library's.
const WRONG_IN_AUTODIFF: [&str; 3] = ["repeat", "avg_pool1d", "avg_pool2d"];

/// The program of a seed; whether it was compared.
pub(crate) fn check(seed: u64) -> Result<bool, String> {
    let dice = &mut Dice::new(seed);
    let batch = dice.within(1, 3);
    match dice.below(3) {
        0 => check_rank(seed, [batch, dice.within(1, 5)], Any::R2, Any::R2, Any::R2),
        1 => check_rank(seed, [batch, dice.within(1, 3), dice.within(1, 5)], Any::R3, Any::R3, Any::R3),
        _ => {
            let dims = [batch, dice.within(1, 2), dice.within(1, 4), dice.within(1, 4)];
            check_rank(seed, dims, Any::R4, Any::R4, Any::R4)
        }
    }
}

/// The program of a seed on inputs of these sizes.
fn check_rank<const D: usize>(
    seed: u64,
    dims: [usize; D],
    plain: fn(Tensor<Flex, D>) -> Any<Flex>,
    traced: fn(Tensor<Traced<Flex>, D>) -> Any<Traced<Flex>>,
    autodiff: fn(Tensor<A, D>) -> Any<A>,
) -> Result<bool, String> {
    let dice = &mut Dice::new(!seed);
    let count = dims.iter().product();
    let (x, y) = (numbers(dice, count), numbers(dice, count));
    let on_plain = |x: &[f64], y: &[f64]| run(seed, vec![plain(tensor(x, dims)), plain(tensor(y, dims))]);
    let (output, names) = on_plain(&x, &y);
    let fail = |text: String| format!("{text}\n  inputs {dims:?} {x:?} {y:?}\n  {}", names.join("\n  "));
    let output_dims = output.dims();
    let want = elements(&Value::from(output.flat()));
    let largest =
        want.iter().fold(0.0f64, |largest, y| largest.max(if y.is_finite() { y.abs() } else { 1e9 }));
    if names.is_empty() || largest > 1e4 {
        return Ok(false);
    }
    let weights = numbers(dice, want.len());

    let model: Model<Flex> = record_fn(move |(x, y): (Tensor<Traced<Flex>, D>, Tensor<Traced<Flex>, D>)| {
        run(seed, vec![traced(x), traced(y)]).0
    });
    let inputs = || (tensor::<Flex, D>(&x, dims), tensor::<Flex, D>(&y, dims));
    let got = match model.output(inputs(), 0) {
        Ok(got) => got,
        // Such as a swap of a dimension with itself.
        Err(error) if error.to_string().contains("returns an input as it is") => return Ok(false),
        Err(error) => return Err(fail(error.to_string())),
    };
    if got.dims() != output_dims {
        return Err(fail(format!("output of the sizes {:?}, not {output_dims:?}", got.dims())));
    }
    let error = off(&elements(&got), &want);
    if error > 1e-10 {
        return Err(fail(format!("output off by {error:e}: {:?}, not {want:?}", elements(&got))));
    }

    let target = Array { dims: output_dims, data: weights.clone() };
    let target = Target::relevance(target.value::<Flex>(burn::tensor::DType::F64, &Default::default()));
    let attribution =
        Saliency::new(&model).attribute(inputs(), target).map_err(|error| fail(error.to_string()))?;
    let got: Vec<f64> = attribution.relevances().iter().flatten().flat_map(elements).collect();

    let [x_leaf, y_leaf] = [&x, &y].map(|data| tensor::<A, D>(data, dims).require_grad());
    let output = run(seed, vec![autodiff(x_leaf.clone()), autodiff(y_leaf.clone())]).0.flat();
    let gradients = (output * tensor::<A, 1>(&weights, [weights.len()])).sum().backward();
    let by_autodiff = |leaf: &Tensor<A, D>| match leaf.grad(&gradients) {
        Some(gradient) => elements(&Value::from(gradient)),
        None => vec![0.0; count],
    };
    let want = [by_autodiff(&x_leaf), by_autodiff(&y_leaf)].concat();
    let right = |name: &String| !WRONG_IN_AUTODIFF.iter().any(|wrong| name.starts_with(wrong));
    if names.iter().all(right) && want.iter().all(|gradient| gradient.is_finite()) {
        let error = off(&got, &want);
        // Burn's autodiff rounds some factors and every sigmoid to f32, whatever the element type.
        if error > 1e-6 {
            return Err(fail(format!("gradient off by {error:e}: {got:?}, by autodiff {want:?}")));
        }
    }
    along_a_line(dice, [&x, &y], &weights, &got, |x, y| on_plain(x, y).0).map_err(fail)?;
    Ok(true)
}

/// The largest difference relative to the largest element. What cancels almost to nothing has no digits to
/// compare.
fn off(got: &[f64], want: &[f64]) -> f64 {
    let largest = want.iter().fold(0.0f64, |largest, x| largest.max(x.abs()));
    relative_error(got, want) * if largest > 0.0 { largest / largest.max(1e-2) } else { 1.0 }
}

/// The gradient along a random direction against a central difference; nothing where both sides differ, as
/// at a kink.
fn along_a_line(
    dice: &mut Dice,
    [x, y]: [&[f64]; 2],
    weights: &[f64],
    gradient: &[f64],
    f: impl Fn(&[f64], &[f64]) -> Any<Flex>,
) -> Result<(), String> {
    let direction = numbers(dice, x.len() + y.len());
    let at = |step: f64| -> f64 {
        let moved = |x: &[f64], direction: &[f64]| -> Vec<f64> {
            x.iter().zip(direction).map(|(x, direction)| x + step * direction).collect()
        };
        let output = f(&moved(x, &direction), &moved(y, &direction[x.len()..]));
        elements(&Value::from(output.flat())).iter().zip(weights).map(|(y, weight)| y * weight).sum()
    };
    let slope: f64 = gradient.iter().zip(&direction).map(|(gradient, direction)| gradient * direction).sum();
    super::finite::agrees(slope, at)
}
