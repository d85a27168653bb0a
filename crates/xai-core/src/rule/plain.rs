//! Rules as the papers write them.

/// A rule in its plain form, term by term as its formula stands: where the fast form does not apply,
/// and to compare with it in tests.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plain<R>(pub(super) R);
