//! Progress of the methods that take long.

use burn_xai::attributor::Progress;
use indicatif::{ProgressBar, ProgressStyle};

/// A bar on the terminal that follows a method's progress, and goes when the method is done.
pub fn bar(name: &'static str) -> impl Fn(Progress) + Send + Sync {
    let bar = ProgressBar::new(0).with_message(name).with_style(
        ProgressStyle::with_template("{msg:20} {bar:30} {pos}/{len}")
            .unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    move |progress| {
        bar.set_length(progress.total as u64);
        bar.set_position(progress.done as u64);
        if progress.done == progress.total {
            bar.finish_and_clear();
            bar.reset();
        }
    }
}
