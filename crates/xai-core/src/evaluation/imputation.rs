//! Missing pixels of an image from those around them.

/// The neighbours of a pixel, as steps down and to the right, with their weights.
const NEIGHBOURS: [(isize, isize, f64); 8] = [
    (-1, 0, 1.0 / 6.0),
    (1, 0, 1.0 / 6.0),
    (0, -1, 1.0 / 6.0),
    (0, 1, 1.0 / 6.0),
    (-1, -1, 1.0 / 12.0),
    (-1, 1, 1.0 / 12.0),
    (1, -1, 1.0 / 12.0),
    (1, 1, 1.0 / 12.0),
];

/// Residual, relative to the right-hand side, at which a solution is good enough.
const RESIDUAL: f64 = 1e-10;

/// The equations of the missing pixels of an image: each is the weighted mean of its neighbours,
/// `sum_j w_ij (x_i - x_j) = 0` over those that lie within the image.
///
/// With the missing pixels on the left, `A x = b`: `A_ii` is the sum of the weights of pixel `i` and `A_ij`
/// is `-w_ij`. `A` is symmetric, and positive definite as soon as one pixel is known, because every pixel is
/// linked to it through others.
pub(super) struct Imputation {
    pixels: usize,
    /// Places of the missing pixels.
    missing: Vec<usize>,
    diagonal: Vec<f64>,
    /// For each missing pixel its missing neighbours, by their number among the missing ones.
    unknown: Vec<Vec<(usize, f64)>>,
    /// And the places of those that are known.
    known: Vec<Vec<(usize, f64)>>,
}

impl Imputation {
    /// Of an image of `height * width` pixels that lacks those at the places `missing`.
    pub(super) fn new(height: usize, width: usize, missing: Vec<usize>) -> Self {
        let mut number = vec![None; height * width];
        missing.iter().enumerate().for_each(|(index, &place)| number[place] = Some(index));
        let mut system = Self {
            pixels: height * width,
            diagonal: vec![0.0; missing.len()],
            unknown: vec![Vec::new(); missing.len()],
            known: vec![Vec::new(); missing.len()],
            missing,
        };
        for (index, &place) in system.missing.iter().enumerate() {
            for (down, right, weight) in NEIGHBOURS {
                let row = (place / width).checked_add_signed(down).filter(|row| *row < height);
                let column = (place % width).checked_add_signed(right).filter(|column| *column < width);
                let (Some(row), Some(column)) = (row, column) else { continue };
                let neighbour = row * width + column;
                system.diagonal[index] += weight;
                match number[neighbour] {
                    Some(unknown) => system.unknown[index].push((unknown, weight)),
                    None => system.known[index].push((neighbour, weight)),
                }
            }
        }
        system
    }

    /// Places of the missing pixels.
    pub(super) fn missing(&self) -> &[usize] {
        &self.missing
    }

    /// Puts values for the missing pixels into one channel of the image. Where all are missing, nothing
    /// says more than the mean of the channel, which they get.
    pub(super) fn fill(&self, channel: &mut [f64]) {
        let mut is_known = vec![true; self.pixels];
        self.missing.iter().for_each(|&place| is_known[place] = false);
        let known = channel.iter().zip(is_known).filter_map(|(x, is_known)| is_known.then_some(*x));
        let count = self.pixels - self.missing.len();
        let mean = match count {
            0 => channel.iter().sum::<f64>() / self.pixels as f64,
            _ => known.sum::<f64>() / count as f64,
        };
        let mut solution = vec![mean; self.missing.len()];
        if count > 0 {
            self.solve(channel, &mut solution);
        }
        self.missing.iter().zip(solution).for_each(|(&place, x)| channel[place] = x);
    }

    /// The method of conjugate gradients (Hestenes, Stiefel 1952), from the values in `x` on.
    fn solve(&self, channel: &[f64], x: &mut [f64]) {
        let right: Vec<f64> = self.known.iter().map(|known| weighted(known, channel)).collect();
        let mut residual: Vec<f64> = right.iter().zip(self.product(x)).map(|(b, ax)| b - ax).collect();
        let mut direction = residual.clone();
        let mut squares = dot(&residual, &residual);
        let enough = RESIDUAL * RESIDUAL * dot(&right, &right);
        // Exact arithmetic needs as many rounds as there are unknowns.
        for _ in 0..2 * x.len() {
            if squares <= enough {
                return;
            }
            let product = self.product(&direction);
            let curvature = dot(&direction, &product);
            if curvature <= 0.0 {
                return;
            }
            let step = squares / curvature;
            x.iter_mut().zip(&direction).for_each(|(x, d)| *x += step * d);
            residual.iter_mut().zip(&product).for_each(|(r, p)| *r -= step * p);
            let before = std::mem::replace(&mut squares, dot(&residual, &residual));
            let keep = squares / before;
            direction.iter_mut().zip(&residual).for_each(|(d, r)| *d = r + keep * *d);
        }
    }

    /// `A x`.
    fn product(&self, x: &[f64]) -> Vec<f64> {
        let rows = self.diagonal.iter().zip(&self.unknown).zip(x);
        rows.map(|((diagonal, unknown), own)| diagonal * own - weighted(unknown, x)).collect()
    }
}

/// The weighted sum of the values at some places.
fn weighted(neighbours: &[(usize, f64)], values: &[f64]) -> f64 {
    neighbours.iter().map(|(place, weight)| weight * values[*place]).sum()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
