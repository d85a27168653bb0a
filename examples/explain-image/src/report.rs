//! What the example writes as JSON.

use serde::Serialize;

/// What was found on all photographs.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) backend: String,
    pub(crate) network: &'static str,
    pub(crate) photos: Vec<Explained>,
}

/// One photograph: what the network says, and what explaining it took.
#[derive(Debug, Serialize)]
pub(crate) struct Explained {
    pub(crate) photo: String,
    pub(crate) best: Vec<Class>,
    /// Of the plain forward pass, the median of some.
    pub(crate) forward_seconds: f64,
    pub(crate) methods: Vec<Measured>,
    /// Mean area under the curves of random orders, and each.
    pub(crate) random_area: f64,
    pub(crate) random_areas: Vec<f64>,
}

/// A class that the network considers.
#[derive(Debug, Serialize)]
pub(crate) struct Class {
    pub(crate) index: usize,
    pub(crate) name: &'static str,
    pub(crate) probability: f64,
}

/// A method, and what it cost.
#[derive(Debug, Serialize)]
pub(crate) struct Measured {
    pub(crate) method: &'static str,
    /// Whether it is relevance propagation of one class.
    pub(crate) lrp: bool,
    /// Of the first call, which records the model and binds its rules.
    pub(crate) seconds: f64,
    /// Of later calls, in plain forward passes; the median of some, measured in turn with those.
    pub(crate) times_forward: Option<f64>,
    /// The most memory that the process took in the first call.
    pub(crate) peak_mib: Option<f64>,
    /// Mean logit while the photograph is blurred, most relevant squares first.
    pub(crate) flipping_area: Option<f64>,
}
