use super::*;
use crate::attributor::{Attributor, Lrp};
use crate::composite::{Composite, Matcher, epsilon_plus_flat, gradient};
use crate::error::{PlanError, RuleError};
use crate::graph::NodeView;
use crate::layer::{LayerKind, Saved};
use crate::rule::{BoundRule, PropagationRule, Rule};
use crate::{error::ExplainError, model::Seed, model::Target};

#[test]
fn relevance_and_activations_are_kept_at_named_nodes() {
    let (model, weight) = linear();
    let lrp = Lrp::new(&model, gradient()).with_relevance_at("lin*").with_activations_at("*").with_ledger();
    let attribution = lrp.attribute(features(), Target::class(1).with_seed(Seed::One)).unwrap();
    assert_eq!(values(attribution.relevance_at::<2>("linear").unwrap()), [0.0, 1.0, 0.0, 1.0]);
    assert_eq!(values(attribution.activation_at::<2>("x").unwrap()), values(features()));
    let output = values(attribution.output::<2>().unwrap());
    assert_eq!(values(attribution.activation_at::<2>("linear").unwrap()), output);
    assert_eq!(attribution.ledger().unwrap().rows().len(), 1);
    let column = weight.map(|row| f64::from(row[1]));
    assert_eq!(relevance(&attribution), [column, column].concat());
    let refused = attribution.relevance_at::<2>("x").unwrap_err().to_string();
    assert!(refused.contains("relevance at `x` was not kept"), "{refused}");
    let refused = Lrp::new(&model, gradient()).with_activations_at("liner").attribute(features(), 0);
    assert!(refused.unwrap_err().to_string().contains("nearest names are `linear`"));
}

/// `R_in = (x - b) (W (R / (y - y_b)))`: shares of the difference from a baseline `b`.
#[derive(Debug)]
pub(super) struct Difference;

impl PropagationRule<Flex> for Difference {
    fn bind(&self, node: &NodeView<'_, Flex>) -> Result<BoundRule<Flex>, RuleError> {
        assert_eq!(node.producer(0).unwrap().layer().kind(), LayerKind::Input);
        Ok(BoundRule::new(Saved::ALL.with_reference(), |context, relevance| {
            let difference = context.output()? - context.reference_output()?;
            let back = context.layer().ops().vjp(context, relevance / difference)?;
            let way = context.input(0)? - context.reference_input(0)?;
            Ok(back.into_iter().map(|back| back * &way).collect())
        }))
    }
}

#[test]
fn a_rule_can_compare_with_a_baseline() {
    let (model, weight) = linear();
    let composite = Composite::new("difference").append(Matcher::Any, Rule::custom("difference"));
    let lrp = Lrp::new(&model, composite).with_rule("difference", Difference);
    let refused = lrp.attribute(features(), 0).unwrap_err();
    let expected =
        PlanError::Rule { node: "linear".into(), rule: "difference".into(), source: RuleError::NoReference };
    assert!(matches!(refused, ExplainError::Plan(error) if error == expected));
    let got = lrp.with_reference(0.5).attribute(features(), 0).unwrap();
    // The rule shares the score out in proportion to each feature's part in the difference.
    let x = values(features());
    for (sample, scores) in x.chunks(4).zip(got.scores().unwrap()).enumerate() {
        let (x, score) = scores;
        let parts: Vec<_> = x.iter().zip(weight).map(|(x, row)| (x - 0.5) * f64::from(row[0])).collect();
        let whole: f64 = parts.iter().sum();
        let want: Vec<_> = parts.iter().map(|part| part / whole * score).collect();
        assert_close(&relevance(&got)[sample * 4..][..4], &want, 1e-5);
    }
}

/// Gives NaN.
#[derive(Debug)]
struct Broken;

impl PropagationRule<Flex> for Broken {
    fn bind(&self, _: &NodeView<'_, Flex>) -> Result<BoundRule<Flex>, RuleError> {
        Ok(BoundRule::new(Saved::NOTHING, |_, relevance| Ok(vec![relevance * f64::NAN])))
    }
}

#[test]
fn relevance_that_is_not_finite_is_an_error_that_names_node_and_rule() {
    let composite = epsilon_plus_flat().prepend(Matcher::name("second.relu"), Rule::custom("broken"));
    let lrp = Lrp::new(&model(), composite).with_rule("broken", Broken);
    let refused = lrp.attribute(images(2), 1).unwrap_err();
    match refused {
        ExplainError::RelevanceNotFinite { node, rule, value } => {
            assert_eq!((node.as_str(), rule.as_str()), ("second.relu", "broken"));
            assert!(value.is_nan());
        }
        other => panic!("{other}"),
    }
}
