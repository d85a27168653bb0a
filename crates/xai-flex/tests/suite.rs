//! The shared cases, on Flex.

xai_testkit::backend_suite!(burn_flex::Flex, Default::default());
