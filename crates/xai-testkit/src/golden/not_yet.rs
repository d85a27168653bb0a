//! Golden cases that are not run, each with its reason.

use super::registry::Exclusion;

const fn not_yet(pattern: &'static str, reason: &'static str) -> Exclusion {
    Exclusion::new(pattern, reason)
}

/// Cases that the library cannot run yet.
pub const NOT_YET: &[Exclusion] = &[
    not_yet("rules/*", "not yet: rules on single layers are compared with matrix-form references"),
    not_yet("pooling/*", "not yet: no rule TakesMost, and pools are compared with plain loops"),
    not_yet("pooling-exact/*", "not yet: no rule TakesMost"),
    not_yet("kmeans/*", "not yet: no clustering head"),
    not_yet("imagenet/*", "not yet: pretrained networks are not stored here"),
];

/// Cases of networks that [`models`](crate::models) does not have as a Burn module, beside
/// [`NOT_YET`].
pub const NOT_RECORDED: &[Exclusion] = &[
    Exclusion::new("composites/mlp/*", "run by hand only: vgg_like and resnet_like hold all its layers"),
    Exclusion::new("composites/mlp_bn/*", "run by hand only: vgg_like and resnet_like hold all its layers"),
    Exclusion::new("composites/separable_relu6/*", "run by hand only: recording of ReLU6 is not covered yet"),
    Exclusion::new("composites/cnn1d/*", "run by hand only: recording of 1d layers is not covered yet"),
];
