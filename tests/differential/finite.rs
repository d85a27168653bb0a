//! Finite differences.

/// Whether `slope` is the derivative of `f` at 0, to what finite differences can tell. Where the slopes
/// of both sides differ, as at a kink, they tell nothing.
pub(crate) fn agrees(slope: f64, f: impl Fn(f64) -> f64) -> Result<(), String> {
    let h = 1e-5;
    let (below, here, above) = (f(-h), f(0.0), f(h));
    let central = (above - below) / (2.0 * h);
    let bend = ((above - here) - (here - below)).abs() / h;
    let scale = central.abs().max(slope.abs()).max(1e-3 * here.abs()).max(1e-3);
    // A smooth function bends by h times its second derivative only.
    if !bend.is_finite() || bend > 1e-2 * scale {
        return Ok(());
    }
    // Within a bend the derivative may be that of either side; the rest is of the order of h^2, and
    // rounding of f divided by h.
    match (central - slope).abs() > bend + 1e-6 * scale + 1e-10 * here.abs() / h {
        true => Err(format!("slope {slope:e}, by finite differences {central:e}")),
        false => Ok(()),
    }
}
