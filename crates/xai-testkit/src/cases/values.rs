//! Operations on values, whatever the memory layout behind them.

use burn::tensor::backend::Backend;
use xai_core::Value;

use super::host::{assert_close, value};
use crate::host::{Array, Numbers};

/// Elementwise operations, on tensors that were permuted, flipped and expanded: some backends'
/// kernels walk memory instead of indices.
pub fn elementwise_operations_on_every_layout<B: Backend>(device: &B::Device) {
    let mut numbers = Numbers::seeded(15);
    // Large enough for vector kernels, with zeros and both signs.
    let data = numbers.array(&[2, 8, 16, 16]);
    let data = Array::from_fn(&data.dims, |i| (data.data[i] * 4.0).round() / 4.0);
    let whole = value::<B>(&data, device);
    let layouts = [
        ("contiguous", whole.clone()),
        ("permuted", whole.clone().permute(&[0, 2, 3, 1])),
        ("transposed", whole.clone().permute(&[1, 0, 2, 3])),
        ("flipped", whole.clone().flip(&[2, 3])),
        ("expanded inside", whole.clone().sum_dim(1).expand(&[2, 8, 16, 16])),
        ("expanded outside", whole.sum_dim(0).expand(&[2, 8, 16, 16])),
    ];
    for (layout, x) in layouts {
        check(layout, &x, device);
    }
}

fn check<B: Backend>(layout: &str, x: &Value<B>, device: &B::Device) {
    let host = Array::of(x);
    // Another operand of the same shape in plain layout, never 0.
    let other = Array::from_fn(&host.dims, |i| host.data[i] * 0.5 + 16.0);
    let y = &value::<B>(&other, device);
    let each = |f: fn(f64) -> f64| Array::from_fn(&host.dims, |i| f(host.data[i]));
    let both = |f: fn(f64, f64) -> f64| Array::from_fn(&host.dims, |i| f(host.data[i], other.data[i]));
    let results = [
        ("abs", x.abs(), each(f64::abs)),
        ("positive", x.positive(), each(|x| x.max(0.0))),
        ("negative", x.negative(), each(|x| x.min(0.0))),
        ("sign", x.sign(), each(|x| if x < 0.0 { -1.0 } else { 1.0 })),
        ("at_least", x.clone().at_least(0.3), each(|x| x.max(0.3))),
        ("sqrt", (x * x).sqrt(), each(f64::abs)),
        ("sigmoid", x.clone().sigmoid(), each(|x| 1.0 / (1.0 + (-x).exp()))),
        ("scalars", ((x.clone() * 2.0 + 1.0) - 0.5) / 4.0, each(|x| (x * 2.0 + 0.5) / 4.0)),
        ("add", x + y, both(|x, y| x + y)),
        ("subtract", y - x, both(|x, y| y - x)),
        ("multiply", y * x, both(|x, y| x * y)),
        ("divide", x / y, both(|x, y| x / y)),
        ("where x", y.clone().where_positive(x), both(|x, y| if x > 0.0 { y } else { 0.0 })),
        ("where y", x.clone().where_positive(y), each(|x| x)),
    ];
    for (operation, got, want) in results {
        assert_close(&format!("{operation} of a tensor that is {layout}"), &got, &want);
        assert_eq!(Array::of(x).data, host.data, "{operation} changed its operand, which is {layout}");
    }
}
