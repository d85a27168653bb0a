//! Turns panics of a user's code into text.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use super::LayerError;

thread_local! {
    /// Whether panics of this thread are caught and reported as errors.
    static CAUGHT: Cell<bool> = const { Cell::new(false) };
    /// Where the last of them happened.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs `task`; an `Err` is the text of its panic and the place in the code.
///
/// Aborts cannot be caught: those of a program built with `panic = "abort"`, an overflow of the stack, memory
/// that the system does not have.
///
/// Nothing is printed of a panic that was caught. The first call puts a panic hook before the program's, which
/// stays silent on this thread while `task` runs and calls the program's hook for every other panic. A
/// hook that the program sets later replaces it, and then prints.
pub fn caught<T>(task: impl FnOnce() -> T) -> Result<T, String> {
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

/// Runs the code of a layer or a rule, which may be a user's.
pub(crate) fn guarded<T>(task: impl FnOnce() -> Result<T, LayerError>) -> Result<T, LayerError> {
    caught(task).unwrap_or_else(|message| Err(LayerError::Panicked { message }))
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
