//! Distances to centroids: `sum_i (x_ni - c_ki)^2`, or its root.

use burn_backend::Backend;
use xai_core::layer::{CentroidDistance, Power};

use super::{Raised, only};
use crate::op::Op;
use crate::tensor::{Edge, Node};

/// The distances that end in `last`, `[N, K]`, between points `[N, D]` and constant centroids.
pub(super) fn find<B: Backend>(last: &Node<B>) -> Option<Raised<B>> {
    match last.op {
        Op::Barrier("float_sqrt") => {
            let squared = only(last)?;
            let mut raised = distance(squared, Power::One)?;
            raised.inside.push(squared.id);
            Some(raised)
        }
        Op::Reshape => distance(last, Power::Two),
        _ => None,
    }
}

fn distance<B: Backend>(last: &Node<B>, power: Power) -> Option<Raised<B>> {
    let &[samples, clusters] = last.shape.as_slice() else { return None };
    let sum = only(last).filter(|_| matches!(last.op, Op::Reshape))?;
    let Op::Reduce(reduce) = &sum.op else { return None };
    if reduce.is_mean() || reduce.axes() != Some(&[2]) {
        return None;
    }
    let square = only(sum)?;
    let difference = match (&square.op, square.inputs.as_slice()) {
        (Op::Mul, [Edge::Node(a), Edge::Node(b)]) if a.id == b.id => a,
        (Op::Power { exponent: 2.0, .. }, [Edge::Node(base)] | [Edge::Node(base), Edge::Constant(_)]) => base,
        _ => return None,
    };
    let &[a, b, features] = difference.shape.as_slice() else { return None };
    let (points, centroids) = match (&difference.op, difference.inputs.as_slice()) {
        (Op::Sub, [Edge::Node(points), Edge::Constant(centroids)])
        | (Op::Sub, [Edge::Constant(centroids), Edge::Node(points)]) => (points, centroids),
        _ => return None,
    };
    // Points may be repeated for each cluster before the difference, or by it.
    let points = if matches!(points.op, Op::Expand) { only(points)? } else { points };
    let input = only(points).filter(|_| matches!(points.op, Op::Reshape))?;
    let fits = [a, b] == [samples, clusters]
        && points.shape.as_slice() == [samples, 1, features]
        && input.shape.as_slice() == [samples, features]
        && centroids.value.dims() == [1, clusters, features];
    let centroids_alone = centroids.value.clone().reshape(&[clusters, features]);
    Some(Raised {
        layer: CentroidDistance::new(centroids_alone, power).ok().filter(|_| fits)?.into(),
        kind: "distance".into(),
        input: input.clone(),
        // The reshaped points may serve several blocks of centroids, so they are not inside.
        inside: vec![sum.id, square.id, difference.id],
        constants: vec![centroids.key],
    })
}
