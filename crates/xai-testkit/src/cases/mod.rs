//! Backend-generic test cases: plain functions that panic when the library is wrong.
//!
//! [`backend_suite!`](crate::backend_suite) expands all of them into named tests for one backend:
//!
//! ```text
//! xai_testkit::backend_suite!(burn_flex::Flex, Default::default());
//! ```
//!
//! A case runs in the float type that the backend is named with, `NdArray<f64>` in `f64`.

pub mod attributors;
pub mod canonization;
pub mod conservation;
pub mod engine;
pub mod exact;
mod graphs;
mod host;
pub mod layers;
mod matrix;
pub mod rules;
pub mod small;
mod subject;
pub mod takes_most;
pub mod values;

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs a case; one that is listed as known to fail must do so, and says why.
#[doc(hidden)]
pub fn run(name: &str, known_failures: &[(&str, &str)], case: impl FnOnce()) {
    match known_failures.iter().find(|(known, _)| *known == name) {
        None => case(),
        Some((_, reason)) => {
            let outcome = catch_unwind(AssertUnwindSafe(case));
            assert!(outcome.is_err(), "{name} passes now; take it off the list ({reason})");
            println!("{name} fails as expected: {reason}");
        }
    }
}

/// Expands every case into a test on one backend, on the device that an expression gives.
///
/// Cases that this backend is known to fail may be listed with the reason; they are run all the
/// same, and listing one that passes is a failure:
///
/// ```text
/// backend_suite!(Gpu, Default::default(), skip: { engine::samples_do_not_mix => "driver bug 12" });
/// ```
#[macro_export]
macro_rules! backend_suite {
    ($backend:ty, $device:expr) => {
        $crate::backend_suite!($backend, $device, skip: {});
    };
    ($backend:ty, $device:expr, skip: { $($module:ident::$case:ident => $reason:literal),* $(,)? }) => {
        /// Cases that are known to fail.
        const KNOWN_FAILURES: &[(&str, &str)] =
            &[$((concat!(stringify!($module), "::", stringify!($case)), $reason)),*];

        // A listed case that does not exist does not compile.
        $(const _: fn() = || { let _ = $crate::cases::$module::$case::<$backend>; };)*

        $crate::backend_suite!(@tests $backend, $device,
            rules: [linear, convolution, average_pool, extremum_pool, add, relu, batch_norm, reshape]
            conservation: [
                epsilon_without_bias_conserves, z_plus_conserves, flat_conserves, routing_conserves,
                ledger_of_every_layer_closes, ledger_of_a_network_closes,
                empty_windows_are_booked_as_dropped
            ]
            canonization: [
                batch_norm_after_convolution, batch_norm_after_linear, batch_norm_of_tokens_stays,
                convolution_with_two_readers_stays, chains_are_merged_to_the_end, relevance_is_that_of_merged_weights
            ]
            small: [linear_rules, single_samples, stabilizer]
            takes_most: [
                takes_most_same_on_every_backend, any_window_conserves, one_window_of_thousands,
                steep_softmax_is_winner_takes_all, equal_elements_share, empty_windows_are_dropped,
                zero_activations_keep_their_relevance, small_values
            ]
            engine: [
                samples_do_not_mix, a_layer_used_twice, two_inputs, gradient_is_the_slope,
                values_that_are_not_finite_are_refused, half_precision_is_refused
            ]
            attributors: [
                occlusion_of_a_recorded_model, integrated_gradients_are_complete, noise_is_drawn_on_the_host,
                targets_share_a_forward_pass
            ]
            exact: [
                a_bias_left_out_takes_no_digits, outputs_without_contributions_pass_nothing_on,
                masked_scores_get_nothing, constants_have_one_column, repeated_values_are_summed,
                averages_count_what_is_there
            ]
            layers: [normalisations, softmaxes, sums_and_picks, assignments, interpolations, functions]
            values: [elementwise_operations_on_every_layout]
        );
    };
    (@tests $backend:ty, $device:expr, $($module:ident: [$($case:ident),* $(,)?])*) => {
        $(mod $module {
            #[allow(unused_imports)]
            use super::*;
            $(
                #[test]
                fn $case() {
                    let name = concat!(stringify!($module), "::", stringify!($case));
                    $crate::cases::run(name, KNOWN_FAILURES, || {
                        $crate::cases::$module::$case::<$backend>(&$device);
                    });
                }
            )*
        })*
    };
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::run;

    #[test]
    #[should_panic(expected = "a::b passes now")]
    fn a_known_failure_that_passes_fails() {
        run("a::b", &[("a::b", "reason")], || {});
    }

    #[test]
    fn a_known_failure_may_fail() {
        run("a::b", &[("a::b", "reason")], || panic!("expected"));
    }

    /// A case that is written but not in the suite would never run.
    #[test]
    fn every_case_is_in_the_suite() {
        let suite = include_str!("mod.rs");
        let (_, lists) = suite.split_once("@tests $backend, $device,").unwrap();
        let (lists, _) = lists.split_once(");\n").unwrap();
        let listed: Vec<&str> = lists.split(|c: char| !(c.is_alphanumeric() || c == '_')).collect();
        let files = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/cases")).unwrap();
        for file in files.map(Result::unwrap).filter(|file| file.file_name() != "mod.rs") {
            let source = fs::read_to_string(file.path()).unwrap();
            for case in source.split("\npub fn ").skip(1) {
                let (name, _) = case.split_once(['<', '(']).unwrap();
                assert!(listed.contains(&name), "`{name}` is not in `backend_suite!`");
            }
        }
    }
}
