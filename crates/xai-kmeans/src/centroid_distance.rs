//! Distances to centroids: the output of k-means.

use std::any::Any;

use burn_backend::Backend;
use xai_core::Value;
use xai_core::error::LayerError;
use xai_core::kernel::{ShapeError, squared_distances};
use xai_core::layer::{BackwardContext, Interval, Layer, LayerKind, LayerOps, Saved};

/// Which distance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Power {
    /// The distance `|x - c|`.
    One,
    /// The squared distance `|x - c|^2`.
    Two,
}

/// Distances of every point to every centroid, `|x_n - c_k|` or its square: `[N, D]` to `[N, K]`.
///
/// The *smallest* output is the cluster that a point belongs to, so no rule explains this layer as
/// it is: [`KMeansCanonizer`](crate::KMeansCanonizer) rewrites it into discriminants, of which the
/// largest wins.
#[derive(Debug, Clone)]
pub struct CentroidDistance<B: Backend> {
    centroids: Value<B>,
    power: Power,
}

/// The kind of [`CentroidDistance`].
pub(crate) const DISTANCE: LayerKind = LayerKind::custom("distance");

impl<B: Backend> CentroidDistance<B> {
    /// Distances to `centroids`, `[K, D]` with `K >= 1` and `D >= 1`.
    ///
    /// # Errors
    /// [`LayerError::Parameter`] for centroids of another shape.
    pub fn new(centroids: Value<B>, power: Power) -> Result<Self, LayerError> {
        let dims = centroids.dims();
        if dims.len() != 2 || dims.contains(&0) {
            let expected = "[clusters, features], both at least 1";
            return Err(LayerError::Parameter { name: "centroids", expected, got: dims });
        }
        Ok(Self { centroids, power })
    }

    /// The centroids, `[K, D]`.
    pub fn centroids(&self) -> &Value<B> {
        &self.centroids
    }

    /// Which distance.
    pub fn power(&self) -> Power {
        self.power
    }
}

impl<B: Backend> LayerOps<B> for CentroidDistance<B> {
    fn kind(&self) -> LayerKind {
        DISTANCE
    }

    fn output_dims(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, LayerError> {
        let centroids = self.centroids.dims();
        Ok(vec![samples_of(inputs, centroids[1])?, centroids[0]])
    }

    fn forward(&self, inputs: Vec<Value<B>>) -> Result<Value<B>, LayerError> {
        let [points] = inputs.as_slice() else {
            return Err(LayerError::Arity { expected: "one input", got: inputs.len() });
        };
        let squared = squared_distances(points, &self.centroids);
        Ok(match self.power {
            Power::One => squared.sqrt(),
            Power::Two => squared,
        })
    }

    fn vjp_saved(&self) -> Saved {
        match self.power {
            Power::One => Saved::ALL,
            Power::Two => Saved::INPUTS,
        }
    }

    /// With power 1, a point on a centroid gets no gradient from its distance to it.
    fn vjp(&self, context: &BackwardContext<'_, B>, gradient: Value<B>) -> Result<Vec<Value<B>>, LayerError> {
        // dd_k/dx = 2 (x - c_k), or (x - c_k) / d_k.
        let weights = match self.power {
            Power::One => {
                let distances = context.output()?;
                // `sign` is +1 at 0, so d + sign(d) + sign(-d) is d, and 2 where d is 0.
                let safe = distances + distances.sign() + (distances.clone() * -1.0).sign();
                (gradient / safe).where_positive(distances)
            }
            Power::Two => gradient * 2.0,
        };
        let x = context.input(0)?;
        Ok(vec![x * weights.clone().sum_dim(1) - weights.matmul(self.centroids.clone())])
    }

    fn output_interval(&self, _: &[Interval]) -> Interval {
        Interval::NON_NEGATIVE
    }

    fn argmax_refusal(&self) -> Option<&'static str> {
        Some(
            "it holds distances, of which the largest is the farthest cluster; rewrite them into discriminants \
             with the `KMeansCanonizer`, or name the class",
        )
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }

    fn parameters(&self) -> Vec<&Value<B>> {
        vec![&self.centroids]
    }
}

impl<B: Backend> From<CentroidDistance<B>> for Layer<B> {
    fn from(distance: CentroidDistance<B>) -> Self {
        Self::custom(distance)
    }
}

/// Number of points, if the only input is `[points, features]`.
pub(crate) fn samples_of(inputs: &[&[usize]], features: usize) -> Result<usize, LayerError> {
    match inputs {
        [[samples, got]] if *got == features => Ok(*samples),
        [[_, got]] => Err(ShapeError::Features { got: *got, expected: features }.into()),
        [input] => Err(ShapeError::Rank { what: "input", dims: input.to_vec(), expected: 2 }.into()),
        _ => Err(LayerError::Arity { expected: "one input", got: inputs.len() }),
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::TensorData;
    use burn_flex::Flex;
    use xai_core::graph::{Graph, GraphBuilder};

    use super::*;

    fn value(data: &[f64], dims: [usize; 2]) -> Value<Flex> {
        Value::from_data(TensorData::new(data.to_vec(), dims), &Default::default())
    }

    fn graph(power: Power) -> Graph<Flex> {
        let layer = CentroidDistance::new(value(&[0.0, 0.0, 3.0, 4.0], [2, 2]), power).unwrap();
        let mut graph = GraphBuilder::new();
        let x = graph.input("x", &[1, 2]).unwrap();
        let y = graph.push("distance", layer, &[x]).unwrap();
        graph.finish(y).unwrap()
    }

    fn gradient(power: Power, x: [f64; 2], seed: [f64; 2]) -> Vec<f64> {
        let gradient = graph(power).vjp(&[value(&x, [1, 2])], value(&seed, [1, 2])).unwrap();
        gradient[0].to_data().unwrap().to_vec().unwrap()
    }

    #[test]
    fn gradients_are_those_of_the_distance() {
        // x - c_k is (3, 0) and (0, -4).
        assert_eq!(gradient(Power::Two, [3.0, 0.0], [1.0, 10.0]), [6.0, -80.0]);
        assert_eq!(gradient(Power::One, [3.0, 0.0], [1.0, 10.0]), [1.0, -10.0]);
    }

    #[test]
    fn a_point_on_a_centroid_has_a_finite_gradient() {
        let gradient = gradient(Power::One, [0.0, 0.0], [1.0, 1.0]);
        assert!((gradient[0] + 0.6).abs() < 1e-12 && (gradient[1] + 0.8).abs() < 1e-12, "{gradient:?}");
    }

    #[test]
    fn misfits_are_refused() {
        assert!(CentroidDistance::<Flex>::new(value(&[], [0, 2]), Power::Two).is_err());
        let layer: Layer<Flex> = CentroidDistance::new(value(&[1.0; 12], [4, 3]), Power::Two).unwrap().into();
        assert!(matches!(layer.ops().output_dims(&[&[2, 4]]), Err(LayerError::Shape(_))));
        assert!(matches!(layer.ops().output_dims(&[&[2, 3, 1]]), Err(LayerError::Shape(_))));
    }
}
