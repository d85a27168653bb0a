//! Progress of the methods that take long.

use burn_xai::attributor::Progress;
use indicatif::{HumanDuration, ProgressBar, ProgressStyle};

/// A bar on the terminal that follows a method's progress with the time left, and goes when the method is done.
pub fn bar(name: &'static str) -> impl Fn(Progress) + Send + Sync {
    let bar = ProgressBar::new(0).with_prefix(name).with_style(
        ProgressStyle::with_template("{prefix:20} {bar:30} {pos}/{len}  {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    move |progress| {
        bar.set_length(progress.total as u64);
        bar.set_position(progress.done as u64);
        // Not the bar's own estimate: a bar is made long before its method begins.
        if let Some(left) = progress.time_left() {
            bar.set_message(format!("{} left", HumanDuration(left)));
        }
        if progress.done == progress.total {
            bar.finish_and_clear();
            bar.reset();
        }
    }
}
