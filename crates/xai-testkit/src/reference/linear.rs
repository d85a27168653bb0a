use super::Array;

/// The sizes `dims` with another last one.
fn with_last(dims: &[usize], last: usize) -> Vec<usize> {
    dims.iter().copied().take(dims.len() - 1).chain([last]).collect()
}

/// `y[n, o] = bias[o] + sum over i of x[n, i] * weight[i, o]`, n running over all leading dimensions.
pub fn linear(x: &Array, weight: &Array, bias: Option<&Array>) -> Array {
    let (inputs, outputs) = (weight.dims[0], weight.dims[1]);
    Array::from_fn(&with_last(&x.dims, outputs), |place| {
        let (n, o) = (place / outputs, place % outputs);
        let products = (0..inputs).map(|i| x.data[n * inputs + i] * weight.data[i * outputs + o]);
        bias.map_or(0.0, |bias| bias.data[o]) + products.sum::<f64>()
    })
}

/// `c[n, i] = sum over o of r[n, o] * weight[i, o]`.
pub fn linear_adjoint(r: &Array, weight: &Array) -> Array {
    linear(r, &weight.transposed(), None)
}
