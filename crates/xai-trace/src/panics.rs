//! Turns panics of the user's forward function into text.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

thread_local! {
    /// Whether panics of this thread are caught and reported as errors.
    static CAUGHT: Cell<bool> = const { Cell::new(false) };
    /// Where the last of them happened.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs `task`; an `Err` is the text of its panic and the place in the code.
///
/// Nothing is printed of such a panic. The first call puts a panic hook before the program's, which
/// stays silent on this thread while `task` runs and calls the program's hook for every other panic. A
/// hook that the program sets later replaces it, and then prints.
pub(crate) fn caught<T>(task: impl FnOnce() -> T) -> Result<T, String> {
    install();
    PLACE.set(None);
    let outer = CAUGHT.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(task));
    CAUGHT.set(outer);
    result.map_err(|payload| match PLACE.take() {
        Some(place) => format!("{} ({place})", text(payload.as_ref())),
        None => text(payload.as_ref()),
    })
}

fn install() {
    static INSTALLED: Once = Once::new();
    // A program that aborts on panics must say why; hooks cannot be set while a panic unwinds.
    if cfg!(panic = "abort") || std::thread::panicking() {
        return;
    }
    INSTALLED.call_once(|| {
        let previous = panic::take_hook();
        panic::set_hook(Box::new(move |info| match CAUGHT.try_with(Cell::get) {
            Ok(true) => PLACE.set(info.location().map(ToString::to_string)),
            _ => previous(info),
        }));
    });
}

/// The text of a panic.
fn text(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_text_with_its_place() {
        let error = caught(|| -> () { panic!("no {} today", "luck") }).unwrap_err();
        assert!(error.starts_with("no luck today (") && error.contains("panics.rs:"), "{error}");
        assert_eq!(caught(|| 3), Ok(3));
    }
}
