//! Ratings of explanations against those of Quantus and Captum, and of the papers' formulas; see reference_methods.

use std::collections::BTreeSet;

use burn_xai::attributor::{Attributor, IntegratedGradients, Quadrature, Saliency};
use burn_xai::backend::flex::Flex;
use burn_xai::evaluation::{
    Completeness, CompletenessGap, FlippingCurve, Infidelity, Localisation, MaxSensitivity, PixelFlipping,
    Road, Sparseness,
};
use burn_xai::graph::GraphBuilder;
use burn_xai::layer::Reshape;
use burn_xai::model::{Inputs, Model, Target};

use crate::reference_methods::{Entry, Network, Value, numbers, on};

/// Explanations that quantus.json rates, and their names in captum.json.
const EXPLANATIONS: [(&str, &str); 2] =
    [("saliency", "saliency"), ("integrated_gradients", "integrated_gradients_gauss_legendre")];

/// An explanation of `cnn`, and a rating that quantus.json has of it.
struct Rated<'a> {
    net: &'a Network,
    key: &'static str,
    explanation: &'static str,
    relevance: Value,
    want: Entry,
}

/// A test for each rating of quantus.json, by what finds its numbers.
macro_rules! ratings {
    ($($key:ident: $rate:expr,)*) => {
        const RATINGS: &[&str] = &[$(stringify!($key)),*];

        $(
            #[test]
            fn $key() {
                on_both(stringify!($key), |rated| rated.compare($rate));
            }
        )*
    };
}

ratings! {
    pixel_flipping: |rated| rated.steps(rated.flipping(50).with_region([1, 1, 1])),
    region_perturbation_morf: |rated| rated.drops(rated.patches()),
    region_perturbation_lerf: |rated| rated.drops(rated.patches().with_least_relevant_first()),
    deletion: |rated| rated.path(rated.flipping(25), rated.net.target()),
    deletion_probability: |rated| rated.path(rated.flipping(25), rated.net.target().with_softmax()),
    insertion: |rated| rated.path(rated.insertion(), rated.net.target()),
    insertion_probability: |rated| rated.path(rated.insertion(), rated.net.target().with_softmax()),
    infidelity: |rated| rated.infidelity(Infidelity::new(&rated.net.model)),
    infidelity_normalized: |rated| rated.infidelity(Infidelity::new(&rated.net.model).with_scaling()),
    sensitivity_max: |rated| rated.sensitivity(),
    // Quantus adds this to each magnitude.
    sparseness: |rated| Sparseness::Gini.values(rated.relevance.abs() + 1e-7).unwrap(),
    // Quantus adds 1e-12 to what it takes the logarithm of: 2e-10 of 200 elements, which is less than the tolerance.
    complexity: |rated| Sparseness::Entropy.values(rated.relevance.clone()).unwrap(),
    pointing_game: |rated| rated.locate(Localisation::pointing_game(rated.object())),
    pointing_game_absolute: |rated| rated.locate(Localisation::pointing_game(rated.object()).with_magnitudes()),
    relevance_mass: |rated| rated.signed_mass(),
    relevance_mass_absolute: |rated| rated.locate(Localisation::mass_accuracy(rated.object()).with_magnitudes()),
    relevance_rank: |rated| rated.locate(Localisation::rank_accuracy(rated.object())),
    relevance_rank_absolute: |rated| rated.locate(Localisation::rank_accuracy(rated.object()).with_magnitudes()),
}

fn on_both(key: &'static str, test: impl Fn(&Rated)) {
    on(&["cnn"], |net| {
        for (explanation, _) in EXPLANATIONS {
            let entry = net.rated().get(explanation);
            let (relevance, want) = (entry.get("relevance").value(), entry.get("values").get(key));
            test(&Rated { net, key, explanation, relevance, want });
        }
    });
}

