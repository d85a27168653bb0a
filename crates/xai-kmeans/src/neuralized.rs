//! The linear layer of a neuralized k-means, materialised.

use std::any::Any;

use burn::config::Config;
use burn::module::{Module, Param};
use burn::tensor::Tensor;
use burn_backend::Backend;
use xai_core::Value;
use xai_core::error::LayerError;
use xai_core::kernel::{squared_distances, times_transposed};
use xai_core::layer::{Layer, LayerKind, LayerOps, LinearMap};

use crate::centroid_distance::samples_of;
use crate::error::KMeansError;
use crate::matrix::select;

/// Weights that the materialised form may have: 1 GiB in 32-bit floats.
const LIMIT: usize = 1 << 28;

/// Configuration of a [`NeuralizedKMeans`].
#[derive(Config, Debug)]
pub struct NeuralizedKMeansConfig {
    /// Number of clusters, `K`, at least 2.
    pub clusters: usize,
    /// Number of features, `D`.
    pub features: usize,
}

impl NeuralizedKMeansConfig {
    /// The module with all parameters 0, to be loaded from a record.
    pub fn init<B: Backend>(&self, device: &B::Device) -> NeuralizedKMeans<B> {
        let (clusters, features) = (self.clusters, self.features);
        let others = clusters.saturating_sub(1);
        NeuralizedKMeans {
            weight: Param::from_tensor(Tensor::zeros([clusters, others, features], device)),
            bias: Param::from_tensor(Tensor::zeros([clusters, others], device)),
            centroids: Param::from_tensor(Tensor::zeros([clusters, features], device)),
        }
    }
}

/// k-means as a linear layer: `h_ck = w_ck . x + b_ck = |x - mu_k|^2 - |x - mu_c|^2` for every
/// cluster `c` and every *other* cluster `k`, in order.
///
/// `w_ck = 2 (mu_c - mu_k)`, `b_ck = |mu_k|^2 - |mu_c|^2`. The smallest `h_ck` over `k` is the
/// discriminant `f_c`, positive exactly where a point belongs to cluster `c`: a
/// [`MinPool1d`](crate::MinPool1d) of `K - 1` elements. Kauffmann et al., From Clustering to Cluster
/// Explanations via Neural Networks, IEEE TNNLS 35(2):1926-1940, 2024, arXiv 1906.07633.
///
/// The weight has `K (K - 1) D` elements: for more than some dozen clusters take the
/// [`ClusterHead`](crate::ClusterHead), which gives the same without it.
#[derive(Module, Debug)]
pub struct NeuralizedKMeans<B: Backend> {
    /// `w`, `[K, K - 1, D]`.
    pub weight: Param<Tensor<B, 3>>,
    /// `b`, `[K, K - 1]`.
    pub bias: Param<Tensor<B, 2>>,
    /// `mu`, `[K, D]`, from which [`Midpoint`](crate::Midpoint) takes the middle between clusters.
    pub centroids: Param<Tensor<B, 2>>,
}

impl<B: Backend> NeuralizedKMeans<B> {
    /// The layer of these centroids, `[K, D]`.
    ///
    /// # Errors
    /// [`KMeansError`] for fewer than two centroids, centroids that are not finite, or more than
    /// 2^28 weights.
    pub fn from_centroids(centroids: Tensor<B, 2>) -> Result<Self, KMeansError> {
        let layer = NeuralizedKMeansLayer::new(centroids.clone().into())?;
        let weight = layer.weight.clone().into_tensor::<3>();
        match (weight, layer.bias.clone().into_tensor::<2>()) {
            (Some(weight), Some(bias)) => Ok(Self {
                weight: Param::from_tensor(weight),
                bias: Param::from_tensor(bias),
                centroids: Param::from_tensor(centroids),
            }),
            _ => Err(KMeansError::Centroids { dims: layer.centroids.dims() }),
        }
    }

    /// `h`: `[N, D]` to `[N, K, K - 1]`.
    ///
    /// As any Burn module's, the forward function panics on points with another number of features.
    pub fn forward(&self, points: Tensor<B, 2>) -> Tensor<B, 3> {
        let ([clusters, others, features], [samples, _]) = (self.weight.dims(), points.dims());
        let weight = self.weight.val().reshape([clusters * others, features]);
        let bias = self.bias.val().reshape([1, clusters * others]);
        (points.matmul(weight.transpose()) + bias).reshape([samples, clusters, others])
    }
}

impl<B: Backend> From<&NeuralizedKMeans<B>> for Layer<B> {
    fn from(module: &NeuralizedKMeans<B>) -> Self {
        Self::custom(NeuralizedKMeansLayer {
            weight: module.weight.val().into(),
            bias: module.bias.val().into(),
            centroids: module.centroids.val().into(),
        })
    }
}

