//! Distances to centroids: the output of k-means.

use burn_backend::Backend;

use super::{LayerKind, LayerOps, Saved, BackwardContext, one_input, only};
use crate::error::LayerError;
use crate::kernel::ShapeError;
use crate::{Value, kernel};

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
/// it is: `xai-kmeans` rewrites it into discriminants, of which the largest wins.
#[derive(Debug, Clone)]
pub struct CentroidDistance<B: Backend> {
    centroids: Value<B>,
    power: Power,
}

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
        LayerKind::Distance
    }

    fn output_dims(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, LayerError> {
        let input = one_input(inputs)?;
        let centroids = self.centroids.dims();
        match input {
            [samples, features] if *features == centroids[1] => Ok(vec![*samples, centroids[0]]),
            [_, features] => Err(ShapeError::Features { got: *features, expected: centroids[1] }.into()),
            _ => Err(ShapeError::Rank { what: "input", dims: input.to_vec(), expected: 2 }.into()),
        }
    }

    fn forward(&self, inputs: Vec<Value<B>>) -> Result<Value<B>, LayerError> {
        let squared = kernel::squared_distances(&only(inputs)?, &self.centroids);
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

    fn keeps_non_negative(&self, _: bool) -> bool {
        true
    }

    fn parameter(&self) -> Option<&Value<B>> {
        Some(&self.centroids)
    }
}

#[cfg(test)]
mod tests {
    use burn_flex::Flex;

    use super::*;
    use crate::layer::Layer;
    use crate::layer::testing::{assert_close, check, forward, numbers, value, vjp};

    #[test]
    fn distances_have_the_right_gradients() {
        for power in [Power::One, Power::Two] {
            check(CentroidDistance::new(numbers(&[4, 3], 1), power).unwrap(), &[numbers(&[2, 3], 2)]);
        }
        let layer = CentroidDistance::new(value(&[0.0, 0.0, 3.0, 4.0], &[2, 2]), Power::One).unwrap();
        let x = value(&[0.0, 0.0], &[1, 2]);
        assert_close(&forward(&layer.into(), &[x]), &value(&[0.0, 5.0], &[1, 2]), "distances");
    }

    #[test]
    fn a_point_on_a_centroid_has_a_finite_gradient() {
        let layer = CentroidDistance::new(value(&[0.0, 0.0, 3.0, 4.0], &[2, 2]), Power::One).unwrap();
        let gradient = vjp(&layer.into(), &[value(&[0.0, 0.0], &[1, 2])], value(&[1.0, 1.0], &[1, 2]));
        assert_close(&gradient[0], &value(&[-0.6, -0.8], &[1, 2]), "gradient");
    }

    #[test]
    fn misfits_are_refused() {
        assert!(CentroidDistance::<Flex>::new(value(&[1.0], &[1]), Power::Two).is_err());
        let layer: Layer<Flex> = CentroidDistance::new(numbers(&[4, 3], 1), Power::Two).unwrap().into();
        assert!(matches!(layer.ops().output_dims(&[&[2, 4]]), Err(LayerError::Shape(_))));
        assert!(matches!(layer.ops().output_dims(&[&[2, 3, 1]]), Err(LayerError::Shape(_))));
    }
}
