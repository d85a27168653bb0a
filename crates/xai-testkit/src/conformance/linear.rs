use burn::tensor::backend::Backend;
use xai_core::Value;
use xai_core::kernel::{linear, linear_adjoint};

use super::{Bench, Row, numbers};
use crate::reference;

/// Fully connected layers with several leading dimensions.
pub fn linears<B: Backend>(bench: &Bench<B>) -> Vec<Row> {
    let leading: [&[usize]; 4] = [&[], &[1], &[5], &[2, 3, 4]];
    let mut rows = Vec::new();
    for (i, leading) in leading.iter().enumerate() {
        let dims = |last| leading.iter().copied().chain([last]).collect::<Vec<usize>>();
        let seed = i as u64 * 4;
        let (x, r) = (numbers(&dims(7), seed), numbers(&dims(9), seed + 1));
        let (weight, bias) = (numbers(&[7, 9], seed + 2), numbers(&[9], seed + 3));
        let [vx, vr, vw, vb] = [&x, &r, &weight, &bias].map(|array| bench.value(array));
        let case = format!("{:?} -> {:?}", x.dims, r.dims);
        let primitive = |v: &Value<B>| v.clone().into_primitive();
        let row = |kernel, own, burn| Row { kernel, case: case.clone(), dtype: bench.dtype, own, burn };

        let want = reference::linear(&x, &weight, Some(&bias));
        let own = bench.outcome(&want, || linear(&vx, &vw, Some(&vb)));
        let burn = bench.outcome(&want, || {
            Value::from_primitive(B::linear(primitive(&vx), primitive(&vw), Some(primitive(&vb))))
        });
        rows.push(row("linear", own, burn));

        let want = reference::linear_adjoint(&r, &weight);
        let own = bench.outcome(&want, || linear_adjoint(&vr, &vw));
        let burn = bench
            .outcome(&want, || Value::from_primitive(B::linear_x_backward(primitive(&vw), primitive(&vr))));
        rows.push(row("linear_adjoint", own, burn));
    }
    rows
}
