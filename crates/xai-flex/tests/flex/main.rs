//! The shared cases, the kernels and the golden cases, on Flex. One program, so that what the backend needs
//! is compiled once.

mod conformance;
mod golden;

xai_testkit::backend_suite!(burn_flex::Flex, Default::default());
