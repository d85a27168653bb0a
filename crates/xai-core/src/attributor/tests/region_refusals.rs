//! What methods that hide regions refuse, and how they are run.

use std::sync::{Arc, Mutex};

use burn::tensor::{DType, Int};

use super::*;
use crate::attributor::{Attributor, FeatureAblation, KernelShap, Lime, Regions};

fn error(method: impl Attributor<Flex>) -> String {
    method.attribute(features(), 0).unwrap_err().to_string()
}

fn labelled<const D: usize>(labels: impl Into<Vec<i64>>, dims: [usize; D]) -> String {
    let data = TensorData::new(labels.into(), dims);
    let labels = Tensor::<Flex, D, Int>::from_data(data, (&Default::default(), DType::I64));
    error(FeatureAblation::new(&linear().0).with_regions(labels))
}

#[test]
fn labels_must_fit_and_be_numbered() {
    assert!(labelled([0, 1, 2], [1, 3]).contains("the regions are [1, 3], but the input is [2, 4]"));
    assert!(labelled([0, 1, 2, 3], [4]).contains("the regions are [4], but the input is [2, 4]"));
    assert!(labelled([0; 12], [3, 4]).contains("the regions are [3, 4]"));
    let negative = labelled([0, 1, 0, 1, 0, -1, 0, 0], [2, 4]);
    assert!(negative.contains("sample 1 of the regions has the label -1, but its 4 labels"), "{negative}");
    let huge = labelled([0, 1 << 40, 0, 0], [1, 4]);
    assert!(huge.contains("sample 0 of the regions has the label 1099511627776"), "{huge}");
    let largest = TensorData::new(vec![0, u64::MAX, 0, 0], [1, 4]);
    let largest = Tensor::<Flex, 2, Int>::from_data(largest, (&Default::default(), DType::U64));
    let largest = error(FeatureAblation::new(&linear().0).with_regions(largest));
    assert!(largest.contains("has the label 9223372036854775807"), "{largest}");
    let empty = labelled([0, 3, 1, 0], [1, 4]);
    assert!(empty.contains("sample 0 of the regions has labels up to 3, but none is 2"), "{empty}");
    let grid = error(KernelShap::new(&linear().0).with_regions(Regions::grid(5)));
    assert!(grid.contains("must be from 1 to 4"), "{grid}");
    let each = error(Lime::new(&linear().0).with_regions_each([Regions::grid(1), Regions::grid(2)]));
    assert!(each.contains("`regions` has 2 entries, but 1 input(s) are explained"), "{each}");
}

#[test]
fn parameters_are_checked() {
    let (ablation, shap, lime) =
        (|| FeatureAblation::new(&linear().0), || KernelShap::new(&linear().0), || Lime::new(&linear().0));
    assert!(error(ablation().with_largest_batch(0)).contains("`largest_batch` is 0"));
    assert!(error(ablation().with_baseline(f64::NAN)).contains("the baseline holds NaN"));
    assert!(error(shap().with_baselines([f64::INFINITY])).contains("the baseline holds inf"));
    assert!(error(shap().with_samples(0)).contains("`samples` is 0, but must be 1 or more"));
    let few = error(shap().with_samples(5));
    assert!(few.contains("`samples` is 5, but the 4 regions of sample 0 need 6 or more"), "{few}");
    assert!(error(lime().with_samples(0)).contains("`samples` is 0, but must be 1 or more"));
    for sigma in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(error(lime().with_kernel_width(sigma)).contains("`kernel_width` is"));
    }
    for alpha in [-1.0, f64::NAN, f64::INFINITY] {
        assert!(error(lime().with_ridge(alpha)).contains("`ridge` is"));
    }
    let few = error(lime().with_samples(2).with_ridge(0.0));
    assert!(few.contains("2 samples do not settle the relevance of the 4 regions of sample 0"), "{few}");
    // A ridge settles it.
    assert!(lime().with_samples(2).attribute(features(), 0).is_ok());
}

#[test]
fn more_regions_than_a_fit_takes_are_refused() {
    let many = Tensor::<Flex, 2>::ones([1, 3000], &Default::default());
    let layer = LinearLayer::new(Tensor::<Flex, 2>::ones([3000, 1], &Default::default()).into(), None);
    let mut graph = GraphBuilder::new();
    let x = graph.input("x", &[1, 3000]).unwrap();
    let y = graph.push("linear", layer.unwrap(), &[x]).unwrap();
    let model: Model<Flex> = graph.finish(y).unwrap().into();
    for method in
        [Box::new(KernelShap::new(&model)) as Box<dyn Attributor<Flex>>, Box::new(Lime::new(&model))]
    {
        let refused = method.attribute(many.clone(), 0).unwrap_err().to_string();
        assert!(
            refused.contains("sample 0 has 3000 regions, but this method takes at most 2048"),
            "{refused}"
        );
    }
}

#[test]
fn copies_of_the_batch_are_counted() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let counts = heard.clone();
    let method = KernelShap::new(&linear().0).with_largest_batch(13);
    let method = method.with_progress(move |progress| {
        counts.lock().unwrap().push((progress.done, progress.total));
    });
    method.attribute(features(), 0).unwrap();
    // 2^4 - 2 coalitions of 2 samples.
    assert_eq!(*heard.lock().unwrap(), [(6, 14), (12, 14), (14, 14)]);
}
