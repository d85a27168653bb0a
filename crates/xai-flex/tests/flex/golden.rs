//! The golden cases of the reference systems, on Flex.

use burn::tensor::DType;
use burn_flex::Flex;
use xai_testkit::golden::{self, Golden};

#[test]
fn graphs_built_by_hand_in_f32() {
    golden::built_by_hand::<Flex>(&Golden::open().unwrap(), DType::F32, &Default::default()).assert_passed();
}

#[test]
fn graphs_built_by_hand_in_f64() {
    golden::built_by_hand::<Flex>(&Golden::open().unwrap(), DType::F64, &Default::default()).assert_passed();
}

#[test]
fn recorded_models_in_f32() {
    golden::recorded::<Flex>(&Golden::open().unwrap(), DType::F32, &Default::default()).assert_passed();
}

#[test]
fn recorded_models_in_f64() {
    golden::recorded::<Flex>(&Golden::open().unwrap(), DType::F64, &Default::default()).assert_passed();
}

#[test]
fn networks_of_another_geometry() {
    let (golden, device) = (Golden::committed("golden-variant").unwrap(), Default::default());
    golden::built_by_hand::<Flex>(&golden, DType::F32, &device).assert_passed();
    golden::built_by_hand::<Flex>(&golden, DType::F64, &device).assert_passed();
    golden::recorded::<Flex>(&golden, DType::F32, &device).assert_passed();
    golden::recorded::<Flex>(&golden, DType::F64, &device).assert_passed();
}

/// Changes in the manifest that nothing here can follow, and how they must be named.
#[test]
fn layouts_that_are_not_known_are_errors() {
    let variant = Golden::committed("golden-variant").unwrap().folder().to_owned();
    let manifest = std::fs::read_to_string(variant.join("manifest.json")).unwrap();
    let manifest = manifest.replace(r#""file": ""#, &format!(r#""file": "{}/"#, variant.display()));
    let folder = std::env::temp_dir().join(format!("golden-layouts-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    for (change, to, error) in [
        (
            r#""Conv1d""#,
            r#""Conv9d""#,
            "node `conv1` of network `cnn1d`, a `Conv9d`: `op` has no counterpart",
        ),
        (r#""op": "Flatten","#, "", "node `flatten` of network `cnn1d`, a ``: `op` has no counterpart"),
        (r#""dilation""#, r#""delay""#, "of network `cnn1d`, a `Conv1d`: `delay` (= 3) is not known"),
        (
            r#""kernel_size": [3, 1]"#,
            r#""kernel_size": [1, 3]"#,
            "`kernel_size` is [1, 3], but [3, 1] in the weights",
        ),
        (
            r#""output_size": 1"#,
            r#""output_size": [1]"#,
            "node `gap` of network `resnet_like`, a `AdaptiveAvgPool2d`: `output_size` is",
        ),
        (
            r#""groups": 3"#,
            r#""groups": "all""#,
            "node `block2_conv1` of network `resnet_like`, a `Conv2d`: `groups` is",
        ),
        (
            r#"["block2_downbn","#,
            r#"["block9","#,
            "node `block2_sum` of network `resnet_like`, a `Sum`: `inputs` are",
        ),
        (
            r#""inputs": ["flatten"],"#,
            "",
            "node `fc` of network `cnn1d`, a `Linear`: `inputs` are [], but it reads one",
        ),
        (r#""stride": 2"#, r#""stride": 0"#, "node `conv1`"),
        (
            r#""method": "Gradient""#,
            r#""method": "Guess""#,
            "method `Guess`: `method` has no counterpart here",
        ),
    ] {
        let changed = manifest.replace(change, to);
        assert_ne!(changed, manifest, "`{change}` is not in the manifest");
        std::fs::write(folder.join("manifest.json"), changed).unwrap();
        let golden = Golden::open_at(&folder).unwrap();
        let by_hand = golden::built_by_hand::<Flex>(&golden, DType::F32, &Default::default());
        let recorded = golden::recorded::<Flex>(&golden, DType::F32, &Default::default());
        for failures in [by_hand.failures, recorded.failures] {
            assert!(failures.iter().any(|failure| failure.contains(error)), "{to}: {failures:#?}");
        }
    }
    std::fs::remove_dir_all(folder).unwrap();
}
