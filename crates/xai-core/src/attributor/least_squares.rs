//! Weighted least squares with few unknowns.

/// The normal equations `A c = b` of `min_c sum_k w_k (y_k - r_k . c)^2`, with `A = sum_k w_k r_k r_k^T` and
/// `b = sum_k w_k y_k r_k`. Rows are added one by one and not kept.
#[derive(Debug, Clone)]
pub(super) struct LeastSquares {
    unknowns: usize,
    /// The lower triangle of `A`, row by row.
    lower: Vec<f64>,
    right: Vec<f64>,
}

impl LeastSquares {
    pub(super) fn new(unknowns: usize) -> Self {
        Self { unknowns, lower: vec![0.0; unknowns * (unknowns + 1) / 2], right: vec![0.0; unknowns] }
    }

    pub(super) fn add(&mut self, row: &[f64], y: f64, weight: f64) {
        for (i, &r) in row.iter().enumerate().filter(|(_, r)| **r != 0.0) {
            let first = start(i);
            for (sum, other) in self.lower[first..=first + i].iter_mut().zip(row) {
                *sum += weight * r * other;
            }
            self.right[i] += weight * r * y;
        }
    }

    /// Adds `alpha c_i^2` to what is minimised, for the first unknowns.
    pub(super) fn add_ridge(&mut self, alpha: f64, unknowns: usize) {
        (0..unknowns).for_each(|i| self.lower[start(i) + i] += alpha);
    }

    /// The solution by Cholesky's decomposition `A = L L^T`; `None` where the rows do not settle it.
    pub(super) fn solve(mut self) -> Option<Vec<f64>> {
        // Each by its own: a large ridge is on all unknowns but the last.
        let scales: Vec<_> = (0..self.unknowns).map(|i| self.lower[start(i) + i]).collect();
        for i in 0..self.unknowns {
            let (above, row) = self.lower.split_at_mut(start(i));
            for j in 0..i {
                let other = &above[start(j)..=start(j) + j];
                row[j] = (row[j] - dot(&row[..j], &other[..j])) / other[j];
            }
            let pivot = row[i] - dot(&row[..i], &row[..i]);
            // Also for NaN.
            if !(pivot > 1e-12 * scales[i] && pivot.is_finite()) {
                return None;
            }
            row[i] = pivot.sqrt();
        }
        let (lower, mut x) = (&self.lower, self.right);
        for i in 0..x.len() {
            let row = &lower[start(i)..=start(i) + i];
            x[i] = (x[i] - dot(&row[..i], &x[..i])) / row[i];
        }
        for i in (0..x.len()).rev() {
            let row = &lower[start(i)..=start(i) + i];
            x[i] /= row[i];
            let (before, own) = x.split_at_mut(i);
            before.iter_mut().zip(row).for_each(|(before, l)| *before -= l * own[0]);
        }
        Some(x)
    }
}

/// Where a row of the triangle begins.
fn start(row: usize) -> usize {
    row * (row + 1) / 2
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_through_weighted_points() {
        // Weights repeat points: (0, 1), (1, 2), (1, 2), (3, 7). Means 5/4 and 3, so the slope is
        // (sum xy - 4 mean mean) / (sum xx - 4 mean^2) = (25 - 15) / (11 - 6.25) = 40/19.
        let mut fit = LeastSquares::new(2);
        for (x, y, weight) in [(0.0, 1.0, 1.0), (1.0, 2.0, 2.0), (3.0, 7.0, 1.0)] {
            fit.add(&[x, 1.0], y, weight);
        }
        let slope = 40.0 / 19.0;
        let got = fit.solve().unwrap();
        assert!((got[0] - slope).abs() < 1e-12 && (got[1] - (3.0 - 1.25 * slope)).abs() < 1e-12, "{got:?}");
    }

    #[test]
    fn what_the_rows_do_not_settle_has_no_solution() {
        let mut fit = LeastSquares::new(2);
        fit.add(&[1.0, 1.0], 3.0, 1.0);
        assert_eq!(fit.clone().solve(), None);
        // The slope of (3 - c_1 - c_2)^2 + c_1^2 + c_2^2 is 0: c_1 = c_2 and 3 - 2 c = c.
        fit.add_ridge(1.0, 2);
        let got = fit.solve().unwrap();
        assert!(got.iter().all(|c| (c - 1.0).abs() < 1e-12), "{got:?}");
        assert_eq!(LeastSquares::new(0).solve(), Some(vec![]));
    }
}
