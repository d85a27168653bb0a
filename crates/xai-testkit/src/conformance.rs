//! Every kernel of [`xai_core::kernel`] against plain f64 loops, over a sweep of geometries.
//!
//! [`conformance_table`] also reports what Burn's own kernels make of each case, so that a backend
//! on which they are wrong shows as a row of numbers. Only the library's own functions are asserted.

mod conv;
mod linear;
mod pool;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use burn::tensor::DType;
use burn::tensor::backend::Backend;
use xai_core::Value;

use crate::host::{Array, Numbers};

pub use conv::convolutions;
pub(crate) use conv::{ConvShape, conv_geometry};
pub use linear::linears;
pub use pool::pools;
pub(crate) use pool::{geometries, sliding};

/// What came of running a kernel on one case.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// Largest absolute difference, relative to the largest absolute expected element.
    Error(f64),
    /// The output has this shape, which is not the expected one.
    Shape(Vec<usize>),
    /// The kernel panicked.
    Panic,
    /// There is no such kernel, or it has no such option.
    Absent,
}

impl Outcome {
    /// Whether the output is right within the tolerance of `dtype`.
    pub fn is_right(&self, dtype: DType) -> bool {
        let tolerance = if dtype == DType::F64 { 1e-12 } else { 1e-5 };
        matches!(self, Self::Error(error) if *error <= tolerance)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(error) => write!(f, "{error:.1e}"),
            Self::Shape(dims) => write!(f, "shape {dims:?}"),
            Self::Panic => f.write_str("panic"),
            Self::Absent => f.write_str("-"),
        }
    }
}

/// One kernel on one case.
#[derive(Debug, Clone)]
pub struct Row {
    /// Name of the kernel.
    pub kernel: &'static str,
    /// The geometry.
    pub case: String,
    /// Element type it ran in.
    pub dtype: DType,
    /// The library's function, as it chooses for this backend.
    pub own: Outcome,
    /// Burn's own kernel.
    pub burn: Outcome,
}

impl Row {
    /// Whether Burn has a kernel for this case, and it is wrong.
    pub fn is_burn_wrong(&self) -> bool {
        self.burn != Outcome::Absent && !self.burn.is_right(self.dtype)
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kernel, case, dtype, own, burn } = self;
        write!(f, "| {kernel} | {case} | {} | {own} | {burn} |", dtype.name())
    }
}

/// All cases of all kernels on one backend, in one element type.
pub fn conformance_table<B: Backend>(device: &B::Device, dtype: DType) -> Vec<Row> {
    let bench = Bench::<B> { device: device.clone(), dtype };
    [linears(&bench), convolutions(&bench), pools(&bench)].concat()
}

/// The rows as a markdown table.
pub fn markdown<'r>(rows: impl IntoIterator<Item = &'r Row>) -> String {
    let mut table = String::from("| kernel | case | type | own | Burn |\n|---|---|---|---|---|\n");
    for row in rows {
        table.push_str(&format!("{row}\n"));
    }
    table
}

/// Fails with a table of all rows in which the library's own function is wrong.
pub fn assert_own(rows: &[Row]) {
    let wrong: Vec<&Row> = rows.iter().filter(|row| !row.own.is_right(row.dtype)).collect();
    assert!(!rows.is_empty(), "no case ran");
    assert!(wrong.is_empty(), "{} of {} cases are wrong:\n{}", wrong.len(), rows.len(), markdown(wrong));
}

/// Where cases run: a device and an element type.
#[derive(Debug)]
pub struct Bench<B: Backend> {
    /// Device that runs the kernels.
    pub device: B::Device,
    /// Element type of all tensors.
    pub dtype: DType,
}

impl<B: Backend> Bench<B> {
    fn value(&self, array: &Array) -> Value<B> {
        array.value(self.dtype, &self.device)
    }

    /// Compares what `kernel` computes with `want`.
    fn outcome(&self, want: &Array, kernel: impl FnOnce() -> Value<B>) -> Outcome {
        let run = || {
            let value = kernel();
            (value.dtype() == self.dtype).then(|| value.to_data().ok()).flatten()
        };
        match catch_unwind(AssertUnwindSafe(run)) {
            Err(_) => Outcome::Panic,
            Ok(None) => Outcome::Error(f64::INFINITY),
            Ok(Some(data)) => {
                let dims = data.shape.as_slice().to_vec();
                if dims != want.dims {
                    return Outcome::Shape(dims);
                }
                let got = Array { dims, data: data.iter::<f64>().collect() };
                Outcome::Error(want.relative_error(&got))
            }
        }
    }
}

/// Reproducible multiples of 1/64 in (-2, 2), which every float type holds exactly.
fn numbers(dims: &[usize], seed: u64) -> Array {
    Numbers::seeded(seed).array(dims).map(|x| 2.0 * x)
}

/// Reproducible small integers, so that windows hold several equal winners.
fn ties(dims: &[usize], seed: u64) -> Array {
    numbers(dims, seed).map(f64::round)
}
