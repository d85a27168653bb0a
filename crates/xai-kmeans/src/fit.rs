//! Centroids from points, by linfa.

use burn::config::Config;
use burn::tensor::Tensor;
use burn_backend::Backend;
use linfa::DatasetBase;
use linfa::traits::Fit;
use linfa_clustering::KMeans;
use linfa_ndarray::Array2;
use rand_xoshiro::Xoshiro256Plus;
use rand_xoshiro::rand_core::SeedableRng;
use xai_core::Value;

use crate::error::KMeansError;
use crate::matrix::{host, tensor, value_like};
use crate::points::{check_dtype, check_finite};

/// How to fit k-means to points: Lloyd's algorithm, started by k-means++, several times; the run with
/// the smallest inertia wins.
///
/// Runs on the CPU in `f64`, whatever the backend: the same points and seed give the same centroids.
///
/// ```
/// # use burn_flex::Flex;
/// use burn::tensor::Tensor;
/// use xai_core::attributor::Attributor;
/// use xai_core::model::Target;
/// use xai_kmeans::{ClusterExplainer, ClusterRule, KMeansConfig};
///
/// # let device = Default::default();
/// let points = [[0.0, 0.1], [0.2, 0.0], [5.0, 0.1], [5.2, 0.0], [0.1, 7.0], [0.1, 7.2]];
/// let points = Tensor::<Flex, 2>::from_floats(points, &device);
///
/// let centroids = KMeansConfig::new(3, 42).fit(points.clone())?.into_centroids();
/// let explainer =
///     ClusterExplainer::new(centroids, ClusterRule::midpoint(1.0))?.with_beta_from(points.clone())?;
///
/// // What makes each point a member of its cluster,
/// let attribution = explainer.attribute(points.clone(), Target::argmax())?;
/// let cluster = attribution.classes().unwrap();
/// assert!(cluster[0] == cluster[1] && cluster[2] == cluster[3] && cluster[4] == cluster[5]);
/// // what on average makes the members of each,
/// let profile = explainer.profile(points.clone())?;
/// assert_eq!(profile.members(), [2, 2, 2]);
/// // and what tells the last points' cluster from the first ones'.
/// let contrast = explainer.attribute(points, Target::contrast(cluster[4], cluster[0]))?;
/// let contrast = contrast.relevance::<2>()?.into_data().to_vec::<f32>().unwrap();
/// assert!(contrast[4 * 2 + 1] > 10.0 * contrast[4 * 2].abs());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Config, Debug)]
pub struct KMeansConfig {
    /// Number of clusters, `K`, at least 2.
    pub clusters: usize,
    /// Seed of the random starts.
    pub seed: u64,
    /// Number of runs from different starts, at least 1.
    #[config(default = 10)]
    pub n_runs: usize,
    /// Iterations that a run takes at most, at least 1.
    #[config(default = 300)]
    pub max_iterations: u64,
    /// A run ends when the centroids together move less than this (Euclidean, in the unit of the
    /// points); above 0.
    #[config(default = 1e-4)]
    pub tolerance: f64,
}

impl KMeansConfig {
    /// Fits centroids to `points`, `[N, D]`, finite, at least as many as clusters.
    ///
    /// # Errors
    /// [`KMeansError`] for other points or settings out of range.
    pub fn fit<B: Backend>(&self, points: Tensor<B, 2>) -> Result<KMeansFit<B>, KMeansError> {
        let points = Value::from(points);
        let (samples, features) = (points.dims()[0], points.dims()[1]);
        self.check()?;
        check_dtype("points", &points)?;
        if samples == 0 || features == 0 {
            return Err(KMeansError::NoPoints { dims: points.dims() });
        }
        if samples < self.clusters {
            return Err(KMeansError::FewPoints { points: samples, clusters: self.clusters });
        }
        check_finite("points", &points)?;
        let failed = |reason: String| KMeansError::Fit { reason };
        let elements = host(&points)?;
        // The sum that k-means++ draws from; linfa panics if it overflows.
        if !(spread(&elements, features) * samples as f64).is_finite() {
            return Err(failed("the squared distances between points overflow".to_owned()));
        }
        let array = Array2::from_shape_vec((samples, features), elements);
        let data = DatasetBase::from(array.map_err(|error| failed(error.to_string()))?);
        let fitted = KMeans::params_with_rng(self.clusters, Xoshiro256Plus::seed_from_u64(self.seed))
            .n_runs(self.n_runs)
            .max_n_iterations(self.max_iterations)
            .tolerance(self.tolerance)
            .fit(&data)
            .map_err(|error| failed(error.to_string()))?;
        let centroids = fitted.centroids().iter().copied().collect();
        let centroids = tensor(&value_like(centroids, [self.clusters, features], &points))?;
        Ok(KMeansFit { centroids, inertia: fitted.inertia() })
    }

    fn check(&self) -> Result<(), KMeansError> {
        let least = |parameter, value: f64, least: f64, range| {
            let fine = value >= least && value.is_finite();
            if fine { Ok(()) } else { Err(KMeansError::Parameter { parameter, value, range }) }
        };
        least("clusters", self.clusters as f64, 2.0, "at least 2")?;
        least("n_runs", self.n_runs as f64, 1.0, "at least 1")?;
        least("max_iterations", self.max_iterations as f64, 1.0, "at least 1")?;
        least("tolerance", self.tolerance, f64::MIN_POSITIVE, "above 0 and finite")
    }
}

/// The squared diagonal of the box that holds all points: no squared distance is larger.
fn spread(elements: &[f64], features: usize) -> f64 {
    let squared = |feature: usize| {
        let values = || elements.iter().skip(feature).step_by(features).copied();
        let width = values().fold(f64::MIN, f64::max) - values().fold(f64::MAX, f64::min);
        width * width
    };
    (0..features).map(squared).sum()
}

