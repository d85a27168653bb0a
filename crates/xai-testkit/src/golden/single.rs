//! Cases of one rule on one layer, on graphs built by hand.

use burn::tensor::DType;
use burn::tensor::backend::Backend;
use xai_core::Value;
use xai_core::composite::{Composite, Matcher};
use xai_core::explain::{Attribution, Explainer, Target};
use xai_core::graph::{Graph, GraphBuilder};
use xai_core::layer::{Activation, Add, Layer, LayerKind, Reduce, Reshape};
use xai_core::rule::{Pass, Rule, WinnerTakesAll};

use super::compare::Deviation;
use super::data::{Golden, HostTensor};
use super::error::GoldenError;
use super::layer::Place;
use super::manifest::{Case, Detail, LayerSpec};
use super::rule::{PLAIN, rule, with_plain_form};
use super::weights::Weights;
use crate::attribution;

/// A case of one layer, ready to be explained.
pub(super) struct Single<'a, B: Backend> {
    case: &'a Case,
    pub(super) layer: &'a LayerSpec,
    pub(super) input: HostTensor,
    pub(super) output: HostTensor,
    relevance_in: HostTensor,
    relevance_out: Value<B>,
    /// The layer as graphs that must all give the same.
    pub(super) subjects: Vec<Subject<B>>,
    /// Rules that must all give the same.
    pub(super) rules: Vec<Rule>,
}

/// The layer as a graph. Other layers in it pass relevance on.
pub(super) struct Subject<B: Backend> {
    /// What is special about it, to be put after a tensor's name.
    what: &'static str,
    pub(super) graph: Graph<B>,
    pub(super) inputs: Vec<Value<B>>,
    /// Kind of the layer that the rule is for.
    pub(super) kind: LayerKind,
}

impl<'a, B: Backend> Single<'a, B> {
    pub(super) fn of(
        golden: &'a Golden,
        case: &'a Case,
        dtype: DType,
        device: &'a B::Device,
    ) -> Result<Self, GoldenError> {
        let (layer, rules, non_negative) = match &case.detail {
            Detail::Rule { layer, rule: spec, input_kind } => {
                let non_negative = input_kind.as_deref() == Some("nonneg");
                (layer, vec![rule(golden, case, spec)?], non_negative)
            }
            Detail::MaxpoolGradient { layer, rule: spec } => {
                (layer, vec![rule(golden, case, spec)?, WinnerTakesAll {}.into()], false)
            }
            _ => {
                let what = "no runner for its kind".to_owned();
                return Err(GoldenError::Unsupported { case: case.name.clone(), what });
            }
        };
        let input = golden.tensor(case, "input")?;
        let output = golden.tensor(case, "output")?;
        let weights = Weights::<B>::of_layer(golden, case, dtype, device);
        let subjects = subjects(&weights, layer, &input, &output.dims, non_negative)?;
        Ok(Self {
            case,
            layer,
            input,
            output,
            relevance_in: golden.tensor(case, "relevance_in")?,
            relevance_out: golden.tensor(case, "relevance_out")?.value(dtype, device),
            subjects,
            rules,
        })
    }

    /// Explains a graph by `rule` on all nodes of one kind.
    pub(super) fn explain(
        &self,
        graph: Graph<B>,
        inputs: &[Value<B>],
        kind: LayerKind,
        rule: &Rule,
    ) -> Result<Attribution<B>, GoldenError> {
        self.attribute(&Explainer::new(graph, composite(kind, rule.clone())), inputs)
    }

    /// The same by the plain form of `rule`, if it has one.
    fn explain_plainly(
        &self,
        graph: Graph<B>,
        inputs: &[Value<B>],
        kind: LayerKind,
        rule: &Rule,
    ) -> Result<Option<Attribution<B>>, GoldenError> {
        let plain = Rule::Custom { name: PLAIN.to_owned() };
        let explainer = with_plain_form(Explainer::new(graph, composite(kind, plain)), rule);
        explainer.map(|explainer| self.attribute(&explainer, inputs)).transpose()
    }

    fn attribute(
        &self,
        explainer: &Explainer<B>,
        inputs: &[Value<B>],
    ) -> Result<Attribution<B>, GoldenError> {
        let target = Target::relevance(self.relevance_out.clone());
        explainer.explain_values(inputs, target).map_err(|source| self.failed(source))
    }

    /// The output and the relevance of the input, several inputs as one.
    pub(super) fn results(&self, attribution: &Attribution<B>) -> Result<[Value<B>; 2], GoldenError> {
        let output = attribution::output(attribution, self.output.dims.len());
        let output = output.map_err(|source| self.failed(source))?;
        let relevance = match attribution.relevances() {
            [relevance] => relevance.clone(),
            several => {
                let rank = self.relevance_in.dims.len();
                let column = |value: &Value<B>| value.clone().reshape(&[&value.dims()[..], &[1]].concat());
                Value::cat(several.iter().map(column).collect(), rank - 1)
            }
        };
        Ok([output, relevance])
    }

