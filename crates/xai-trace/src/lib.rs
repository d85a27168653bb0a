//! Records unmodified Burn models as relevance graphs.

mod backend;
mod ops;
mod tensor;

pub use backend::Traced;
pub use tensor::TracedTensor;
