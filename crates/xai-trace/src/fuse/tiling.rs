//! Values put together by assignments one after the other: the steps of a recurrent layer, padding by
//! reflection.

use std::collections::HashSet;

use burn_backend::{Backend, Slice};
use xai_core::layer::Concat;

use super::Fused;
use crate::op::Op;
use crate::tensor::{Constant, Edge, Node};

/// A value assigned to a range of one dimension.
struct Tile<'a, B: Backend> {
    start: usize,
    end: usize,
    value: &'a Edge<B>,
}

/// The concatenation that a chain of assignments which ends in `last` is: each fills a range of the same
/// dimension, they do not overlap, and what they leave is constant.
pub(super) fn find<B: Backend>(last: &Node<B>) -> Option<Fused<B>> {
    let sizes = last.shape.as_slice();
    let (mut tiles, mut inside, mut dim) = (Vec::new(), Vec::new(), None);
    let mut node = last;
    let base = loop {
        let (Op::SliceAssign(slices), [base, value]) = (&node.op, node.inputs.as_slice()) else {
            return None;
        };
        let (own, start, end) = only_range(slices, sizes)?;
        if *dim.get_or_insert(own) != own {
            return None;
        }
        tiles.push(Tile { start, end, value });
        match base {
            Edge::Node(next) if matches!(next.op, Op::SliceAssign(_)) => {
                inside.push(next.id);
                node = next;
            }
            Edge::Constant(constant) => break Some(constant),
            // What the base holds does not matter where all of it is replaced.
            _ => break None,
        }
    };
    let dim = dim?;
    tiles.sort_by_key(|tile| tile.start);
    // A single value with a border is padding.
    if tiles.len() < 2 {
        return None;
    }
    let parts = parts(&tiles, sizes[dim], dim, base)?;
    let edges = tiles.iter().map(|tile| tile.value);
    let inputs: Vec<_> = edges.clone().filter_map(Edge::node).cloned().collect();
    let constants = edges.filter_map(Edge::constant).map(|constant| constant.key).collect();
    let distinct: HashSet<u64> = inside.iter().copied().collect();
    if inputs.iter().any(|input| distinct.contains(&input.id)) {
        return None;
    }
    let layer = match parts.iter().all(Option::is_none) {
        true => Concat::new(dim),
        false => Concat::with_constants(dim, parts),
    };
    Some(Fused { layer: layer.into(), kind: "concat".into(), inputs, inside, constants })
}

/// The dimension and the range that the slices cut, if they cut no other dimension and leave out nothing within.
fn only_range(slices: &[Slice], sizes: &[usize]) -> Option<(usize, usize, usize)> {
    let mut found = None;
    for (dim, (slice, &size)) in slices.iter().zip(sizes).enumerate() {
        let range = slice.to_range(size);
        if slice.step() == 1 && range == (0..size) {
            continue;
        }
        if slice.step() != 1 || found.replace((dim, range.start, range.end)).is_some() {
            return None;
        }
    }
    // All of it: along the dimension that matters least.
    Some(found.unwrap_or((sizes.len().checked_sub(1)?, 0, *sizes.last()?)))
}

/// The parts of the concatenation: `None` for an input, and constants, those between the tiles among them.
fn parts<B: Backend>(
    tiles: &[Tile<'_, B>],
    size: usize,
    dim: usize,
    base: Option<&Constant<B>>,
) -> Option<Vec<Option<xai_core::Value<B>>>> {
    let between = |start: usize, end: usize| {
        let base = &base?.value;
        let ranges = base.dims().into_iter().enumerate();
        let ranges =
            ranges.map(|(axis, size)| if axis == dim { (start..end).into() } else { (0..size).into() });
        Some(base.clone().slice(&ranges.collect::<Vec<Slice>>()))
    };
    let (mut parts, mut reached) = (Vec::new(), 0);
    for tile in tiles {
        if tile.start < reached {
            return None;
        }
        if tile.start > reached {
            parts.push(Some(between(reached, tile.start)?));
        }
        parts.push(match tile.value {
            Edge::Node(_) => None,
            Edge::Constant(constant) => Some(constant.value.clone()),
            _ => return None,
        });
        reached = tile.end;
    }
    if reached < size {
        parts.push(Some(between(reached, size)?));
    }
    Some(parts)
}
