//! Rules as the papers write them.

/// A rule in its plain form, term by term as its formula stands: for comparison and tests.
///
/// The rules themselves give the same relevance, up to rounding, in fewer passes. Register it with
/// [`Explainer::with_rule`](crate::explain::Explainer::with_rule).
#[derive(Debug, Clone, PartialEq)]
pub struct Plain<R>(
    /// The rule.
    pub R,
);
