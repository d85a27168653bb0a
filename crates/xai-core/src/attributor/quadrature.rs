//! Quadratures on the unit interval.

use std::f64::consts::PI;

use crate::error::AttributorError;

/// How the integral over the path is approximated by `n` gradients, `integral of g over [0, 1] =
/// sum_k w_k g(a_k)`.
///
/// Trapezoid and Gauss-Legendre are exact for gradients that are linear along the path; the latter
/// for polynomials of degree `2n - 1`, and usually the closest for smooth models. A network of
/// ReLUs has gradients with jumps, where no quadrature is much better than midpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Quadrature {
    /// Right end points, `a_k = k / n`, `w_k = 1 / n`, as in the original paper (the default).
    #[default]
    Right,
    /// Midpoints, `a_k = (k - 1/2) / n`, `w_k = 1 / n`.
    Midpoint,
    /// Trapezoids on `n >= 2` points with both ends, `a_k = (k - 1) / (n - 1)`,
    /// `w_k = 1 / (n - 1)`, half of it at the ends.
    Trapezoid,
    /// Gauss-Legendre: the zeros of the Legendre polynomial of degree `n`.
    GaussLegendre,
}

impl Quadrature {
    /// `n` positions in rising order, each with its weight; the weights add up to 1.
    ///
    /// # Errors
    /// [`AttributorError::Parameter`] for 0 points, or one trapezoid point.
    pub fn nodes(self, n: usize) -> Result<Vec<(f64, f64)>, AttributorError> {
        let (least, range) = match self {
            Self::Trapezoid => (2, "2 or more for trapezoids"),
            _ => (1, "1 or more"),
        };
        if n < least {
            return Err(AttributorError::Parameter { parameter: "steps", value: n as f64, range });
        }
        let count = n as f64;
        Ok(match self {
            Self::Right => (1..=n).map(|k| (k as f64 / count, 1.0 / count)).collect(),
            Self::Midpoint => (1..=n).map(|k| ((k as f64 - 0.5) / count, 1.0 / count)).collect(),
            Self::Trapezoid => (0..n)
                .map(|k| {
                    let share = if k == 0 || k == n - 1 { 0.5 } else { 1.0 };
                    (k as f64 / (count - 1.0), share / (count - 1.0))
                })
                .collect(),
            Self::GaussLegendre => (0..n).map(|k| gauss_legendre(k, n)).collect(),
        })
    }
}

/// The `k`-th node of `n`, moved from [-1, 1] to [0, 1], by Newton's method from the usual
/// cosine estimate, which is close enough to converge in a few steps for every `n`.
fn gauss_legendre(k: usize, n: usize) -> (f64, f64) {
    let mut zero = (PI * (k as f64 + 0.75) / (n as f64 + 0.5)).cos();
    let mut slope = 1.0;
    for _ in 0..20 {
        // P_j = ((2j - 1) x P_(j-1) - (j - 1) P_(j-2)) / j
        let (mut before, mut value) = (1.0, zero);
        for j in 2..=n {
            let j = j as f64;
            (before, value) = (value, ((2.0 * j - 1.0) * zero * value - (j - 1.0) * before) / j);
        }
        slope = n as f64 * (zero * value - before) / (zero * zero - 1.0);
        let step = value / slope;
        zero -= step;
        if step.abs() < 1e-16 {
            break;
        }
    }
    // Zeros come in falling order, positions are to rise.
    ((1.0 - zero) / 2.0, 1.0 / ((1.0 - zero * zero) * slope * slope))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Quadrature; 4] =
        [Quadrature::Right, Quadrature::Midpoint, Quadrature::Trapezoid, Quadrature::GaussLegendre];

    fn integral(quadrature: Quadrature, n: usize, g: impl Fn(f64) -> f64) -> f64 {
        quadrature.nodes(n).unwrap().into_iter().map(|(position, weight)| weight * g(position)).sum()
    }

    #[test]
    fn weights_add_up_to_1_and_positions_rise_within_the_interval() {
        for quadrature in ALL {
            for n in [2, 3, 8, 50, 301] {
                let nodes = quadrature.nodes(n).unwrap();
                assert_eq!(nodes.len(), n);
                let total: f64 = nodes.iter().map(|node| node.1).sum();
                assert!((total - 1.0).abs() < 1e-13, "{quadrature:?} {n}: {total}");
                assert!(nodes.windows(2).all(|pair| pair[0].0 < pair[1].0), "{quadrature:?} {n}");
                assert!(nodes.iter().all(|node| (0.0..=1.0).contains(&node.0)), "{quadrature:?} {n}");
            }
        }
    }

    #[test]
    fn ends_are_exact() {
        for n in 2..200 {
            assert_eq!(Quadrature::Right.nodes(n).unwrap()[n - 1].0, 1.0);
            let trapezoid = Quadrature::Trapezoid.nodes(n).unwrap();
            assert_eq!((trapezoid[0].0, trapezoid[n - 1].0), (0.0, 1.0));
        }
    }

    #[test]
    fn linear_functions_are_integrated_exactly() {
        for quadrature in [Quadrature::Midpoint, Quadrature::Trapezoid, Quadrature::GaussLegendre] {
            for n in [2, 5, 20] {
                let error = integral(quadrature, n, |a| 3.0 * a - 1.0) - 0.5;
                assert!(error.abs() < 1e-14, "{quadrature:?} {n}: {error}");
            }
        }
    }

    #[test]
    fn gauss_legendre_is_exact_to_degree_2n_minus_1() {
        for n in 1..=40 {
            let degree = 2 * n - 1;
            let exact = 1.0 / (degree as f64 + 1.0);
            let error = integral(Quadrature::GaussLegendre, n, |a| a.powi(degree as i32)) - exact;
            assert!(error.abs() < 1e-14, "{n}: {error}");
        }
        // Nodes of degree 3: 0 and +-sqrt(3/5), weights 8/9 and 5/9 on [-1, 1].
        let nodes = Quadrature::GaussLegendre.nodes(3).unwrap();
        let expected =
            [(0.5 - 0.15f64.sqrt(), 5.0 / 18.0), (0.5, 4.0 / 9.0), (0.5 + 0.15f64.sqrt(), 5.0 / 18.0)];
        for (got, expected) in nodes.iter().zip(expected) {
            assert!((got.0 - expected.0).abs() < 1e-15 && (got.1 - expected.1).abs() < 1e-15, "{got:?}");
        }
    }

    #[test]
    fn too_few_points_are_errors() {
        assert!(ALL.iter().all(|quadrature| quadrature.nodes(0).is_err()));
        assert!(Quadrature::Trapezoid.nodes(1).unwrap_err().to_string().contains("2 or more"));
        assert_eq!(Quadrature::Right.nodes(1).unwrap(), [(1.0, 1.0)]);
        assert_eq!(Quadrature::GaussLegendre.nodes(1).unwrap(), [(0.5, 1.0)]);
    }
}
