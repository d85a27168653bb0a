//! Missing pixels of an image from those around them.

/// Weight of a neighbour at a side, and of one at a corner.
const SIDE: f64 = 1.0 / 6.0;
const CORNER: f64 = 1.0 / 12.0;

/// Residual, relative to the right-hand side, at which a solution is good enough.
const RESIDUAL: f64 = 1e-9;

/// The equations of the missing pixels of an image: each is the weighted mean of its neighbours,
/// `sum_j w_ij (x_i - x_j) = 0` over those that lie within the image.
///
/// With the missing pixels on the left, `A x = b`: `A_ii` is the sum of the weights of pixel `i` and `A_ij`
/// is `-w_ij`. `A` is symmetric, and positive definite as soon as one pixel is known, because every pixel is
/// linked to it through others. Values lie on the grid of the image with a border of 0, where `A` is a few
/// sums of rows.
///
/// `#[inline]`, so that the loops are compiled in the program that calls them, as the rest of this crate is.
pub(super) struct Imputation {
    width: usize,
    /// Places of the missing pixels in the image.
    missing: Vec<usize>,
    /// On the grid: 1 for missing pixels, 0 for others and the border.
    is_missing: Vec<f64>,
    /// On the grid: the sum of the weights of each pixel.
    diagonal: Vec<f64>,
}

impl Imputation {
    /// Of an image of `height * width` pixels that lacks those at the places `missing`.
    #[inline]
    pub(super) fn new(height: usize, width: usize, missing: Vec<usize>) -> Self {
        let none = vec![0.0; (height + 2) * (width + 2)];
        let mut system = Self { width, missing, is_missing: none.clone(), diagonal: none.clone() };
        let mut inside = none;
        (0..height * width).for_each(|place| inside[system.on_grid(place)] = 1.0);
        system.diagonal = system.neighbours(&inside);
        let missing: Vec<_> = system.missing.iter().map(|&place| system.on_grid(place)).collect();
        missing.into_iter().for_each(|at| system.is_missing[at] = 1.0);
        system
    }

    /// Places of the missing pixels.
    pub(super) fn missing(&self) -> &[usize] {
        &self.missing
    }

    /// Puts values for the missing pixels into one channel of the image. Where all are missing, nothing
    /// says more than the mean of the channel, which they get.
    #[inline]
    pub(super) fn fill(&self, channel: &mut [f64]) {
        let mut known = vec![0.0; self.is_missing.len()];
        channel.iter().enumerate().for_each(|(place, x)| known[self.on_grid(place)] = *x);
        if self.missing.len() < channel.len() {
            known.iter_mut().zip(&self.is_missing).for_each(|(x, missing)| *x *= 1.0 - missing);
            let mean = known.iter().sum::<f64>() / (channel.len() - self.missing.len()) as f64;
            let (solution, _) = self.solve(&known, mean);
            self.missing.iter().for_each(|&place| channel[place] = solution[self.on_grid(place)]);
        } else {
            let mean = known.iter().sum::<f64>() / channel.len() as f64;
            channel.fill(mean);
        }
    }

    /// The method of conjugate gradients (Hestenes, Stiefel 1952), from the same value everywhere on, and how many
    /// rounds it took.
    #[inline]
    pub(super) fn solve(&self, known: &[f64], start: f64) -> (Vec<f64>, usize) {
        let right = self.where_missing(self.neighbours(known));
        let mut x: Vec<f64> = self.is_missing.iter().map(|missing| start * missing).collect();
        let mut residual: Vec<f64> = right.iter().zip(self.product(&x)).map(|(b, ax)| b - ax).collect();
        let mut direction = residual.clone();
        let mut squares = dot(&residual, &residual);
        // A hole in a black neighbourhood has no right side.
        let enough = RESIDUAL * RESIDUAL * dot(&right, &right).max(squares);
        // Exact arithmetic needs as many rounds as there are unknowns.
        let mut rounds = 0;
        while rounds < 2 * self.missing.len() {
            let product = self.product(&direction);
            let curvature = dot(&direction, &product);
            if squares <= enough || curvature <= 0.0 {
                break;
            }
            rounds += 1;
            let step = squares / curvature;
            x.iter_mut().zip(&direction).for_each(|(x, d)| *x += step * d);
            residual.iter_mut().zip(&product).for_each(|(r, p)| *r -= step * p);
            let before = std::mem::replace(&mut squares, dot(&residual, &residual));
            let keep = squares / before;
            direction.iter_mut().zip(&residual).for_each(|(d, r)| *d = r + keep * *d);
        }
        (x, rounds)
    }

    /// `A x`, for `x` that is 0 at known pixels.
    #[inline]
    fn product(&self, x: &[f64]) -> Vec<f64> {
        let mut product = self.neighbours(x);
        let own = self.diagonal.iter().zip(x);
        product.iter_mut().zip(own).for_each(|(sum, (weight, x))| *sum = weight * x - *sum);
        self.where_missing(product)
    }

    #[inline]
    fn where_missing(&self, mut values: Vec<f64>) -> Vec<f64> {
        values.iter_mut().zip(&self.is_missing).for_each(|(value, missing)| *value *= missing);
        values
    }

    /// The weighted sum of the neighbours of every pixel; 0 on the border.
    #[inline]
    fn neighbours(&self, x: &[f64]) -> Vec<f64> {
        let width = self.width + 2;
        let mut sums = vec![0.0; x.len()];
        for (row, sums) in sums.chunks_mut(width).enumerate().skip(1) {
            let Some(rows) = x.get((row - 1) * width..(row + 2) * width) else { break };
            let (above, rest) = rows.split_at(width);
            let (beside, below) = rest.split_at(width);
            let windows = above.windows(3).zip(beside.windows(3)).zip(below.windows(3));
            for (sum, ((a, b), c)) in sums[1..].iter_mut().zip(windows) {
                *sum = SIDE * (a[1] + b[0] + b[2] + c[1]) + CORNER * (a[0] + a[2] + c[0] + c[2]);
            }
        }
        sums
    }

    /// Where the pixel at this place of the image lies on the grid.
    #[inline]
    fn on_grid(&self, place: usize) -> usize {
        (place / self.width + 1) * (self.width + 2) + place % self.width + 1
    }
}

#[inline]
fn dot(a: &[f64], b: &[f64]) -> f64 {
    // Several sums, which can be added up side by side.
    let mut sums = [0.0; 8];
    for (a, b) in a.chunks(8).zip(b.chunks(8)) {
        sums.iter_mut().zip(a.iter().zip(b)).for_each(|(sum, (a, b))| *sum += a * b);
    }
    sums.iter().sum()
}
