//! Models that cannot be recorded.

use std::sync::{Arc, Mutex};

use burn::tensor::{Tensor, activation as act};
use xai_core::error::ExplainError;
use xai_core::model::Model;
use xai_trace::{TraceError, record_fn};

use burn_flex::Flex;

use crate::{Device, T, random};

/// Why the model cannot be recorded.
fn refusal(model: &Model<Flex>) -> Option<TraceError> {
    match model.graph(random([2, 3]), 0) {
        Err(ExplainError::Source(source)) => Some(source.downcast_ref::<TraceError>().unwrap().clone()),
        Err(other) => panic!("{other}"),
        Ok(_) => None,
    }
}

#[test]
fn outputs_that_were_not_computed_from_the_input() {
    assert_eq!(refusal(&record_fn(|x: T<2>| x)), Some(TraceError::Identity));
    let detour = record_fn(|x: T<2>| Tensor::<_, 2>::from_data(x.into_data(), &Device::default()));
    assert_eq!(refusal(&detour), Some(TraceError::Disconnected));
}

#[test]
fn tensors_that_were_kept_from_an_earlier_recording() {
    let kept = Arc::new(Mutex::new(None));
    let keeping = record_fn(move |x: T<2>| {
        let x = act::relu(x);
        let before = kept.lock().unwrap().replace(x.clone());
        before.map_or(x.clone(), |before| x + before)
    });
    assert_eq!(refusal(&keeping), None);
    // With other canonizers the model records anew.
    assert_eq!(refusal(&keeping.with_canonizers(vec![])), Some(TraceError::ForeignInput));
}

#[test]
fn errors_and_panics_of_the_model_carry_their_text() {
    let failing = record_fn(|x: T<2>| match x.dims()[1] {
        4 => Ok(act::relu(x)),
        width => Err(format!("a width of {width} is not 4")),
    });
    let inputs = "F32 [2, 3]".to_owned();
    let message = "a width of 3 is not 4".to_owned();
    assert_eq!(refusal(&failing), Some(TraceError::Failed { inputs, message }));
    assert!(failing.graph(random([2, 4]), 0).is_ok());

    let weight = random([4, 2]);
    let misfit = record_fn(move |x: T<2>| x.matmul(Tensor::from_inner(weight.clone())));
    let Some(TraceError::Panicked { inputs, message }) = refusal(&misfit) else { panic!() };
    assert_eq!(inputs, "F32 [2, 3]");
    // The place in the code comes last.
    assert!(message.contains(".rs:"), "{message}");
}
