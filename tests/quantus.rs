//! Ratings of explanations against those of Quantus, and of the papers' formulas; see reference_methods.

use burn_xai::evaluation::{FlippingCurve, PixelFlipping};

use crate::reference_methods::{Entry, Network, Value, on};

/// Rates both explanations of `cnn` that quantus.json has.
fn on_both(rate: impl Fn(&Network, Value, Entry)) {
    on(&["cnn"], |net| {
        for key in ["saliency", "integrated_gradients"] {
            let entry = net.rated().get(key);
            rate(net, entry.get("relevance").value(), entry.get("values"));
        }
    });
}

/// They are those of captum.json.
#[test]
fn rated_explanations() {
    on(&["cnn"], |net| {
        for (key, of) in
            [("saliency", "saliency"), ("integrated_gradients", "integrated_gradients_gauss_legendre")]
        {
            let relevance = net.rated().get(key).get("relevance").value();
            net.compare(key, net.entry(of), &relevance);
            assert_eq!(net.rated().get(key).get("values").keys().len(), 19);
        }
    });
}

/// All samples' scores, without the first ones where the reference has not those.
fn scores(curves: &[FlippingCurve], skipped: usize) -> Vec<f64> {
    curves.iter().flat_map(|curve| curve.scores[skipped..].to_vec()).collect()
}

#[test]
fn pixel_flipping() {
    on_both(|net, relevance, values| {
        let want = values.get("pixel_flipping");
        let flipping = PixelFlipping::new(&net.model).with_region([1, 1, 1]).with_steps(want.shape()[1]);
        let curves = flipping.curves(net.input(), relevance, net.target()).unwrap();
        net.compare_numbers("pixel flipping", &want.numbers(), &scores(&curves, 1));
    });
}

#[test]
fn region_perturbation() {
    on_both(|net, relevance, values| {
        for (key, relevance) in
            [("region_perturbation_morf", relevance.clone()), ("region_perturbation_lerf", relevance * -1.0)]
        {
            let want = values.get(key);
            let patch = want.get("patch").number() as usize;
            let channels = net.input().dims()[1];
            let flipping = PixelFlipping::new(&net.model).with_region([channels, patch, patch]);
            let flipping = flipping.with_steps(want.shape()[1]);
            let curves = flipping.curves(net.input(), relevance, net.target()).unwrap();
            let drops = curves.iter().flat_map(|curve| curve.scores[1..].iter().map(|x| curve.scores[0] - x));
            net.compare_numbers(key, &want.numbers(), &drops.collect::<Vec<_>>());
        }
    });
}

/// Insertion is flipping from the baseline to the input.
#[test]
fn insertion_and_deletion() {
    on_both(|net, relevance, values| {
        let (x, channels) = (net.input(), net.input().dims()[1]);
        let flipping = PixelFlipping::new(&net.model).with_region([channels, 1, 1]);
        for (key, start, flipping) in [
            ("deletion", x.clone(), flipping.clone()),
            ("insertion", net.baseline(), flipping.with_baseline(x.clone())),
        ] {
            let want = values.get(key);
            let flipping = flipping.with_steps(want.shape()[1] - 1);
            let curves = flipping.curves(start, relevance.clone(), net.target()).unwrap();
            net.compare_numbers(key, &want.numbers(), &scores(&curves, 0));
            let areas: Vec<f64> = curves.iter().map(FlippingCurve::area).collect();
            net.compare_numbers(&format!("area of {key}"), &want.get("area").numbers(), &areas);
        }
    });
}