#[test]
fn nothing_is_left_out() {
    on(&["cnn"], |net| {
        let others = ["versions", "perturbations", "neighbours", "object", "road"];
        assert_eq!(net.rated().keys().len(), EXPLANATIONS.len() + others.len());
        assert_eq!(net.rated().get("road").keys().len(), 2);
        let tested = BTreeSet::from_iter([RATINGS, &["completeness"]].concat());
        for (key, of) in EXPLANATIONS {
            let entry = net.rated().get(key);
            assert_eq!(BTreeSet::from_iter(entry.get("values").keys()), tested);
            // What was rated is what captum.json has.
            net.compare(key, net.entry(of), &entry.get("relevance").value());
        }
    });
}

impl Rated<'_> {
    fn compare(&self, rate: impl Fn(&Self) -> Vec<f64>) {
        self.compare_part("values", &self.want.numbers(), &rate(self));
    }

    fn compare_part(&self, part: &str, want: &[f64], got: &[f64]) {
        self.net.compare_numbers(&format!("{}, {part} of {}", self.key, self.explanation), want, got);
    }

    fn flipping(&self, steps: usize) -> PixelFlipping<Flex> {
        PixelFlipping::new(&self.net.model).with_steps(steps)
    }

    fn patches(&self) -> PixelFlipping<Flex> {
        self.flipping(25).with_region(self.want.get("patch").number() as usize)
    }

    fn insertion(&self) -> PixelFlipping<Flex> {
        self.flipping(25).with_insertion().with_baseline(self.net.baseline())
    }

    fn curves(&self, flipping: PixelFlipping<Flex>, target: Target<Flex>) -> Vec<FlippingCurve> {
        flipping.curves(self.net.input(), self.relevance.clone(), target).unwrap()
    }

    /// The scores without that of the unchanged input, which Quantus leaves out.
    fn steps(&self, flipping: PixelFlipping<Flex>) -> Vec<f64> {
        let curves = self.curves(flipping, self.net.target());
        curves.iter().flat_map(|curve| curve.scores[1..].to_vec()).collect()
    }

    /// Compares the areas too.
    fn path(&self, flipping: PixelFlipping<Flex>, target: Target<Flex>) -> Vec<f64> {
        let curves = self.curves(flipping, target);
        let areas = curves.iter().map(FlippingCurve::area).collect::<Vec<_>>();
        self.compare_part("areas", &self.want.get("area").numbers(), &areas);
        curves.into_iter().flat_map(|curve| curve.scores).collect()
    }

    /// Compares the mean drops of the paper too, for which the unchanged input counts.
    fn drops(&self, flipping: PixelFlipping<Flex>) -> Vec<f64> {
        let curves = self.curves(flipping, self.net.target());
        let want = self.want.numbers();
        let means = want.chunks(25).map(|drops| drops.iter().sum::<f64>() / 26.0).collect::<Vec<_>>();
        let found = curves.iter().map(FlippingCurve::aopc).collect::<Vec<_>>();
        self.compare_part("mean drops", &means, &found);
        curves.iter().flat_map(|curve| curve.drops()[1..].to_vec()).collect()
    }

    /// Several tensors of the input's shape.
    fn inputs(&self, key: &str) -> Vec<Inputs<Flex>> {
        let (all, dims) = (self.net.rated().get(key).numbers(), self.net.input().dims());
        let each = all.chunks(dims.iter().product());
        each.map(|numbers| self.net.value(numbers, &dims).into()).collect()
    }

    fn infidelity(&self, infidelity: Infidelity<Flex>) -> Vec<f64> {
        let (net, perturbations) = (self.net, self.inputs("perturbations"));
        infidelity
            .values_with_perturbations(net.input(), self.relevance.clone(), net.target(), &perturbations)
            .unwrap()
    }

    fn sensitivity(&self) -> Vec<f64> {
        let (net, near) = (self.net, self.inputs("neighbours"));
        let integrated = IntegratedGradients::new(&net.model).with_quadrature(Quadrature::GaussLegendre);
        let integrated = integrated.with_steps(50).with_baseline(net.baseline());
        let saliency = Saliency::new(&net.model);
        let method: &dyn Attributor<Flex> =
            if self.explanation == "saliency" { &saliency } else { &integrated };
        MaxSensitivity::new(&net.model).values_at(method, net.input(), net.target(), &near).unwrap()
    }

    fn object(&self) -> Value {
        self.net.rated().get("object").value()
    }

    fn locate(&self, localisation: Localisation<Flex>) -> Vec<f64> {
        localisation.values(self.relevance.clone()).unwrap()
    }

    /// In Quantus negative relevance counts against the rest: from the masses of both signs.
    fn signed_mass(&self) -> Vec<f64> {
        let mass = |relevance| Localisation::mass_accuracy(self.object()).values(relevance).unwrap();
        let pixels = numbers(&self.relevance.clone().sum_dim(1));
        let totals = pixels.chunks(pixels.len() / self.want.shape()[0]).map(|pixels| {
            let positive: f64 = pixels.iter().map(|x| x.max(0.0)).sum();
            (positive, positive - pixels.iter().sum::<f64>())
        });
        let masses = mass(self.relevance.clone()).into_iter().zip(mass(self.relevance.clone() * -1.0));
        masses
            .zip(totals)
            .map(|((a, b), (positive, negative))| (a * positive - b * negative) / (positive - negative))
            .collect()
    }
}

