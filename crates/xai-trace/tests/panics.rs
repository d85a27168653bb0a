//! Panics of a recorded model stay off the terminal; all others reach the program's own hook.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::panic::{catch_unwind, set_hook};
use std::sync::atomic::{AtomicUsize, Ordering};

use burn::tensor::Tensor;
use burn_flex::Flex;
use xai_trace::{Traced, record_fn};

static SEEN: AtomicUsize = AtomicUsize::new(0);

/// The only test of this program, for a panic hook belongs to all of its threads.
#[test]
fn only_panics_of_a_recording_are_kept_from_the_programs_hook() {
    set_hook(Box::new(|_| {
        SEEN.fetch_add(1, Ordering::SeqCst);
    }));
    let model = record_fn(|x: Tensor<Traced<Flex>, 2>| -> Tensor<Traced<Flex>, 2> {
        // A thread of the model's own is not silenced.
        let other = std::thread::spawn(|| panic!("elsewhere")).join();
        assert!(other.is_ok(), "{:?}", x.dims());
        x
    });
    let input = Tensor::<Flex, 2>::ones([1, 2], &Default::default());
    let error = model.graph(input.clone(), 0).err().unwrap().to_string();
    assert!(error.contains("[1, 2] (") && error.contains("panics.rs:"), "{error}");
    assert_eq!(SEEN.load(Ordering::SeqCst), 1);

    assert!(model.graph(input, 0).is_err());
    assert_eq!(SEEN.load(Ordering::SeqCst), 2);

    assert!(catch_unwind(|| panic!("after it")).is_err());
    assert_eq!(SEEN.load(Ordering::SeqCst), 3);
}
