//! How far a long computation is.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How far a method is, in runs of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Progress {
    /// Steps done, from 1 to `total`.
    pub done: usize,
    /// All steps of this call.
    pub total: usize,
    /// Time since the call began.
    pub elapsed: Duration,
}

impl Progress {
    /// How long the rest will take if its steps take as long as those before:
    /// `elapsed * (total - done) / done`. `None` before anything is done.
    ///
    /// The first steps of a model that is recorded for them take longer, so the estimate falls at first.
    pub fn time_left(&self) -> Option<Duration> {
        let left = self.total.saturating_sub(self.done) as f64;
        // Not finite for 0 steps done, or more than a `Duration` holds.
        Duration::try_from_secs_f64(self.elapsed.as_secs_f64() * left / self.done as f64).ok()
    }
}

/// Whom to tell about progress, if anyone.
#[derive(Clone, Default)]
pub(crate) struct Listener(Option<Arc<dyn Fn(Progress) + Send + Sync>>);

impl Listener {
    pub(crate) fn new(listen: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(listen)))
    }

    /// To be called where a method begins.
    pub(crate) fn begin(&self) -> Call<'_> {
        Call(self.0.as_deref().map(|listen| (listen, Instant::now())))
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "listening" } else { "none" })
    }
}

/// One call of a method that someone may listen to, and when it began. Nobody asks for the time if no
/// one listens: not every target has a clock.
pub(crate) struct Call<'a>(Option<(&'a (dyn Fn(Progress) + Send + Sync), Instant)>);

impl Call<'_> {
    pub(crate) fn tell(&self, done: usize, total: usize) {
        if let Some((listen, began)) = self.0 {
            listen(Progress { done, total, elapsed: began.elapsed() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_takes_as_long_per_step() {
        let left = |done, total| Progress { done, total, elapsed: Duration::from_secs(6) }.time_left();
        assert_eq!(left(3, 12), Some(Duration::from_secs(18)));
        assert_eq!(left(12, 12), Some(Duration::ZERO));
        assert_eq!((left(0, 12), left(0, 0)), (None, None));
        assert_eq!(left(13, 12), Some(Duration::ZERO));
        let ages = Progress { done: 1, total: usize::MAX, elapsed: Duration::MAX };
        assert_eq!(ages.time_left(), None);
    }
}
