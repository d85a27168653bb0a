//! Whether a forward function reads values that depend on its input, or draws random ones.

use std::cell::Cell;

thread_local! {
    static READ: Cell<bool> = const { Cell::new(false) };
}

/// Notes that values left the recording, into host data or an int tensor, if any of them depends on
/// the input.
pub(crate) fn note(depends_on_input: &[bool]) {
    if depends_on_input.contains(&true) {
        READ.set(true);
    }
}

/// Runs `task` and says whether it noted anything, on this thread.
pub(crate) fn watched<T>(task: impl FnOnce() -> T) -> (T, bool) {
    let outer = READ.replace(false);
    let result = task();
    (result, READ.replace(outer))
}
