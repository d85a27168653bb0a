//! The Flex CPU backend for burn-xai.
