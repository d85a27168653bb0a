//! Recording, with what the clusters need.

use burn::module::{HasAutodiffModule, Module};
use burn::tensor::backend::Backend;
use xai_core::canonizer::{Canonizer, default_canonizers};
use xai_core::model::Model;
use xai_kmeans::FindDistances;
use xai_trace::{ForwardInputs, ForwardOutputs, Traced};

/// An unmodified Burn module and its forward function as a model: [`trace::record`](xai_trace::record),
/// which has the details.
///
/// Distances to centroids are found beside the default canonizers, so that the argmax of distances, the
/// farthest cluster, is refused and not explained.
pub fn record<B, M, X, Y, F>(module: &M, forward: F) -> Model<B>
where
    B: Backend,
    M: Module<B> + HasAutodiffModule<Traced<B>>,
    M::TrainModule: Sync + 'static,
    X: ForwardInputs<B>,
    Y: ForwardOutputs<B>,
    F: Fn(&M::TrainModule, X) -> Y + Send + Sync + 'static,
{
    xai_trace::record(module, forward).with_canonizers(canonizers())
}

/// A function without a module as a model: [`trace::record_fn`](xai_trace::record_fn).
pub fn record_fn<B, X, Y, F>(forward: F) -> Model<B>
where
    B: Backend,
    X: ForwardInputs<B>,
    Y: ForwardOutputs<B>,
    F: Fn(X) -> Y + Send + Sync + 'static,
{
    xai_trace::record_fn(forward).with_canonizers(canonizers())
}

fn canonizers<B: Backend>() -> Vec<Box<dyn Canonizer<B>>> {
    let mut canonizers = default_canonizers();
    canonizers.push(Box::new(FindDistances));
    canonizers
}
