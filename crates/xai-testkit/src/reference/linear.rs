use super::Array;

/// `y[n, o] = bias[o] + sum over i of x[n, i] * weight[i, o]`, n running over all leading dimensions.
pub fn linear(x: &Array, weight: &Array, bias: Option<&Array>) -> Array {
    let (inputs, outputs) = (weight.dims[0], weight.dims[1]);
    let mut dims = x.dims.clone();
    dims.pop();
    dims.push(outputs);
    let mut y = Array::zeros(&dims);
    for n in 0..x.data.len() / inputs {
        for o in 0..outputs {
            let mut sum = bias.map_or(0.0, |bias| bias.data[o]);
            for i in 0..inputs {
                sum += x.data[n * inputs + i] * weight.data[i * outputs + o];
            }
            y.data[n * outputs + o] = sum;
        }
    }
    y
}

/// `c[n, i] = sum over o of r[n, o] * weight[i, o]`.
pub fn linear_adjoint(r: &Array, weight: &Array) -> Array {
    let (inputs, outputs) = (weight.dims[0], weight.dims[1]);
    let mut dims = r.dims.clone();
    dims.pop();
    dims.push(inputs);
    let mut c = Array::zeros(&dims);
    for n in 0..r.data.len() / outputs {
        for i in 0..inputs {
            for o in 0..outputs {
                c.data[n * inputs + i] += r.data[n * outputs + o] * weight.data[i * outputs + o];
            }
        }
    }
    c
}
