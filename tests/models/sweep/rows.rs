//! The form of the tables.

/// Single modules and functions as networks, each with the kinds of the nodes that it is recorded as. A module
/// that has no backend is `plain`, any other is made `on` a device. A gradient that is small beside what it is the
/// rest of is rounded more: then `within` says how much.
macro_rules! sweep {
    ($($name:ident: $module:ident, $(plain $plain:expr,)? $(on($device:ident) $init:expr,)?
        |$net:ident, $x:pat_param| $forward:expr, [$($given:expr),*] => [$($kind:literal),*], $expected:expr
        $(, within $tolerance:expr)?;)*) => {
        /// The modules of these rows, and the names of the rows.
        #[allow(dead_code)]
        pub(super) const MODULES: &[&str] = &[$(stringify!($module)),*];
        #[allow(dead_code)]
        pub(super) const NAMES: &[&str] = &[$(stringify!($name)),*];

        /// Named so that a filter finds them.
        mod sweep {
            use super::*;
            #[allow(unused_imports)]
            use $crate::data::{Outputs, with_weights};
            use $crate::harness::Network;
            use burn_flex::Flex;

            $(#[test]
            fn $name() {
                $(let net = $plain;
                let differentiable = net.clone();
                let record = || {
                    let net = net.clone();
                    burn_xai::record_fn::<Flex, _, _, _>(move |$x| {
                        let $net = &net;
                        $forward
                    })
                };)?
                $(let $device = &Default::default();
                let net = with_weights($init);
                let differentiable = net.clone().train::<$crate::harness::A>();
                let differentiable = differentiable.train::<$crate::harness::Evaluated>();
                let record = || burn_xai::record::<Flex, _, _, _, _>(&net, |$net, $x| $forward);)?
                Network {
                    name: stringify!($name),
                    parameters: 0,
                    record: &record,
                    plain: &|mut arguments| {
                        let ($net, $x) = (&net, arguments.take());
                        $forward.outputs()
                    },
                    evaluated: &|mut arguments| {
                        let ($net, $x) = (&differentiable, arguments.take());
                        $forward.outputs()
                    },
                    given: &[$($given),*],
                    kinds: Some(&[$($kind),*]),
                    refusals: None,
                    tolerance: [1e-6, $($tolerance)?].into_iter().fold(0.0, f64::max),
                }
                .check($expected);
            })*
        }
    };
}
pub(crate) use sweep;
