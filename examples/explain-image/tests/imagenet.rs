//! EfficientNet-Lite0 on real photographs: agreement with the reference on the same weights, and what the
//! example makes of photographs and files that are not what it expects.
//!
//! The weights are not committed. `scripts/fetch-efficientnet-lite0.sh` fetches them; without them the tests
//! that need them say that they were skipped. Where the environment variable `EFFICIENTNET_LITE0` names a
//! file, it must be there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{Write, stderr};

use burn::module::ParamId;
use burn::tensor::{DType, TensorData};
use burn_flex::Flex;
use burn_store::{ModuleSnapshot, TensorSnapshot};
use burn_xai::attributor::{Attribution, Attributor, Lrp};
use burn_xai::composite::{Composite, Presets};
use burn_xai::model::{Seed, Target};
use burn_xai::record;
use burn_xai::rule::Bound;
use explain_image::model::{CLASSES, EfficientNetLite0, SIDE};
use explain_image::photo::Photo;
use explain_image::{classes, photo, weights};
use image::{DynamicImage, GrayImage, ImageBuffer, Luma, LumaA, Rgb, RgbImage, Rgba, RgbaImage};
use serde_json::{Map, Value as Json};
use xai_testkit::golden::{Case, Detail, Golden, elements, relative_error};

/// The pretrained network; `None`, said aloud, where its weights are not at hand.
fn pretrained(test: &str) -> Option<EfficientNetLite0<Flex>> {
    match weights::path(None) {
        Ok(path) => Some(weights::load(&path, &Default::default()).unwrap()),
        Err(reason) => {
            assert!(std::env::var_os(weights::VARIABLE).is_none(), "{reason}");
            // Straight to the terminal: the harness would swallow what a passing test prints.
            let _ = writeln!(stderr(), "SKIPPED {test}: {reason}");
            None
        }
    }
}

/// What relevance at a module's output is called in the recorded graph.
fn node(module: &str) -> String {
    match module.strip_prefix("block") {
        Some(block) => format!("blocks.{block}.project.norm.add"),
        None if module == "avgpool" => "head.norm.adaptive_avg_pool".to_owned(),
        None => panic!("the network has no module `{module}`"),
    }
}

/// The composite of a golden case.
fn composite(golden: &Golden, case: &Case, method: &str, params: &Map<String, Json>) -> Composite {
    let number = |name: &str| params.get(name).map(|value| value.as_f64().unwrap());
    let defaults = Presets::default();
    let presets = Presets {
        epsilon: number("epsilon").unwrap().into(),
        stabilizer: number("stabilizer").unwrap().into(),
        gamma: number("gamma").unwrap_or(defaults.gamma),
        zero_bias: params.get("zero_params").is_some_and(|zero| *zero == serde_json::json!(["bias"])),
        ..defaults
    };
    let bound = |name: &str| {
        assert_eq!(params[name], "tensor");
        let stored = golden.tensor(case, name).unwrap();
        Bound::Tensor { dims: stored.dims[1..].to_vec(), values: stored.data }
    };
    match method {
        "EpsilonPlusFlat" => presets.epsilon_plus_flat(),
        "EpsilonGammaBox" => presets.epsilon_gamma_box(bound("low"), bound("high")),
        other => panic!("method `{other}` has no counterpart here"),
    }
}

/// Relevance at the input or at a module.
fn relevance(attribution: &Attribution<Flex>, place: &str) -> Vec<f64> {
    let relevance = match place {
        "input" => attribution.relevance::<4>(),
        module => attribution.relevance_at::<4>(&node(module)),
    };
    elements(&relevance.unwrap().into())
}

