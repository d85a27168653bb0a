//! Settings of a method that may differ between the inputs of a model.

use crate::error::AttributorError;

/// One setting for all explained inputs, or one for each.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum PerInput<T> {
    All(T),
    Each(Vec<T>),
}

impl<T> PerInput<T> {
    pub(crate) fn each(settings: impl IntoIterator<Item = impl Into<T>>) -> Self {
        Self::Each(settings.into_iter().map(Into::into).collect())
    }

    /// The setting of each of `explained` inputs.
    pub(crate) fn resolve(
        &self,
        parameter: &'static str,
        explained: usize,
    ) -> Result<Vec<&T>, AttributorError> {
        match self {
            Self::All(setting) => Ok(vec![setting; explained]),
            Self::Each(settings) if settings.len() == explained => Ok(settings.iter().collect()),
            Self::Each(settings) => {
                Err(AttributorError::PerInput { parameter, got: settings.len(), explained })
            }
        }
    }
}
