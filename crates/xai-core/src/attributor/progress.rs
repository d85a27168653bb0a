//! How far a long computation is.

use std::fmt;
use std::sync::Arc;

/// How far a method is, in runs of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Progress {
    /// Steps done, from 1 to `total`.
    pub done: usize,
    /// All steps of this call.
    pub total: usize,
}

/// Whom to tell about progress, if anyone.
#[derive(Clone, Default)]
pub(crate) struct Listener(Option<Arc<dyn Fn(Progress) + Send + Sync>>);

impl Listener {
    pub(crate) fn new(listen: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(listen)))
    }

    pub(crate) fn tell(&self, done: usize, total: usize) {
        if let Some(listen) = &self.0 {
            listen(Progress { done, total });
        }
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "listening" } else { "none" })
    }
}