/// [`NeuralizedKMeans`] as a layer of a graph: of kind `linear`, so the rules that composites have
/// for linear layers serve it, and [`Midpoint`](crate::Midpoint) too.
#[derive(Debug, Clone)]
pub struct NeuralizedKMeansLayer<B: Backend> {
    weight: Value<B>,
    bias: Value<B>,
    centroids: Value<B>,
}

impl<B: Backend> NeuralizedKMeansLayer<B> {
    /// The layer of these centroids, `[K, D]`.
    ///
    /// # Errors
    /// As [`NeuralizedKMeans::from_centroids`].
    pub fn new(centroids: Value<B>) -> Result<Self, KMeansError> {
        crate::points::check_centroids(&centroids)?;
        let (clusters, features) = (centroids.dims()[0], centroids.dims()[1]);
        let weights = clusters as u128 * (clusters - 1) as u128 * features as u128;
        if weights > LIMIT as u128 {
            return Err(KMeansError::TooLarge { clusters, features, weights, limit: LIMIT });
        }
        let own = centroids.clone().reshape(&[clusters, 1, features]);
        let others = of_others(&centroids, 0, clusters)?.reshape(&[clusters, clusters - 1, features]);
        // |mu_k|^2 - |mu_c|^2 as (mu_k - mu_c) . (mu_k + mu_c), which cancels less.
        let bias = ((&others - &own) * (&others + &own)).sum_dim(2).reshape(&[clusters, clusters - 1]);
        Ok(Self { weight: (own - others) * 2.0, bias, centroids })
    }

    /// The centroids, `[K, D]`.
    pub fn centroids(&self) -> &Value<B> {
        &self.centroids
    }

    /// The weight, `[K, K - 1, D]`.
    pub(crate) fn weight(&self) -> &Value<B> {
        &self.weight
    }

    /// The weight as a matrix, `[K (K - 1), D]`.
    fn matrix(&self, weight: Option<&Value<B>>) -> Value<B> {
        let weight = weight.unwrap_or(&self.weight);
        let dims = weight.dims();
        weight.clone().reshape(&[dims[0] * dims[1], dims[2]])
    }
}

/// For each cluster the entries of all others, in order: `size` becomes `size (size - 1)` along `dim`.
fn of_others<B: Backend>(value: &Value<B>, dim: usize, size: usize) -> Result<Value<B>, LayerError> {
    let indices: Vec<_> = (0..size).flat_map(|c| (0..size).filter(move |k| *k != c)).collect();
    select(value, dim, &indices)
}

impl<B: Backend> LayerOps<B> for NeuralizedKMeansLayer<B> {
    fn kind(&self) -> LayerKind {
        LayerKind::Linear
    }

    fn output_dims(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, LayerError> {
        let dims = self.weight.dims();
        Ok(vec![samples_of(inputs, dims[2])?, dims[0], dims[1]])
    }

    /// As differences of distances, which is exact far from the origin too.
    fn forward(&self, inputs: Vec<Value<B>>) -> Result<Value<B>, LayerError> {
        let [x] = inputs.as_slice() else {
            return Err(LayerError::Arity { expected: "one input", got: inputs.len() });
        };
        let distances = squared_distances(x, &self.centroids);
        let (samples, clusters) = (distances.dims()[0], distances.dims()[1]);
        let others = of_others(&distances, 1, clusters)?.reshape(&[samples, clusters, clusters - 1]);
        Ok(others - distances.reshape(&[samples, clusters, 1]))
    }

    fn linear_map(&self) -> Option<&dyn LinearMap<B>> {
        Some(self)
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }

    fn parameters(&self) -> Vec<&Value<B>> {
        vec![&self.weight, &self.bias, &self.centroids]
    }
}

impl<B: Backend> LinearMap<B> for NeuralizedKMeansLayer<B> {
    fn weight(&self) -> Option<&Value<B>> {
        Some(&self.weight)
    }

    fn bias(&self, _: usize) -> Option<Value<B>> {
        let dims = self.bias.dims();
        Some(self.bias.clone().reshape(&[1, dims[0], dims[1]]))
    }

    fn apply(&self, x: &Value<B>, weight: Option<&Value<B>>) -> Value<B> {
        let (dims, matrix) = (self.weight.dims(), self.matrix(weight));
        times_transposed(x.clone(), &matrix).reshape(&[x.dims()[0], dims[0], dims[1]])
    }

    fn adjoint(&self, r: Value<B>, weight: Option<&Value<B>>, _: &[usize]) -> Value<B> {
        let dims = r.dims();
        r.reshape(&[dims[0], dims[1] * dims[2]]).matmul(self.matrix(weight))
    }
}
