//! Golden rules and methods as the library's.

use burn::tensor::backend::Backend;
use serde::Deserialize;
use serde_json::Value as Json;
use xai_core::composite::{self, Composite, Presets};
use xai_core::rule::{
    AlphaBeta, Bound, Epsilon, Flat, Gamma, Gradient, Norm, Pass, ReluBetaSmooth, ReluDeconvNet,
    ReluGuidedBackprop, Rule, Stabilizer, TakesMost, WSquare, ZBox, ZPlus,
};

use super::arguments::Arguments;
use super::error::{GoldenError, Place};
use super::manifest::RuleSpec;
use super::trial::Trial;

/// The rule of a case.
pub(super) fn rule<B: Backend>(trial: &Trial<'_, B>, spec: &RuleSpec) -> Result<Rule, GoldenError> {
    let given = &mut Arguments::new(Place::Rule(spec.name.clone()), &spec.arguments);
    let rule = match spec.name.as_str() {
        "Epsilon" => Epsilon { epsilon: stabilizer(given)?, zero_bias: zero_bias(given)? }.into(),
        "ZPlus" => ZPlus { stabilizer: stabilizer(given)?, zero_bias: zero_bias(given)? }.into(),
        "AlphaBeta" => AlphaBeta {
            alpha: given.required("alpha")?,
            beta: given.required("beta")?,
            stabilizer: stabilizer(given)?,
            zero_bias: zero_bias(given)?,
        }
        .into(),
        "Gamma" => Gamma {
            gamma: given.required("gamma")?,
            stabilizer: stabilizer(given)?,
            zero_bias: zero_bias(given)?,
        }
        .into(),
        "WSquare" => WSquare { stabilizer: stabilizer(given)?, zero_bias: zero_bias(given)? }.into(),
        "ZBox" => {
            let (low, high) = (bound(trial, given, "low")?, bound(trial, given, "high")?);
            ZBox { low, high, stabilizer: stabilizer(given)? }.into()
        }
        "Flat" => Flat { stabilizer: stabilizer(given)? }.into(),
        "Norm" => Norm { stabilizer: stabilizer(given)? }.into(),
        "Pass" => Pass.into(),
        "Gradient" => Gradient.into(),
        "ReLUDeconvNet" => ReluDeconvNet.into(),
        "ReLUGuidedBackprop" => ReluGuidedBackprop.into(),
        "ReLUBetaSmooth" => ReluBetaSmooth { beta: given.required("beta_smooth")? }.into(),
        "TakesMost" => {
            // The layer says again whether it is a max or min pool; what the reference adds to the
            // sum of a window is too little to see.
            given.take::<String>("mode")?;
            given.take::<f64>("beta_signed")?;
            given.take::<f64>("denominator_epsilon")?;
            TakesMost { beta: given.required("beta")? }.into()
        }
        _ => return Err(given.error("name", "has no counterpart here")),
    };
    // The other rules leave out no bias.
    given.take::<[(); 0]>("zero_params")?;
    given.finish().map(|()| rule)
}

/// The composite that a method stands for, or that its gradients come from.
pub(super) fn composite(method: &str, given: &mut Arguments) -> Result<Composite, GoldenError> {
    if ["Gradient", "InputXGradient", "SmoothGrad", "IntegratedGradients"].contains(&method) {
        return Ok(composite::gradient());
    }
    let defaults = Presets::default();
    let presets = Presets {
        epsilon: given.take("epsilon")?.map_or(defaults.epsilon, |epsilon: f64| epsilon.into()),
        gamma: given.take("gamma")?.unwrap_or(defaults.gamma),
        beta_smooth: given.take("beta_smooth")?.unwrap_or(defaults.beta_smooth),
        stabilizer: given.take("stabilizer")?.map_or(defaults.stabilizer, |epsilon: f64| epsilon.into()),
        zero_bias: zero_bias(given)?,
    };
    Ok(match method {
        "EpsilonPlus" => presets.epsilon_plus(),
        "EpsilonPlusFlat" => presets.epsilon_plus_flat(),
        "EpsilonAlpha2Beta1" => presets.epsilon_alpha2_beta1(),
        "EpsilonAlpha2Beta1Flat" => presets.epsilon_alpha2_beta1_flat(),
        "EpsilonGammaBox" => {
            let (low, high): (f64, f64) = (given.required("low")?, given.required("high")?);
            presets.epsilon_gamma_box(low, high)
        }
        "ExcitationBackprop" => presets.excitation_backprop(),
        "DeconvNet" => presets.deconv_net(),
        "GuidedBackprop" => presets.guided_backprop(),
        "BetaSmooth" => presets.beta_smooth(),
        _ => return Err(given.error("method", "has no counterpart here")),
    })
}

/// Whether the bias is taken for 0.
fn zero_bias(given: &mut Arguments) -> Result<bool, GoldenError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Parameter {
        Bias,
    }
    Ok(given.take::<Vec<Parameter>>("zero_params")?.is_some_and(|zero| !zero.is_empty()))
}

fn stabilizer(given: &mut Arguments) -> Result<Stabilizer, GoldenError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Spec {
        epsilon: f64,
        clip: bool,
        norm_scale: bool,
        dim: Option<Vec<usize>>,
    }
    let Spec { epsilon, clip, norm_scale, dim } = given.required("stabilizer")?;
    let stabilizer = Stabilizer::from(epsilon);
    let stabilizer = if clip { stabilizer.with_clip() } else { stabilizer };
    Ok(match dim {
        _ if !norm_scale => stabilizer,
        Some(dims) => stabilizer.with_rms_over(dims),
        None => stabilizer.with_rms(),
    })
}

/// A number, or `tensor`: stored with the case, with a batch of one.
fn bound<B: Backend>(trial: &Trial<'_, B>, given: &mut Arguments, name: &str) -> Result<Bound, GoldenError> {
    let spec: Json = given.required(name)?;
    if let Some(number) = spec.as_f64() {
        return Ok(Bound::Number(number));
    }
    let stored = trial.tensor(name)?;
    match stored.dims.as_slice() {
        [1, dims @ ..] if spec == "tensor" => Ok(Bound::Tensor { dims: dims.to_vec(), values: stored.data }),
        dims => Err(given.error(name, format!("is {spec} of {dims:?}, not one bound for all samples"))),
    }
}