/// k-means fitted to points.
#[derive(Debug, Clone)]
pub struct KMeansFit<B: Backend> {
    centroids: Tensor<B, 2>,
    inertia: f64,
}

impl<B: Backend> KMeansFit<B> {
    /// The centroids, `[K, D]`, of the points' element type and on their device.
    pub fn centroids(&self) -> &Tensor<B, 2> {
        &self.centroids
    }

    /// The centroids alone.
    pub fn into_centroids(self) -> Tensor<B, 2> {
        self.centroids
    }

    /// Mean over the points of the squared distance to their centroid.
    pub fn inertia(&self) -> f64 {
        self.inertia
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{DType, TensorData};
    use burn_flex::Flex;

    use super::*;

    /// Three groups of 20 points around corners of a triangle, at `offset` from the origin.
    fn groups(offset: f64) -> Tensor<Flex, 2> {
        let corner = [[0.0, 0.0], [6.0, 0.0], [0.0, 9.0]];
        let coordinate = |i: usize| {
            let (point, axis) = (i / 2, i % 2);
            corner[point % 3][axis] + ((i * 7919 + 13) % 101) as f64 / 101.0 - 0.5 + offset
        };
        let data = TensorData::new((0..120).map(coordinate).collect::<Vec<f64>>(), [60, 2]);
        Tensor::from_data(data, (&Default::default(), DType::F64))
    }

    fn numbers(tensor: &Tensor<Flex, 2>) -> Vec<f64> {
        tensor.to_data().iter::<f64>().collect()
    }

    #[test]
    fn centroids_are_the_means_of_their_members() {
        for offset in [0.0, 1e4] {
            let points = groups(offset);
            let fit = KMeansConfig::new(3, 1).fit(points.clone()).unwrap();
            let (points, centroids) = (numbers(&points), numbers(fit.centroids()));
            let mut inertia = 0.0;
            for group in 0..3 {
                let members = (group..60).step_by(3);
                let mean = |axis: usize| members.clone().map(|i| points[2 * i + axis]).sum::<f64>() / 20.0;
                let mean = [mean(0), mean(1)];
                let near = |row: &&[f64]| row.iter().zip(mean).all(|(a, b)| (a - b).abs() < 1e-4);
                assert!(centroids.chunks(2).any(|row| near(&row)), "{mean:?} is not in {centroids:?}");
                inertia += members
                    .map(|i| (0..2).map(|a| (points[2 * i + a] - mean[a]).powi(2)).sum::<f64>())
                    .sum::<f64>();
            }
            assert!((fit.inertia() - inertia / 60.0).abs() < 1e-4, "{} {inertia}", fit.inertia());
        }
    }

    #[test]
    fn a_seed_decides_everything() {
        let fit =
            |seed| numbers(KMeansConfig::new(7, seed).with_n_runs(1).fit(groups(0.0)).unwrap().centroids());
        assert_eq!(fit(5), fit(5));
        assert_ne!(fit(5), fit(6));
    }

    #[test]
    fn centroids_are_of_the_kind_of_the_points() {
        let points = groups(0.0);
        assert_eq!(KMeansConfig::new(2, 1).fit(points.clone()).unwrap().into_centroids().dtype(), DType::F64);
        let single = points.cast(DType::F32);
        assert_eq!(KMeansConfig::new(2, 1).fit(single).unwrap().into_centroids().dtype(), DType::F32);
    }

    #[test]
    fn equal_points_give_equal_centroids() {
        let points = Tensor::<Flex, 2>::ones([5, 3], &Default::default());
        let fit = KMeansConfig::new(3, 1).fit(points).unwrap();
        assert_eq!(numbers(fit.centroids()), [1.0; 9]);
        assert_eq!(fit.inertia(), 0.0);
    }

    #[test]
    fn what_cannot_be_fitted_is_refused() {
        let device = Default::default();
        let fit = |config: KMeansConfig, points| config.fit::<Flex>(points).unwrap_err();
        let config = KMeansConfig::new(3, 1);
        let parameter = |config: KMeansConfig| match fit(config, groups(0.0)) {
            KMeansError::Parameter { parameter, .. } => parameter,
            other => panic!("{other}"),
        };
        assert_eq!(parameter(KMeansConfig::new(1, 1)), "clusters");
        assert_eq!(parameter(config.clone().with_n_runs(0)), "n_runs");
        assert_eq!(parameter(config.clone().with_max_iterations(0)), "max_iterations");
        for tolerance in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(parameter(config.clone().with_tolerance(tolerance)), "tolerance");
        }
        let few = fit(config.clone(), Tensor::zeros([2, 4], &device));
        assert_eq!(few, KMeansError::FewPoints { points: 2, clusters: 3 });
        for dims in [[0, 4], [4, 0]] {
            let none = fit(config.clone(), Tensor::zeros(dims, &device));
            assert_eq!(none, KMeansError::NoPoints { dims: dims.to_vec() });
        }
        let nan = Tensor::from_floats([[0.0, 1.0], [2.0, f32::NAN], [1.0, 1.0]], &device);
        assert!(matches!(
            fit(config.clone(), nan),
            KMeansError::NotFinite { what: "points", index: [1, 1], .. }
        ));
        let half = fit(config.clone(), groups(0.0).cast(DType::F16));
        assert!(matches!(half, KMeansError::DType { what: "points", dtype: DType::F16 }), "{half}");
        // Squares beyond f64.
        let far = Tensor::from_data(
            TensorData::new(vec![1e200, -1e200, 3e200, 2e200], [4, 1]),
            (&device, DType::F64),
        );
        assert!(matches!(fit(config, far), KMeansError::Fit { .. }));
    }
}
