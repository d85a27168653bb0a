//! EfficientNet-Lite0 on real photographs: agreement with the reference on the same weights, and what the
//! example makes of photographs and files that are not what it expects.
//!
//! The weights are not committed. `scripts/fetch-efficientnet-lite0.sh` fetches them; without them the tests
//! that need them say that they were skipped. Where the environment variable `EFFICIENTNET_LITE0` names a
//! file, it must be there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../examples/imagenet/mod.rs"]
mod imagenet;

use std::io::{Write, stderr};
use std::path::Path;

use burn::tensor::{DType, Tensor};
use burn_flex::Flex;
use burn_xai::composite::{Composite, Presets};
use burn_xai::explain::{Attribution, Explainer, Seed, Target};
use burn_xai::prelude::*;
use burn_xai::rule::Bound;
use imagenet::model::EfficientNetLite0;
use imagenet::{photo, weights};
use serde_json::{Map, Value as Json};
use xai_testkit::golden::{Case, Detail, Golden, elements, relative_error};

/// The pretrained network; `None`, said aloud, where its weights are not at hand.
fn pretrained(test: &str) -> Option<EfficientNetLite0<Flex>> {
    let path = weights::path(None);
    match path.as_deref().filter(|path| path.exists()) {
        Some(path) => Some(weights::load(path, &Default::default()).unwrap()),
        None => {
            assert!(std::env::var_os(weights::VARIABLE).is_none(), "{} names no file", weights::VARIABLE);
            // Straight to the terminal: the harness would swallow what a passing test prints.
            let _ = writeln!(stderr(), "SKIPPED {test}: no weights; run {}", weights::SCRIPT);
            None
        }
    }
}

/// What relevance at a module's output is called in the recorded graph.
fn node(module: &str) -> String {
    match module.strip_prefix("block") {
        Some(block) => format!("blocks.{block}.project.norm.add"),
        None if module == "avgpool" => "head.norm.relu6.adaptive_avg_pool".to_owned(),
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
        Bound::Tensor { dims: stored.dims[1..].to_vec(), values: stored.data.iter().map(|&x| x.into()).collect() }
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
        let mut explainer = Explainer::new(Recorded::new(&net, EfficientNetLite0::forward), rules);
        for module in watch.iter().filter(|place| *place != "input") {
            explainer = explainer.keep_relevance_at(node(module));
        }
        let input = golden.tensor(case, "input").unwrap().value::<Flex>(DType::F32, &Default::default());
        let target = Target::class(*target_index).seeded(Seed::One);
        let attribution = explainer.explain_values(&[input], target).unwrap();

        let compare = |what: &str, got: &[f64]| {
            let want: Vec<f64> = golden.tensor(case, what).unwrap().data.iter().map(|&x| x.into()).collect();
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
        let want: Vec<f64> = golden.tensor(case, name).unwrap().data.iter().map(|&x| x.into()).collect();
        assert!(relative_error(&values, &want) < 1e-6);
        assert_eq!(dims, [3, 1, 1]);
    }
}

#[test]
fn look() {
    let device = Default::default();
    let net = pretrained("x").unwrap();
    let photo = photo::Photo::open(std::path::Path::new("/tmp/ski/x/skimage/data/coffee.png")).unwrap();
    let golden = Golden::open().unwrap();
    let case = golden.cases().iter().find(|case| matches!(case.detail, Detail::Imagenet { .. })).unwrap();
    let want: Vec<f64> = golden.tensor(case, "input").unwrap().data.iter().map(|&x| x.into()).collect();
    let x = photo.tensor::<Flex>(&device);
    println!("input cosine {} max {}", cosine(&elements(&x.clone().into()), &want), relative_error(&elements(&x.clone().into()), &want));
    let (l, h) = photo::pixel_box();
    let m = Recorded::new(&net, EfficientNetLite0::forward);
    let es: Vec<_> = [epsilon_plus_flat(), epsilon_gamma_box(l, h), epsilon_alpha2_beta1_flat(), gradient()].into_iter().map(|c| Explainer::new(m.clone(), c)).collect();
    let g = es[0].prepare(&[x.clone().into()]).unwrap();
    let mut rows = vec![vec![]; es.len() + 2];
    for _ in 0..11 {
        let t = std::time::Instant::now();
        net.forward(x.clone()).into_data();
        rows[0].push(t.elapsed().as_secs_f64()*1e3);
        let t = std::time::Instant::now();
        g.graph().forward(&[x.clone().into()]).unwrap().to_data().unwrap();
        rows[1].push(t.elapsed().as_secs_f64()*1e3);
        for (r, e) in rows[2..].iter_mut().zip(&es) {
            let t = std::time::Instant::now();
            e.explain(x.clone(), Target::argmax()).unwrap().relevance::<4>().unwrap().into_data();
            r.push(t.elapsed().as_secs_f64()*1e3);
        }
    }
    for (n, r) in ["plain","graph","epf","egb","ea2","grad"].iter().zip(&mut rows) { r.sort_by(f64::total_cmp); println!("{n} min {:.1} median {:.1}", r[0], r[5]); }
}