    /// Compares an attribution's output and relevance; `what` is put after their names.
    pub(super) fn deviations(
        &self,
        attribution: &Attribution<B>,
        what: &str,
    ) -> Result<[Deviation; 2], GoldenError> {
        let [output, relevance] = self.results(attribution)?;
        Ok([
            Deviation::of(self.case, &format!("output{what}"), &output, &self.output)?,
            Deviation::of(self.case, &format!("relevance_in{what}"), &relevance, &self.relevance_in)?,
        ])
    }

    fn failed(&self, source: xai_core::error::ExplainError) -> GoldenError {
        GoldenError::Explain { case: self.case.name.clone(), source: Box::new(source) }
    }
}

fn subjects<B: Backend>(
    weights: &Weights<'_, B>,
    spec: &LayerSpec,
    input: &HostTensor,
    output: &[usize],
    non_negative: bool,
) -> Result<Vec<Subject<B>>, GoldenError> {
    let value = |tensor: &HostTensor| tensor.value::<B>(weights.dtype, weights.device);
    let whole = || vec![value(input)];
    let chain = |what, inputs: Vec<Value<B>>, layers: Vec<Layer<B>>, kind| {
        let mut builder = GraphBuilder::new();
        let ids = inputs.iter().enumerate().map(|(i, x)| builder.input(format!("x{i}"), &x.dims()));
        let mut ids = ids.collect::<Result<Vec<_>, _>>()?;
        for (i, layer) in layers.into_iter().enumerate() {
            ids = vec![builder.push(format!("layer{i}"), layer, &ids)?];
        }
        Ok(Subject { what, graph: builder.finish(ids[0])?, inputs, kind })
    };
    let subjects: Result<Vec<_>, _> = match spec.op.as_str() {
        "Sum" => {
            let rank = input.dims.len();
            let axes = spec.dim.as_deref().unwrap_or_default();
            let axes: Vec<_> = axes.iter().map(|&axis| axis.rem_euclid(rank as isize) as usize).collect();
            let rest = output.iter().skip(1).map(|&size| size as i64);
            let squeeze = Reshape::new(std::iter::once(0).chain(rest));
            let sums_stack = axes == [rank - 1];
            let layers = vec![Reduce::sum(axes).into(), squeeze.into()];
            let reduced = chain("", whole(), layers, LayerKind::Sum);
            // A stack of summands: what a residual connection adds up.
            let summands = || input.columns().iter().map(value).collect();
            let added = sums_stack.then(|| chain(" by Add", summands(), vec![Add.into()], LayerKind::Add));
            std::iter::once(reduced).chain(added).collect()
        }
        _ => {
            let layer = Place { weights, node: None, spec }.layer()?;
            let kind = layer.kind();
            // Rules take shortcuts where they know that an input cannot be negative.
            let shortcut = non_negative && layer.ops().linear_map().is_some();
            let behind = shortcut.then(|| {
                chain(" behind a ReLU", whole(), vec![Activation::Relu.into(), layer.clone()], kind)
            });
            std::iter::once(chain("", whole(), vec![layer], kind)).chain(behind).collect()
        }
    };
    subjects.map_err(|source| GoldenError::Graph { case: weights.case.name.clone(), source })
}

/// Runs a case with all its rules, in their plain form too, on all its graphs.
pub(super) fn built_by_hand<B: Backend>(
    golden: &Golden,
    case: &Case,
    dtype: DType,
    device: &B::Device,
) -> Result<Vec<Deviation>, GoldenError> {
    let single = Single::<B>::of(golden, case, dtype, device)?;
    let mut deviations = Vec::new();
    for Subject { what, graph, inputs, kind } in &single.subjects {
        for rule in &single.rules {
            let what = format!("{what}, rule {}", rule.name());
            let attribution = single.explain(graph.clone(), inputs, *kind, rule)?;
            deviations.extend(single.deviations(&attribution, &what)?);
            if let Some(attribution) = single.explain_plainly(graph.clone(), inputs, *kind, rule)? {
                deviations.extend(single.deviations(&attribution, &format!("{what} in plain form"))?);
            }
        }
    }
    Ok(deviations)
}

/// `rule` on the nodes of one kind; all others pass relevance on.
fn composite(kind: LayerKind, rule: Rule) -> Composite {
    Composite::new("golden").or(Matcher::Kind(kind), rule).or(Matcher::Any, Pass {})
}