fn cosine(a: &[f64], b: &[f64]) -> f64 {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

#[test]
fn maps_agree_with_the_reference() {
    let Some(net) = pretrained("maps_agree_with_the_reference") else { return };
    let golden = Golden::open().unwrap();
    let mut compared = 0;
    for case in golden.cases() {
        let Detail::Imagenet { method, method_id, params, target_index, watch } = &case.detail else {
            continue;
        };
        let rules = composite(&golden, case, method, params);
        let mut lrp = Lrp::new(&record(&net, EfficientNetLite0::forward), rules);
        for module in watch.iter().filter(|place| *place != "input") {
            lrp = lrp.with_relevance_at(node(module));
        }
        let input = golden.tensor(case, "input").unwrap().value::<Flex>(DType::F32, &Default::default());
        let target = Target::class(*target_index).with_seed(Seed::One);
        let attribution = lrp.attribute(input, target).unwrap();

        let compare = |what: &str, got: &[f64]| {
            let want = golden.tensor(case, what).unwrap().data;
            let (cosine, error) = (cosine(got, &want), relative_error(got, &want));
            println!("{method_id:30} {what:50} cosine {cosine:.9}, largest error {error:.1e}");
            assert!(cosine >= 0.999 && error <= 1e-3, "{} `{what}`: {cosine}, {error:.1e}", case.name);
        };
        compare("logits", &elements(&attribution.output::<2>().unwrap().into()));
        for place in watch {
            compare(&format!("relevance/{method_id}/{place}"), &relevance(&attribution, place));
            compared += 1;
        }
    }
    assert!(compared > 0, "the golden data have no case of kind `imagenet`");
}

#[test]
fn the_box_is_that_of_the_reference() {
    let golden = Golden::open().unwrap();
    let case = golden.cases().iter().find(|case| matches!(case.detail, Detail::Imagenet { .. })).unwrap();
    let (low, high) = photo::pixel_box();
    for (name, bound) in [("low", low), ("high", high)] {
        let Bound::Tensor { dims, values } = bound else { panic!("one bound per colour") };
        let want = golden.tensor(case, name).unwrap().data;
        assert!(relative_error(&values, &want) < 1e-6);
        assert_eq!(dims, [3, 1, 1]);
    }
}

#[test]
fn the_photographs_are_recognised() {
    let Some(net) = pretrained("the_photographs_are_recognised") else { return };
    let best: Vec<_> = Photo::examples()
        .unwrap()
        .iter()
        .map(|photo| {
            let logits = net.forward(photo.tensor(&Default::default()));
            let class = logits.argmax(1).into_data().iter::<i64>().next().unwrap();
            classes::name(class as usize)
        })
        .collect();
    assert_eq!(best[0], "espresso");
    assert!(
        ["tabby", "tiger cat", "Persian cat", "Siamese cat", "Egyptian cat"].contains(&best[1]),
        "{best:?}"
    );
}

#[test]
fn every_class_has_a_name() {
    assert_eq!(
        (classes::name(0), classes::name(967), classes::name(999)),
        ("tench", "espresso", "toilet tissue")
    );
    assert!((0..CLASSES).all(|class| !classes::name(class).is_empty()));
    assert_eq!(classes::name(CLASSES), "unknown");
}

/// The normalised input of an image, on the host.
fn input(image: impl Into<DynamicImage>) -> Vec<f64> {
    elements(&Photo::new("test", &image.into()).tensor::<Flex>(&Default::default()).into())
}

/// The input of a photograph of one colour, red, green and blue from 0 to 1.
fn plain(color: [f64; 3]) -> Vec<f64> {
    let normalised = (0..3).map(|i| (color[i] - f64::from(photo::MEAN[i])) / f64::from(photo::DEVIATION[i]));
    normalised.flat_map(|value| vec![value; SIDE * SIDE]).collect()
}

#[test]
fn every_pixel_format_is_read() {
    let third = 1.0 / 3.0;
    for (image, color) in [
        (DynamicImage::from(RgbImage::from_pixel(300, 200, Rgb([255, 0, 51]))), [1.0, 0.0, 0.2]),
        (GrayImage::from_pixel(40, 90, Luma([51])).into(), [0.2; 3]),
        (ImageBuffer::from_pixel(64, 64, Luma([0x5555u16])).into(), [third; 3]),
        (ImageBuffer::from_pixel(64, 64, Rgb([0xffffu16, 0x5555, 0])).into(), [1.0, third, 0.0]),
        // What is transparent is white.
        (RgbaImage::from_pixel(64, 64, Rgba([255, 0, 0, 51])).into(), [1.0, 0.8, 0.8]),
        (ImageBuffer::from_pixel(64, 64, LumaA([0u8, 0])).into(), [1.0; 3]),
        // One pixel, and a line of them.
        (RgbImage::from_pixel(1, 1, Rgb([0, 255, 0])).into(), [0.0, 1.0, 0.0]),
        (RgbImage::from_pixel(1, 5000, Rgb([0, 255, 0])).into(), [0.0, 1.0, 0.0]),
    ] {
        let error = relative_error(&input(image), &plain(color));
        assert!(error < 1e-5, "{color:?}: {error:.1e}");
    }
}

#[test]
fn the_square_in_the_middle_is_taken() {
    // Black in the middle, white beside it.
    let wide =
        RgbImage::from_fn(30, 10, |x, _| if (10..20).contains(&x) { Rgb([0; 3]) } else { Rgb([255; 3]) });
    assert!(relative_error(&input(wide), &plain([0.0; 3])) < 1e-5);
}

#[test]
fn scaling_keeps_colours_in_their_range() {
    let mut photo = RgbImage::from_pixel(9, 9, Rgb([255; 3]));
    photo.put_pixel(4, 4, Rgb([0; 3]));
    let (low, high) = photo::pixel_box();
    let (Bound::Tensor { values: low, .. }, Bound::Tensor { values: high, .. }) = (low, high) else {
        panic!()
    };
    for (plane, (low, high)) in input(photo).chunks(SIDE * SIDE).zip(low.iter().zip(high)) {
        assert!(plane.iter().all(|x| (low - 1e-6..=high + 1e-6).contains(x)));
    }
}

#[test]
fn files_that_are_no_photographs_are_errors() {
    let folder = std::env::temp_dir().join(format!("burn-xai-photos-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let error = |name: &str, content: Option<&[u8]>| {
        let path = folder.join(name);
        if let Some(content) = content {
            std::fs::write(&path, content).unwrap();
        }
        let error = Photo::open(&path).unwrap_err().to_string();
        assert!(error.contains(name), "{error}");
    };
    error("missing.png", None);
    error("empty.jpg", Some(b""));
    error("text.png", Some(b"not a picture"));
    error("cut off.png", Some(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0"));
    assert!(Photo::open(&folder).is_err());
    // What a file is called does not matter.
    let path = folder.join("really a png.jpg");
    RgbImage::new(3, 2).save_with_format(&path, image::ImageFormat::Png).unwrap();
    assert_eq!(Photo::open(&path).unwrap().name, "really a png");
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn weights_that_do_not_fit_are_named() {
    let mut net = EfficientNetLite0::<Flex>::new(&Default::default());
    let stored = net.collect(None, None, false);
    assert_eq!(weights::misfits(&net.apply(stored.clone(), None, None, false)), None);

    let mut stored: Vec<_> =
        stored.into_iter().filter(|s| s.full_path() != "blocks.3.project.conv.weight").collect();
    let renamed = stored.iter_mut().find(|s| s.full_path() == "head.norm.gamma").unwrap();
    renamed.path_stack = Some(vec!["head".into(), "norm".into(), "gama".into()]);
    let reshaped = stored.iter_mut().find(|s| s.full_path() == "classifier.bias").unwrap();
    *reshaped = TensorSnapshot::from_data(
        TensorData::zeros::<f32, _>([10]),
        vec!["classifier".into(), "bias".into()],
        Vec::new(),
        ParamId::new(),
    );
    let message = weights::misfits(&net.apply(stored, None, None, false)).unwrap();
    for part in [
        "`blocks.3.project.conv.weight` is missing",
        "`head.norm.gamma` is missing",
        "`head.norm.gama` has no place",
        "`classifier.bias` is [10] instead of [1000]",
    ] {
        assert!(message.contains(part), "`{part}` is missing in: {message}");
    }
}

#[test]
fn files_that_hold_no_weights_are_errors() {
    let path = std::env::temp_dir().join(format!("burn-xai-weights-{}.pth", std::process::id()));
    let refused = || weights::load::<Flex>(&path, &Default::default()).unwrap_err().to_string();
    assert!(refused().contains("cannot read the weights"), "{}", refused());
    assert!(weights::path(Some(&path)).unwrap_err().to_string().contains(weights::SCRIPT));
    for content in [b"".as_slice(), b"not a model", b"\x80\x02}q\0."] {
        std::fs::write(&path, content).unwrap();
        assert!(refused().contains(&path.display().to_string()), "{}", refused());
    }
    std::fs::remove_file(path).unwrap();
}