/// Each side of the gap: to compare the gap itself, which may be 1 % of either, would compare the scores' rounding.
#[test]
fn completeness() {
    on_both("completeness", |rated| {
        let (net, off) = (rated.net, rated.want.numbers());
        let relevance = net.rated().get(rated.explanation).get("relevance").numbers();
        let sums = relevance.chunks(relevance.len() / off.len()).map(|sample| sample.iter().sum());
        let sums = sums.collect::<Vec<f64>>();
        let differences = sums.iter().zip(off).map(|(sum, off)| sum - off).collect::<Vec<_>>();
        let completeness = Completeness::new(&net.model).with_baseline(net.baseline());
        let gaps = completeness.gaps(net.input(), rated.relevance.clone(), net.target()).unwrap();
        let of = |part: fn(&CompletenessGap) -> f64| gaps.iter().map(part).collect::<Vec<_>>();
        rated.compare_part("sums", &sums, &of(|gap| gap.relevance));
        rated.compare_part("differences", &differences, &of(|gap| gap.difference));
    });
}

/// A model that gives its input back, each copy's score another element, shows what ROAD fills in.
#[test]
fn road() {
    on(&["cnn"], |net| {
        let road = net.rated().get("road");
        let (missing, imputed) = (road.get("missing").numbers(), road.get("imputed"));
        let (elements, dims) = (imputed.numbers().len(), [&[1], &imputed.shape()[..]].concat());
        let mut graph = GraphBuilder::<Flex>::new();
        let x = graph.input("x", &dims).unwrap();
        let y = graph.push("y", Reshape::flatten(), &[x]).unwrap();
        let model = Model::from(graph.finish(y).unwrap());

        let copies =
            |sample: &[f64]| net.value(&sample.repeat(elements), &[&[elements], &dims[1..]].concat());
        let input = copies(&numbers(&net.input())[..elements]);
        let percentage = 100.0 * missing.iter().sum::<f64>() / missing.len() as f64;
        let road = Road::new(&model).with_noise(0.0).with_percentages([percentage]);
        let target = Target::classes((0..elements).collect::<Vec<_>>());
        let curves = road.curves(input, copies(&missing.repeat(dims[1])), target).unwrap();
        let found = curves.iter().map(|curve| curve.scores[1]).collect::<Vec<_>>();
        net.compare_numbers("ROAD", &imputed.numbers(), &found);
    });
}
