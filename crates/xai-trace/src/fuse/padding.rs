//! Padding that a convolution or pool takes in.
//!
//! Burn pads explicitly where the two sides differ. A rule must see one convolution: padding that
//! were a layer of its own would take its share of relevance as if it were input.

use burn_backend::Backend;
use xai_core::layer::Pool;

use super::Fused;
use crate::layers::{conv, padding, sliding};
use crate::op::{Op, Window};
use crate::tensor::{Edge, Node};

/// The convolution or pool `last`, if what it reads is a value with padding around its spatial
/// dimensions that the layer itself could have added.
pub(super) fn find<B: Backend>(last: &Node<B>) -> Option<Fused<B>> {
    let padded = last.inputs.first()?.node()?;
    let input = match padded.inputs.as_slice() {
        [Edge::Constant(_), Edge::Node(input)] if matches!(padded.op, Op::SliceAssign(_)) => input,
        _ => return None,
    };
    if !matches!(last.op, Op::Conv(_) | Op::MaxPool(_) | Op::AvgPool { .. }) {
        return None;
    }
    let pad = padding(padded).ok()?;
    let (outer, spatial) = pad.padding().split_at_checked(2)?;
    if outer != [(0, 0); 2] {
        return None;
    }
    let output = last.shape.as_slice();
    let layer = match &last.op {
        Op::Conv(geometry) if pad.fill() == 0.0 => {
            let mut geometry = geometry.clone();
            geometry.padding = sum(&geometry.padding, spatial);
            conv(last, geometry).ok()?
        }
        // Anything at or below the least finite value loses against every element, as padding does.
        Op::MaxPool(window) if pad.fill() <= f64::from(f32::MIN) => {
            let padding = sum(&window.padding, spatial);
            Pool::max(sliding(&Window { padding, ..window.clone() }, output)).into()
        }
        // The zeros around the input count as elements.
        Op::AvgPool { window, .. }
            if pad.fill() == 0.0 && window.padding.iter().all(|size| *size == (0, 0)) =>
        {
            let padding = spatial.to_vec();
            Pool::average(sliding(&Window { padding, ..window.clone() }, output), true).into()
        }
        _ => return None,
    };
    Some(Fused {
        layer,
        kind: last.op.name(),
        inputs: vec![input.clone()],
        inside: vec![padded.id],
        constants: last.inputs.iter().filter_map(Edge::constant).map(|constant| constant.key).collect(),
    })
}

fn sum(own: &[(usize, usize)], added: &[(usize, usize)]) -> Vec<(usize, usize)> {
    own.iter().zip(added).map(|(own, added)| (own.0 + added.0, own.1 + added.1)).collect()
}
