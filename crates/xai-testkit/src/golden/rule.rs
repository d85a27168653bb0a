//! Golden rules as the library's rules.

use burn::tensor::backend::Backend;
use xai_core::explain::Explainer;
use xai_core::rule::{
    AlphaBeta, Bound, Epsilon, Flat, Gamma, Gradient, Norm, Pass, Plain, ReluBetaSmooth, ReluDeconvNet,
    ReluGuidedBackprop, Rule, Stabilizer, WSquare, ZBox, ZPlus,
};

use super::data::Golden;
use super::error::GoldenError;
use super::manifest::{BoundSpec, Case, RuleSpec, StabilizerSpec};

/// The rule of a case.
pub(super) fn rule(golden: &Golden, case: &Case, spec: &RuleSpec) -> Result<Rule, GoldenError> {
    let unsupported = |what: String| GoldenError::Unsupported { case: case.name.clone(), what };
    let missing = |parameter: &str| unsupported(format!("rule `{}` without `{parameter}`", spec.name));
    let zero_bias = match spec.zero_params.as_slice() {
        [] => false,
        [bias] if bias == "bias" => true,
        other => return Err(unsupported(format!("parameters {other:?} cannot be zeroed"))),
    };
    let stabilizer = || spec.stabilizer.as_ref().map(stabilizer).ok_or_else(|| missing("stabilizer"));
    let number = |value: Option<f64>, name| value.ok_or_else(|| missing(name));
    let bound = |spec: &Option<BoundSpec>, name| match spec {
        Some(BoundSpec::Number(number)) => Ok(Bound::Number(*number)),
        Some(BoundSpec::Stored(_)) => stored_bound(golden, case, name),
        None => Err(missing(name)),
    };
    let rule = match spec.name.as_str() {
        "Epsilon" => Epsilon { epsilon: stabilizer()?, zero_bias }.into(),
        "ZPlus" => ZPlus { stabilizer: stabilizer()?, zero_bias }.into(),
        "AlphaBeta" => {
            let (alpha, beta) = (number(spec.alpha, "alpha")?, number(spec.beta, "beta")?);
            AlphaBeta { alpha, beta, stabilizer: stabilizer()?, zero_bias }.into()
        }
        "Gamma" => Gamma { gamma: number(spec.gamma, "gamma")?, stabilizer: stabilizer()?, zero_bias }.into(),
        "WSquare" => WSquare { stabilizer: stabilizer()?, zero_bias }.into(),
        name if zero_bias => return Err(unsupported(format!("rule `{name}` does not leave out biases"))),
        "ZBox" => {
            let (low, high) = (bound(&spec.low, "low")?, bound(&spec.high, "high")?);
            ZBox { low, high, stabilizer: stabilizer()? }.into()
        }
        "Flat" => Flat { stabilizer: stabilizer()? }.into(),
        "Norm" => Norm { stabilizer: stabilizer()? }.into(),
        "Pass" => Pass {}.into(),
        "Gradient" => Gradient {}.into(),
        "ReLUDeconvNet" => ReluDeconvNet {}.into(),
        "ReLUGuidedBackprop" => ReluGuidedBackprop {}.into(),
        "ReLUBetaSmooth" => ReluBetaSmooth { beta: number(spec.beta_smooth, "beta_smooth")? }.into(),
        name => return Err(unsupported(format!("rule `{name}` has no counterpart here"))),
    };
    Ok(rule)
}

fn stabilizer(spec: &StabilizerSpec) -> Stabilizer {
    let stabilizer = Stabilizer::from(spec.epsilon);
    let stabilizer = if spec.clip { stabilizer.clip() } else { stabilizer };
    match &spec.dim {
        _ if !spec.norm_scale => stabilizer,
        Some(dims) => stabilizer.rms_over(dims.clone()),
        None => stabilizer.rms(),
    }
}

/// A bound that is stored as a tensor with a batch of one.
fn stored_bound(golden: &Golden, case: &Case, name: &str) -> Result<Bound, GoldenError> {
    let stored = golden.tensor(case, name)?;
    match stored.dims.as_slice() {
        [1, dims @ ..] => {
            let values = stored.data.iter().map(|&value| f64::from(value)).collect();
            Ok(Bound::Tensor { dims: dims.to_vec(), values })
        }
        dims => Err(GoldenError::Inconsistent {
            case: case.name.clone(),
            what: format!("`{name}` is {dims:?}, not one bound for all samples"),
        }),
    }
}

/// Name under which [`with_plain_form`] registers a rule.
pub(super) const PLAIN: &str = "plain";

/// The explainer with the plain form of `rule` registered as [`PLAIN`], if the rule has one.
pub(super) fn with_plain_form<B: Backend>(explainer: Explainer<B>, rule: &Rule) -> Option<Explainer<B>> {
    Some(match rule.clone() {
        Rule::ZPlus(rule) => explainer.with_rule(PLAIN, Plain(rule)),
        Rule::AlphaBeta(rule) => explainer.with_rule(PLAIN, Plain(rule)),
        Rule::Gamma(rule) => explainer.with_rule(PLAIN, Plain(rule)),
        Rule::ZBox(rule) => explainer.with_rule(PLAIN, Plain(rule)),
        _ => return None,
    })
}
