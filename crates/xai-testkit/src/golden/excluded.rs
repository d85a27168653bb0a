//! Golden cases that are not run, each with its reason.

use super::registry::Exclusion;

/// Pools under rules that clamp weights.
const fn degenerate(pattern: &'static str) -> Exclusion {
    let reason = "the reference splits a weight that a pool does not have, so clamps nothing; \
         here a pool is a linear layer with positive weights";
    Exclusion { pattern, tagged: Some(("degenerate", 30)), reason }
}

/// Cases that are run elsewhere, and those in which the library differs from the reference on purpose.
pub(super) const NEVER: &[Exclusion] = &[
    Exclusion::new(
        "imagenet/*",
        "run by examples/explain-image/tests/imagenet.rs, which has the network and its weights",
    ),
    degenerate("rules/*pool*/zplus*"),
    degenerate("rules/*pool*/alphabeta*"),
    degenerate("rules/*pool*/gamma*"),
    degenerate("rules/*pool*/zbox*"),
];

const NO_3D_POOLS: &str = "Burn has no pools in three dimensions";
const NO_MIN_POOLS: &str = "Burn has no min pools";

/// Cases that cannot be recorded, beside [`NEVER`].
pub(super) const NOT_RECORDED: &[Exclusion] = &[
    Exclusion::new("kmeans/*", "run by hand only: tests/kmeans_canonizer.rs records distances"),
    Exclusion::new("rules/avgpool3d/*", NO_3D_POOLS),
    Exclusion::new("pooling/maxpool_gradient/max3d*", NO_3D_POOLS),
    Exclusion::new("pooling-exact/3d*", NO_3D_POOLS),
    Exclusion::new("pooling/takesmost/min*", NO_MIN_POOLS),
    Exclusion::new("pooling-exact/*__min__*", NO_MIN_POOLS),
];
